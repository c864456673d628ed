"""The rule for words in the graph, against that in Python."""

import numpy as np
import pytest
import tensorflow as tf
from export.candidate_batches import as_rows, as_tensors
from export.saved_models import answers_elsewhere
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenization.tokenization_texts import hostile_texts

from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.export.code_points import decode_utf8
from biaffine_tf.export.words import GraphWordRule
from biaffine_tf.tokenization import WordRule

RULE = WordRule("aa a0 0a 00 #a a' 'a")
GRAPH = GraphWordRule(RULE)
encodable = hostile_texts.map(
    lambda text: text.encode("utf-8", "replace").decode()
)


def of_texts(texts):
    encoded = [text.encode() for text in texts]
    return decode_utf8(tf.constant(encoded, tf.string))


def columns(starts, ends):
    """Candidates of one text, in a graph too."""
    count = tf.size(starts)
    return CandidateTensors(
        tf.zeros([count], tf.int32),
        starts,
        ends,
        tf.ones([count], tf.int32),
        *[tf.zeros([count])] * 3,
    )


def every_span(texts):
    """A candidate for each range of characters of each text."""
    spans = [
        (number, start, end)
        for number, text in enumerate(texts)
        for start in range(len(text))
        for end in range(start + 1, len(text) + 1)
    ]
    return [(*one, 1, 0.5, 0.5, 0.5) for one in spans]


def at_words(rows, texts):
    inside = [RULE.inside(text) for text in texts]
    return [
        row
        for row in rows
        if not inside[row[0]][row[1]] and not inside[row[0]][row[2]]
    ]


@pytest.mark.slow
@settings(max_examples=100)
@given(texts=st.lists(encodable, max_size=5), seed=st.integers(0, 99))
def test_hostile_texts(texts, seed):
    texts = [text[:20] for text in texts]
    rows = every_span(texts)
    np.random.default_rng(seed).shuffle(rows)
    rows = [(*map(int, row[:4]), *row[4:]) for row in rows]
    found = as_rows(GRAPH(as_tensors(rows), of_texts(texts)))
    assert found == at_words(rows, texts)


@pytest.mark.slow
def test_every_code_point():
    """Each one between letters, digits and itself, in one long text."""
    characters = [
        chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000
    ]
    text = "".join(f"a{one}{one}0{one}#" for one in characters)
    places = np.arange(len(text))
    rows = columns(*(tf.constant(x, tf.int32) for x in (places, places + 1)))
    inside = RULE.inside(text)
    found = GRAPH(rows, of_texts([text])).starts.numpy()
    want = places[~inside[:-1] & ~inside[1:]]
    np.testing.assert_array_equal(found, want)
    assert 0 < len(want) < len(places)


def test_texts_do_not_touch():
    texts = ["ab", "", "ab", "a"]
    rows = [(n, 0, len(t), 1, 0.5, 0.5, 0.5) for n, t in enumerate(texts) if t]
    assert as_rows(GRAPH(as_tensors(rows), of_texts(texts))) == rows
    assert as_rows(GRAPH(as_tensors([]), of_texts(["", ""]))) == []
    assert as_rows(GRAPH(as_tensors([]), of_texts([]))) == []


@pytest.mark.slow
def test_it_is_saved(tmp_path):
    class Module(tf.Module):
        def __init__(self):
            super().__init__()
            self.rule = GraphWordRule(RULE)

        @tf.function(
            input_signature=[
                tf.TensorSpec([None], tf.string, "texts"),
                tf.TensorSpec([None], tf.int32, "starts"),
            ],
            autograph=False,
        )
        def serve(self, texts, starts):
            rows = columns(starts, starts + 1)
            return {"starts": self.rule(rows, decode_utf8(texts)).starts}

    text = "Zoë’s 3 猫 in #x, 𠮷a"
    starts = list(range(len(text)))
    module = Module()
    (answer,) = answers_elsewhere(
        module,
        module.serve,
        [{"texts": ([text.encode()], tf.string), "starts": (starts, tf.int32)}],
        tmp_path,
    )
    inside = RULE.inside(text)
    want = [one for one in starts if not inside[one] and not inside[one + 1]]
    assert answer["starts"].tolist() == want

"""In-graph windows against those in Python."""

import functools
import itertools
import random

import numpy as np
import pytest
import tensorflow as tf
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenization.tokenization_texts import FRAGMENTS, VOCABULARY

from biaffine_tf import formats
from biaffine_tf.config import LongText
from biaffine_tf.export.breaks import GraphBreaks
from biaffine_tf.export.code_points import decode_utf8
from biaffine_tf.export.tokenizers import graph_tokenizer
from biaffine_tf.export.windows import GraphWindowing, WindowTensors
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import (
    TokenizerKind,
    Window,
    Windowing,
    Windows,
    make_tokenizer,
)
from biaffine_tf.tokenization.breaks import break_strengths

TOKENIZERS = [
    make_tokenizer(kind, VOCABULARY, do_lower_case=True)
    for kind in tiny.BERT_KINDS
]
each_tokenizer = pytest.mark.parametrize(
    "tokenizer", TOKENIZERS, ids=lambda one: str(one.kind)
)
# All that can stand around the end of a sentence.
SIGNS = [
    *"。！；;.…\n\r\u2028”)'\"]，:、 \t\x1f\u3000\u00a0中aé한",
    "..",
    "\u0301",
]


@functools.cache
def twin(tokenizer):
    return graph_tokenizer(tokenizer)


@functools.cache
def breaks(tokenizer):
    """Strengths in one vector, of strings, in a `tf.function`."""
    find, divide = GraphBreaks(), twin(tokenizer)

    def strengths(texts):
        points = decode_utf8(texts)
        tokens = divide(points)
        return tokens.ids.with_values(find(points, tokens))

    return tf.function(
        strengths,
        input_signature=[tf.TensorSpec([None], tf.string)],
        autograph=False,
    )


def check_breaks(tokenizer, texts):
    data = [text.encode() for text in texts]
    found = breaks(tokenizer)(tf.constant(data, tf.string)).to_list()
    for text, strengths in zip(texts, found, strict=True):
        want = break_strengths(text, tokenizer.encode(text)).tolist()
        assert strengths == want, text


def signs(count, seed, most=16):
    rng = random.Random(seed)
    return [
        "".join(rng.choices(SIGNS, k=rng.randrange(most))) for _ in range(count)
    ]


@pytest.mark.slow
@each_tokenizer
def test_breaks_of_thousands_of_texts(tokenizer):
    check_breaks(tokenizer, signs(3000, seed=0))


@pytest.mark.slow
@each_tokenizer
def test_breaks_of_every_text_of_few_signs(tokenizer):
    some = ["。", "\n", ".", ")", " ", "，", "a"]
    texts = [""]
    for _ in range(4):
        texts += [text + sign for text in texts for sign in some]
    check_breaks(tokenizer, sorted(set(texts)))


@pytest.mark.slow
@each_tokenizer
def test_breaks_at_every_character(tokenizer):
    characters = [chr(c) for c in [*range(0xD800), *range(0xE000, 0x11000)]]
    # Lines of one text: a break between lines depends on nothing else.
    form = "a{0}a\na. {0}a\na.{0}\na"
    check_breaks(tokenizer, [form.format(c) for c in characters])


def planned(windows):
    """(start, end) by text, of all windows."""
    by_text = {}
    for text, *bounds in tf.stack(windows, axis=1).numpy().tolist():
        by_text.setdefault(text, []).append(tuple(bounds))
    return by_text


def long_texts(count, seed):
    rng = random.Random(seed)
    return [
        "".join(rng.choices([*"中a" * 20, *SIGNS, *FRAGMENTS], k=length))
        .encode("utf-8", "replace")
        .decode()
        for length in (rng.choice([0, 3, 9, 30, 90]) for _ in range(count))
    ]


@pytest.mark.slow
@each_tokenizer
@settings(max_examples=12)
@given(most=st.integers(1, 40), seed=st.integers(0, 99), data=st.data())
def test_windows(tokenizer, most, seed, data):
    overlap = data.draw(st.none() | st.integers(0, most - 1))
    windowing = Windowing(
        max_tokens=most,
        window_overlap=overlap,
        long_text=data.draw(st.sampled_from([LongText.WINDOW, LongText.LINE])),
    )
    texts = long_texts(20, seed)
    points = decode_utf8(tf.constant([text.encode() for text in texts]))
    found = planned(GraphWindowing(windowing)(points, twin(tokenizer)(points)))
    for number, text in enumerate(texts):
        windows = windowing.divide(Sentence(text), tokenizer.encode(text))
        assert found.get(number, []) == [tuple(one) for one in windows]


@each_tokenizer
def test_lines_are_divided_one_by_one(tokenizer):
    texts = [
        "",
        "\n\r\n",
        "ab\nab",
        "\n\nab中ab中ab中ab\n中a\u2028",
        "中a中a中a中a中a中a中a中a中a\r\n" * 3,
        *long_texts(60, seed=5),
    ]
    windowing = Windowing(
        max_tokens=7, window_overlap=2, long_text=LongText.LINE
    )
    points = decode_utf8(tf.constant([text.encode() for text in texts]))
    found = planned(GraphWindowing(windowing)(points, twin(tokenizer)(points)))
    gaps = 0
    for number, text in enumerate(texts):
        windows = windowing.divide(Sentence(text), tokenizer.encode(text))
        bounds = [tuple(one) for one in windows]
        assert found.get(number, []) == bounds
        gaps += sum(
            end < start for (_, end), (start, _) in itertools.pairwise(bounds)
        )
    assert gaps > 10 or tokenizer.kind is TokenizerKind.WORDPIECE


@each_tokenizer
def test_long_texts_of_other_kinds(tokenizer):
    texts = long_texts(20, seed=1)
    points = decode_utf8(tf.constant([text.encode() for text in texts]))
    tokens = twin(tokenizer)(points)
    truncating = Windowing(max_tokens=9, long_text=LongText.TRUNCATE)
    found = planned(GraphWindowing(truncating)(points, tokens))
    for number, text in enumerate(texts):
        windows = truncating.divide(Sentence(text), tokenizer.encode(text))
        assert found.get(number, []) == [tuple(one) for one in windows]
    refusing = Windowing(max_tokens=9, long_text=LongText.ERROR)
    with pytest.raises(tf.errors.InvalidArgumentError, match="tokens than 9"):
        GraphWindowing(refusing)(points, tokens)
    short = points[:, :4]
    found = GraphWindowing(refusing)(short, twin(tokenizer)(short))
    assert len(planned(found)) == len({*found.texts.numpy()})


def test_the_same_window_decides():
    rng = random.Random(0)
    texts, plans = [], []
    for number in range(300):
        bounds = [(0, rng.randrange(1, 9))]
        while rng.random() < 0.7:
            start, end = bounds[-1]
            start = rng.randrange(start + 1, end + 1)
            bounds.append((start, rng.randrange(max(start, end) + 1, end + 9)))
        texts += [number] * len(bounds)
        plans.append(bounds)
    windows = WindowTensors(
        tf.constant(texts),
        *tf.unstack(tf.constant([x for one in plans for x in one]), axis=1),
    )
    spans, want = [], []
    begin = 0
    for number, bounds in enumerate(plans):
        held = sorted(
            {
                (first, last)
                for start, end in bounds
                for first in range(start, end)
                for last in range(first, end)
            }
        )
        spans += [(number, *span) for span in held]
        chosen = Windows([Window(*x) for x in bounds]).most_central(
            *np.array(held).T
        )
        want += (begin + chosen).tolist()
        begin += len(bounds)
    found = windows.most_central(*tf.unstack(tf.constant(spans), axis=1))
    assert found.numpy().tolist() == want


@pytest.mark.slow
def test_windows_of_a_real_document(data_folder):
    sentences = formats.read(data_folder / "ner" / "cluener" / "dev.json")
    text = "".join(one.text for one in sentences)[:50_000]
    points = decode_utf8(tf.constant([text.encode(), b"", b"a"]))
    for tokenizer in TOKENIZERS:
        windowing = Windowing(max_tokens=126)
        found = planned(
            GraphWindowing(windowing)(points, twin(tokenizer)(points))
        )
        windows = windowing.divide(Sentence(text), tokenizer.encode(text))
        assert found == {0: [tuple(x) for x in windows], 2: [(0, 1)]}

"""Entities at words, against decoding of what is left of all candidates."""

import itertools
import random
import shutil

import pytest
import tiny
from hostile import FRAGMENTS, HOSTILE

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    LongText,
    TokenizerKind,
    WordBoundaries,
)
from biaffine_tf.export.onnx_export import write_onnx
from biaffine_tf.inference.onnx import OnnxPredictor
from biaffine_tf.inference.postprocessing import Postprocessor
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import WordRule, find_edges

pytestmark = pytest.mark.slow  # every test runs models

RULE = "aa a0 0a 00"
AT_WORDS = {"word_boundaries": WordBoundaries.WORDS, "word_rule": RULE}


def sentences(count, seed=0):
    """Hostile texts, in words and without."""
    rng = random.Random(seed)
    made = [Sentence(text) for text in HOSTILE]
    for _ in range(count):
        words = [
            "".join(rng.choices(FRAGMENTS, k=rng.randint(1, 4)))
            for _ in range(rng.randint(0, 15))
        ]
        separator = rng.choice(["", " "])
        text = separator.join(words)
        lengths = [len(word) + len(separator) for word in words]
        ends = list(itertools.accumulate(lengths))
        tokens = tuple(
            (end - length, end - len(separator))
            for end, length in zip(ends, lengths, strict=True)
        )
        made += [Sentence(text, words=tokens), Sentence(text)]
    return made


def keys(found):
    return [[span.key for span in one.spans] for one in found]


def at_words(predictor, sentence, candidates):
    """By brute force: those between the edges of the tokens that may be."""
    tokens = predictor.tokenizer.encode(sentence.text)
    edges = find_edges(sentence, tokens, WordRule(RULE))
    if edges is None:
        return candidates
    begins, ends = (
        {
            offsets[side]
            for offsets, is_edge in zip(tokens.offsets, column, strict=True)
            if is_edge
        }
        for side, column in enumerate(edges)
    )
    return [x for x in candidates if x.start in begins and x.end in ends]


@pytest.mark.parametrize("kind", tiny.BERT_KINDS)
@pytest.mark.parametrize(
    "settings",
    [
        {"nested": True},
        {"decoder": Decoder.GREEDY},
        {"decoder": Decoder.FREE, "long_text": LongText.LINE},
    ],
    ids=str,
)
def test_candidates_that_cut_words_are_dropped_first(
    directories, kind, settings
):
    free = Predictor.from_directory(directories[kind], **settings)
    bound = Predictor.from_directory(directories[kind], **settings, **AT_WORDS)
    data = sentences(40)
    least = 0.3
    every = list(free.candidates(data, min_score=least))
    left = [at_words(free, *both) for both in zip(data, every, strict=True)]
    assert 0 < sum(map(len, left)) < 0.9 * sum(map(len, every))
    found = list(bound.candidates(data, min_score=least))
    assert list(map(sorted, found)) == list(map(sorted, left))

    # Entities of the model are candidates whose margin is above zero.
    postprocess = Postprocessor(free.decoding, Confidence())
    want = [
        [
            (one.start, one.end, one.label)
            for one in postprocess(
                [x for x in some if x.margin > 0], None, sentence.text
            )
        ]
        for sentence, some in zip(
            data,
            (
                at_words(free, one, some)
                for one, some in zip(
                    data, free.candidates(data, min_score=1e-9), strict=True
                )
            ),
            strict=True,
        )
    ]
    assert keys(bound.predict(data)) == want != keys(free.predict(data))
    # A call can have it either way.
    assert keys(free.predict(data, **AT_WORDS)) == want
    freed = bound.predict(data, word_boundaries="free")
    assert keys(freed) == keys(free.predict(data))


def test_the_last_resort_is_at_words_too(directories):
    path = directories[TokenizerKind.CHAR]
    bound = Predictor.from_directory(path, force_one_entity=True, **AT_WORDS)
    words = [one for one in sentences(40) if one.words]
    for one in bound.predict(words):
        starts, ends = ({word[i] for word in one.words} for i in (0, 1))
        assert all(s.start in starts and s.end in ends for s in one.spans)


def test_models_of_before_there_were_words(directories, tmp_path):
    """Their settings lack the fields; words that are given change nothing."""
    path = tmp_path / "model"
    shutil.copytree(directories[TokenizerKind.WORDPIECE], path)
    config = path / "config.json"
    text = config.read_text()
    lines = [x for x in text.splitlines() if '"word_' not in x]
    assert len(lines) == len(text.splitlines()) - 2
    # The field before them is the last one now.
    config.write_text("\n".join(lines).replace('_inside": "",', '_inside": ""'))
    old = Predictor.from_directory(path)
    assert old.decoding == DecodingConfig()
    data = sentences(40)
    plain = [Sentence(one.text) for one in data]
    assert keys(old.predict(data)) == keys(old.predict(plain))


@pytest.mark.parametrize("kind", tiny.BERT_KINDS)
def test_onnx(directories, kind, tmp_path):
    source = Predictor.from_directory(
        directories[kind], decoder=Decoder.FREE, **AT_WORDS
    )
    write_onnx(
        str(tmp_path),
        model=source.model,
        config=model_directory.read_config(directories[kind]),
        labels=source.labels,
        tokenizer=source.tokenizer,
        decoding=source.decoding,
        windowing=source.windowing,
        confidence=source.confidence,
    )
    data = sentences(40)
    with OnnxPredictor.from_directory(tmp_path) as ner:
        assert ner.decoding == source.decoding
        found = keys(ner.predict(data))
        assert found == keys(source.predict(data))
        assert found != keys(ner.predict(data, word_boundaries="free"))

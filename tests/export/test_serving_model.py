"""The graph that is exported against the predictor, span for span."""

import itertools
import random

import hostile
import numpy as np
import pytest
import tensorflow as tf
import tiny
from export.saved_models import answers_elsewhere
from hostile import FRAGMENTS, HOSTILE, LABELS

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    LongText,
    Precision,
    WordBoundaries,
)
from biaffine_tf.encoders.fused_encoder import policy_scope
from biaffine_tf.export import searching
from biaffine_tf.export.model import ServingModel
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.tokenization import TokenizerKind, Windowing, make_tokenizer

pytestmark = pytest.mark.slow  # each model is traced for many seconds

TRUSTED = Confidence(
    temperature=1.7,
    bias=-0.2,
    thresholds={"letter": 0.3, "sky": 0.8},
    default_threshold=0.4,
)
AT_WORDS = {
    "word_boundaries": WordBoundaries.WORDS,
    "word_rule": "aa a0 0a 00 #a",
}
each_kind = pytest.mark.parametrize("kind", tiny.BERT_KINDS)


def random_texts(count, seed=0):
    rng = random.Random(seed)
    return [
        *HOSTILE,
        *(
            "".join(rng.choices(FRAGMENTS, k=rng.choice([1, 5, 15, 60])))
            for _ in range(count)
        ),
    ]


def pair_of(
    kind,
    *,
    confidence=None,
    long_text=LongText.WINDOW,
    precision=Precision.FLOAT32,
    **decoding,
):
    """A predictor, and what is exported of it."""
    with policy_scope(str(precision)):
        model = hostile.model(kind)
    tokenizer = make_tokenizer(kind, hostile.VOCABULARY, do_lower_case=True)
    settings = {
        "decoding": DecodingConfig(**decoding),
        "confidence": confidence or Confidence(),
        "windowing": Windowing.of(model.config, long_text=long_text),
    }
    predictor = Predictor(model, tokenizer, LABELS, **settings)
    return predictor, ServingModel(model, tokenizer, LABELS, **settings)


def encoded(texts):
    return tf.constant([text.encode() for text in texts], tf.string)


def by_text(answer):
    """(start, end, label, score) of the entities of each text."""
    answer = {name: np.asarray(value) for name, value in answer.items()}
    rows = list(
        zip(
            answer["starts"].tolist(),
            answer["ends"].tolist(),
            [label.decode() for label in answer["labels"]],
            answer["scores"].tolist(),
            strict=True,
        )
    )
    bounds = np.cumsum([0, *answer["row_lengths"]])
    assert bounds[-1] == len(rows)
    return [rows[a:b] for a, b in itertools.pairwise(bounds)]


def check(predictor, found, texts, tolerance=1e-5):
    want = predictor(texts)
    assert len(found) == len(texts)
    for text, entities, rows in zip(texts, want, found, strict=True):
        assert [row[:3] for row in rows] == [
            (one.start, one.end, one.label) for one in entities
        ], text
        scores = [one.score for one in entities]
        assert [row[3] for row in rows] == pytest.approx(scores, abs=tolerance)
    return sum(map(len, want))


@pytest.fixture(scope="module")
def plain():
    """A pair of each kind, with settings as they are if none are given."""
    return {kind: pair_of(kind) for kind in tiny.BERT_KINDS}


@each_kind
def test_it_answers_as_the_predictor(kind, plain):
    predictor, exported = plain[kind]
    texts = random_texts(60)
    found = by_text(exported.serve(encoded(texts)))
    assert check(predictor, found, texts) > 60


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("char", {"nested": True, "long_text": LongText.LINE}),
        ("char", {"decoder": Decoder.GREEDY, "confidence": TRUSTED}),
        (
            "wordpiece",
            {
                "nested": True,
                "force_one_entity": True,
                "forbidden_edges": "，天",
                "confidence": TRUSTED,
            },
        ),
        (
            "char",
            {
                "long_text": LongText.TRUNCATE,
                "decoder": Decoder.FREE,
                **AT_WORDS,
            },
        ),
        ("wordpiece", {"force_one_entity": True, **AT_WORDS}),
    ],
    ids=str,
)
def test_with_other_settings(kind, settings):
    predictor, exported = pair_of(TokenizerKind(kind), **settings)
    texts = random_texts(60)
    found = by_text(exported.serve(encoded(texts)))
    assert check(predictor, found, texts) > 60


@each_kind
def test_no_texts_and_texts_of_nothing(kind, plain):
    _, exported = plain[kind]
    assert by_text(exported.serve(tf.zeros([0], tf.string))) == []
    assert by_text(exported.serve(encoded(["", "", ""]))) == [[], [], []]
    found = by_text(exported.serve(encoded(["", "ab", ""])))
    assert found[0] == found[2] == []


def test_batches_do_not_matter(monkeypatch, plain):
    predictor, exported = plain[TokenizerKind.CHAR]
    texts = random_texts(30)
    want = by_text(exported.serve(encoded(texts)))
    monkeypatch.setattr(searching, "_TOKENS_PER_BATCH", 50)
    _, exported = pair_of(TokenizerKind.CHAR)
    found = by_text(exported.serve(encoded(texts)))
    check(predictor, found, texts)
    assert [[row[:3] for row in rows] for rows in found] == [
        [row[:3] for row in rows] for rows in want
    ]


def test_bytes_that_are_no_text(plain):
    predictor, exported = plain[TokenizerKind.CHAR]
    data = [b"\xff", b"ab\xe5\xa4", b"\xed\xa0\x80ab", b"\x00a\x00", b"a\xc3b"]
    texts = [one.decode("utf-8", "replace") for one in data]
    check(predictor, by_text(exported.serve(tf.constant(data))), texts)


def test_fifty_thousand_characters_are_answered(plain):
    predictor, exported = plain[TokenizerKind.CHAR]
    texts = ["ab", "天地ab " * 10_000, ""]
    found = by_text(exported.serve(encoded(texts)))
    assert check(predictor, found, texts) > 10_000


@each_kind
def test_saved_it_needs_no_code_of_ours(kind, tmp_path):
    predictor, exported = pair_of(kind, nested=True, confidence=TRUSTED)
    texts = [*random_texts(100), "天地ab " * 60]
    requests = [
        {"texts": ([text.encode() for text in some], tf.string)}
        for some in (texts[:1], texts, texts[:7], [])
    ]
    whole, *_ = rest = answers_elsewhere(
        exported, exported.serve, requests[1:], tmp_path
    )
    found = by_text(whole)
    assert check(predictor, found, texts) > 300
    for some, whole in zip(by_text(rest[1]), found[:7], strict=True):
        assert [row[:3] for row in some] == [row[:3] for row in whole]
        scores = [row[3] for row in whole]
        assert [row[3] for row in some] == pytest.approx(scores, abs=1e-5)
    assert by_text(rest[2]) == []


def in_rows(answer):
    """Rows as a server sends them to `instances`: each output in B tokens."""
    columns = {name: np.asarray(value) for name, value in answer.items()}
    sizes = {len(column) for column in columns.values()}
    assert len(sizes) == 1, "the server refuses outputs of different sizes"
    return [
        {name: column[row].tolist() for name, column in columns.items()}
        for row in range(*sizes)
    ]


def from_rows(rows):
    """(start, end, label, score) of the entities of each text."""
    return [
        [
            (start, end, label.decode(), score)
            for start, end, label, score in zip(
                *(row[name] for name in ("starts", "ends", "labels", "scores")),
                strict=True,
            )
        ][: row["count"]]
        for row in rows
    ]


@each_kind
def test_batched_answers_text_by_text(kind, plain):
    """Whatever the number of entities, also where it is that of texts."""
    predictor, exported = plain[kind]
    texts = random_texts(60)
    found = from_rows(in_rows(exported.serve_batched(encoded(texts))))
    assert check(predictor, found, texts) > 60
    with_two = next(
        text for text, rows in zip(texts, found, strict=True) if len(rows) == 2
    )
    found = from_rows(in_rows(exported.serve_batched(encoded([with_two, ""]))))
    assert check(predictor, found, [with_two, ""]) == 2


def test_batched_pads_behind_the_entities(plain):
    _, exported = plain[TokenizerKind.CHAR]
    texts = ["", *random_texts(30)]
    answer = exported.serve_batched(encoded(texts))
    counts = answer.pop("count").numpy()
    padding = {"starts": -1, "ends": -1, "labels": b"", "scores": 0}
    for name, values in answer.items():
        assert values.shape == (len(texts), counts.max())
        behind = np.arange(counts.max()) >= counts[:, None]
        assert (values.numpy()[behind] == padding[name]).all()
    for some, rows in (([""], 1), ([], 0)):
        nothing = exported.serve_batched(encoded(some))
        assert nothing.pop("count").shape == (rows,)
        assert all(one.shape == (rows, 1) for one in nothing.values())


def test_batched_can_be_joined_and_taken_apart(plain):
    """As a server does with `--enable_batching`: along the first axis."""
    predictor, exported = plain[TokenizerKind.WORDPIECE]
    texts = random_texts(40)
    bounds = [0, 1, 2, 10, 11, 30, len(texts)]
    requests = [texts[a:b] for a, b in itertools.pairwise(bounds)]
    padding = texts[:1] * 3  # servers fill up to a size they allow
    joined = exported.serve_batched(
        tf.concat([encoded(one) for one in [*requests, padding]], 0)
    )
    parts = {
        name: tf.split(values, [*map(len, requests), len(padding)])
        for name, values in joined.items()
    }
    for number, request in enumerate(requests):
        answer = {name: some[number] for name, some in parts.items()}
        check(predictor, from_rows(in_rows(answer)), request)

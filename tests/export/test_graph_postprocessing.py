"""In-graph constraints, confidence and decisions against those in Python."""

import numpy as np
import pytest
import tensorflow as tf
from export.candidate_batches import (
    LABELS,
    Kind,
    as_rows,
    as_tensors,
    decoded_rows,
    of_sentence,
    random_rows,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf.calibration.confidence import Confidence, sigmoid
from biaffine_tf.config import Decoder, DecodingConfig, WordBoundaries
from biaffine_tf.decoding import Constraints
from biaffine_tf.export.code_points import decode_utf8
from biaffine_tf.export.confidence import GraphConfidence
from biaffine_tf.export.constraints import GraphConstraints
from biaffine_tf.export.postprocessing import GraphPostprocessor
from biaffine_tf.inference.postprocessing import Postprocessor
from biaffine_tf.tokenization import WordRule

SENTENCES = 60
HALVES = Kind(8, 9, [-0.5, 0.0, 0.5, 1.0])
# Beyond the first plane, too: positions are code points, not bytes.
ALPHABET = "ab，（𠮷\u3000"


def random_texts(random, length):
    """Texts that are at least so long."""
    return [
        "".join(random.choice(list(ALPHABET), length + random.integers(3)))
        for _ in range(SENTENCES)
    ]


def code_points(texts):
    return decode_utf8(tf.constant([text.encode() for text in texts]))


def choose(random, values):
    return values[random.integers(len(values))]


def random_confidence(random):
    thresholds = [None, {}, {"é": 0.75, "b": 0.3}, {"Z": 1.0, "a": 2.0**-20}]
    return Confidence(
        temperature=random.uniform(0.5, 2),
        bias=choose(random, [0.0, 0.3]),
        thresholds=choose(random, thresholds),
        default_threshold=choose(random, [0.5, 0.7, 0.999]),
    )


def nearly(rows):
    """Rows with floats to compare: a logarithm has more than one last bit."""
    return [
        tuple(
            pytest.approx(x, rel=1e-12, abs=1e-12)
            if isinstance(x, float)
            else x
            for x in row
        )
        for row in rows
    ]


characters = st.text(ALPHABET, max_size=3)


@settings(max_examples=50)
@given(
    seed=st.integers(0, 2**32 - 1),
    edges=characters,
    inside=characters,
    narrowest=st.integers(1, 4),
    widest=st.none() | st.integers(4, 6),
)
def test_constraints(seed, edges, inside, narrowest, widest):
    random = np.random.default_rng(seed)
    constraints = Constraints(
        min_width=narrowest,
        max_width=widest,
        forbidden_edges=edges,
        forbidden_inside=inside,
    )
    texts = random_texts(random, HALVES.length)
    rows = sorted(random_rows(random, SENTENCES, HALVES), key=lambda x: x[0])
    left = GraphConstraints(constraints)(as_tensors(rows), code_points(texts))
    assert as_rows(left) == decoded_rows(
        SENTENCES,
        lambda one: constraints.apply(of_sentence(rows, one), texts[one]),
    )


@pytest.mark.parametrize("seed", range(20))
def test_confidence(seed):
    random = np.random.default_rng(seed)
    confidence = random_confidence(random)
    rows = sorted(random_rows(random, SENTENCES, HALVES), key=lambda x: x[0])
    # Beyond what is told apart, too.
    odds = random.normal(size=len(rows)).astype("f") * 20
    rows = [
        (*row[:6], one) for row, one in zip(rows, odds.tolist(), strict=True)
    ]
    seen = as_rows(
        GraphConfidence(confidence, LABELS)(as_tensors(rows).in_double())
    )
    want = decoded_rows(
        SENTENCES, lambda one: confidence.apply(of_sentence(rows, one))
    )
    assert seen == nearly(want)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(40))
def test_decisions(seed):
    random = np.random.default_rng(seed)
    decoding = DecodingConfig(
        decoder=choose(random, list(Decoder)),
        nested=choose(random, [False, True]),
        one_label_per_span=choose(random, [False, True]),
        force_one_entity=choose(random, [False, True, True]),
        min_width=choose(random, [1, 2]),
        max_width=choose(random, [None, 5]),
        forbidden_edges=choose(random, ["", "，（"]),
        forbidden_inside=choose(random, ["", "（"]),
        word_boundaries=choose(random, list(WordBoundaries)),
        word_rule=choose(random, ["", "aa"]),
    )
    confidence = random_confidence(random)
    texts = random_texts(random, HALVES.length)
    rows = random_rows(random, SENTENCES, HALVES)
    others = random_rows(random, SENTENCES, HALVES._replace(most=2))
    graph = GraphPostprocessor(decoding, confidence, LABELS)
    found = as_rows(
        graph(as_tensors(rows), as_tensors(others), code_points(texts))
    )
    decision = Postprocessor(decoding, confidence)
    rule = WordRule.of(decoding)

    def at_words(rows, sentence):
        inside = (rule or WordRule("")).inside(texts[sentence])
        return [
            one
            for one in of_sentence(rows, sentence)
            if not inside[one.start] and not inside[one.end]
        ]

    def decide(sentence):
        best_other = min(
            at_words(others, sentence),
            key=lambda one: (
                -one.rank,
                one.start,
                one.end,
                one.label,
                -one.margin,
                -one.log_odds,
            ),
            default=None,
        )
        return decision(at_words(rows, sentence), best_other, texts[sentence])

    assert [
        (*row[:3], LABELS.name(row[3]), float(sigmoid(row[6]))) for row in found
    ] == nearly(
        (sentence, *span)
        for sentence in range(SENTENCES)
        for span in decide(sentence)
    )

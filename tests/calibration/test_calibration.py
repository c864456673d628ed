"""Calibration on data whose truth is known, and its figures against loops."""

import dataclasses
import json
import math

import numpy as np
import pytest
from confidence_data import sigmoid
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.scaling import (
    MIN_CANDIDATES,
    Outcomes,
    Reliability,
    Scaling,
    find_outcomes,
    fit_scaling,
    measure_reliability,
)
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span


def outcomes_of(seed, *, temperature=1.0, bias=0.0, count=20_000):
    """What becomes of candidates that a model is wrong about in a known way."""
    random = np.random.default_rng(seed)
    log_odds = np.where(
        random.random(count) < 0.5,
        random.normal(4, 2, count),
        random.normal(-2, 2, count),
    )
    right = random.random(count) < sigmoid(log_odds / temperature + bias)
    # As a model gives them.
    scores = sigmoid(log_odds).astype(np.float32).astype(np.float64)
    return Outcomes(scores, right, np.arange(count) // 10)


@pytest.mark.parametrize(
    ("temperature", "bias", "scaling"),
    [(t, 0.0, one) for t in (0.5, 1.0, 1.5, 4.0) for one in Scaling]
    + [(2.0, -0.7, Scaling.PLATT)],
)
def test_what_is_known_is_recovered(temperature, bias, scaling):
    found = outcomes_of(1, temperature=temperature, bias=bias)
    fit = fit_scaling(found, scaling=scaling)
    assert fit.confidence.temperature == pytest.approx(temperature, rel=0.06)
    assert fit.confidence.bias == pytest.approx(bias, abs=0.06)
    assert fit.confidence.thresholds is None and not fit.note
    if scaling is Scaling.TEMPERATURE:
        assert fit.confidence.bias == 0


@given(
    seed=st.integers(0, 2**32 - 1),
    temperature=st.floats(0.3, 5),
    bias=st.floats(-2, 2),
)
@settings(max_examples=20)
def test_nothing_nearby_is_likelier(seed, temperature, bias):
    found = outcomes_of(seed, temperature=temperature, bias=bias, count=300)

    def loss(confidence):
        scores = confidence.calibrate(found.scores)
        return -np.log(np.where(found.right, scores, 1 - scores)).mean()

    for scaling in Scaling:
        best, note = fit_scaling(found, scaling=scaling)
        if note:
            continue
        for factor in (0.9, 0.99, 1.01, 1.1):
            other = Confidence(
                temperature=best.temperature * factor, bias=best.bias
            )
            assert loss(best) <= loss(other) + 1e-9
        if scaling is Scaling.PLATT:
            for step in (-0.1, 0.1):
                other = dataclasses.replace(best, bias=best.bias + step)
                assert loss(best) <= loss(other) + 1e-9


def test_new_data_are_better_calibrated_than_before():
    kwargs = {"temperature": 2.5, "bias": -0.5}
    found, others = outcomes_of(3, **kwargs), outcomes_of(4, **kwargs)
    before = measure_reliability(others.scores, others.right)
    errors = [before.error]
    for scaling in Scaling:
        confidence = fit_scaling(found, scaling=scaling).confidence
        after = measure_reliability(
            confidence.calibrate(others.scores), others.right
        )
        assert after.brier < before.brier
        assert after.likelihood < before.likelihood
        errors.append(after.error)
    assert errors == sorted(errors, reverse=True)
    assert errors[0] > 0.08 and errors[2] < 0.01


@pytest.mark.parametrize(
    "count, right, note",
    [
        (0, [], "only 0 candidates"),
        (MIN_CANDIDATES - 1, [True, False], "only 49 candidates"),
        (MIN_CANDIDATES, [True], "all 50 candidates are right"),
        (MIN_CANDIDATES, [False], "all 50 candidates are wrong"),
    ],
)
@pytest.mark.parametrize("scaling", Scaling)
def test_too_little_to_learn_from_leaves_scores_alone(
    count, right, note, scaling
):
    found = Outcomes(
        np.linspace(0, 1, count),
        np.resize(np.array(right, bool), count),
        np.arange(count),
    )
    fit = fit_scaling(found, scaling=scaling)
    assert fit.confidence == Confidence()
    assert note in fit.note


@pytest.mark.parametrize("scaling", Scaling)
def test_scores_that_mean_nothing_or_the_contrary_are_said_to(scaling):
    found = outcomes_of(6, count=500)
    contrary = found._replace(right=found.scores < 0.5)
    fit = fit_scaling(contrary, scaling=scaling)
    assert fit.confidence.temperature == pytest.approx(10)
    assert "say little" in fit.note


def loop_reliability(scores, right):
    """Guo et al., equation 3, bin after bin."""
    error, bins = 0.0, []
    for index in range(15):
        lower, upper = index / 15, (index + 1) / 15
        inside = [
            (score, is_right)
            for score, is_right in zip(scores, right, strict=True)
            if lower < score <= upper or (index == 0 and score == 0)
        ]
        if inside:
            confidence = sum(score for score, _ in inside) / len(inside)
            accuracy = sum(is_right for _, is_right in inside) / len(inside)
            error += len(inside) / len(scores) * abs(accuracy - confidence)
            bins.append((lower, upper, len(inside), confidence, accuracy))
    brier = sum((s - y) ** 2 for s, y in zip(scores, right, strict=True))
    return error, brier / len(scores), bins


@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.floats(0, 1), st.integers(0, 15).map(lambda i: i / 15)
            ),
            st.booleans(),
        ),
        min_size=1,
        max_size=60,
    )
)
def test_reliability_equals_the_loop(rows):
    scores, right = zip(*rows, strict=True)
    found = measure_reliability(np.array(scores), np.array(right))
    error, brier, bins = loop_reliability(scores, right)
    assert found.error == pytest.approx(error)
    assert found.brier == pytest.approx(brier)
    rows = [dataclasses.astuple(one) for one in found.bins]
    assert [row[2] for row in rows] == [row[2] for row in bins]
    for row, expected in zip(rows, bins, strict=True):
        assert row == pytest.approx(expected)
    text = json.dumps(dataclasses.asdict(found))
    assert Reliability.from_json(json.loads(text)) == found


def test_nothing_has_no_error():
    found = measure_reliability(np.empty(0), np.empty(0, bool))
    assert (found.error, found.brier, found.bins) == (0.0, 0.0, ())


def test_outcomes_are_of_the_very_span():
    gold = Sentence("abcd", (Span(0, 2, "x"), Span(2, 3, "y")))
    found = Sentence(
        "abcd",
        (
            Span(0, 2, "x", 0.4),
            Span(0, 2, "x", 0.9),  # again: counts once, with the higher score
            Span(0, 2, "y", 0.8),
            Span(1, 3, "x", 0.7),
            Span(2, 3, "y", 0.0),
        ),
    )
    empty = Sentence("ab", ())
    outcomes = find_outcomes([(empty, empty), (gold, found)])
    assert outcomes.scores.tolist() == [0.9, 0.8, 0.7, 0.0]
    assert outcomes.right.tolist() == [True, False, False, True]
    assert outcomes.sentences.tolist() == [1, 1, 1, 1]


@pytest.mark.parametrize("score", [None, -0.1, 1.5, math.nan])
def test_every_candidate_needs_a_score(score):
    gold = Sentence("ab", ())
    found = Sentence("ab", (Span(0, 1, "x", score),), file="f.jsonl", line=7)
    with pytest.raises(DataError, match=r"^f.jsonl:7: 'a' \(x\) has the score"):
        find_outcomes([(gold, found)])


def test_the_likelihood_is_in_nats():
    found = measure_reliability(np.array([0.8, 0.8]), np.array([True, False]))
    assert found.likelihood == pytest.approx(-math.log(0.8 * 0.2) / 2)

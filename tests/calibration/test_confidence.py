"""Calibrated scores and thresholds against the formulas, one by one."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.calibration.confidence import (
    Confidence,
    above_cuts,
    sigmoid,
)
from biaffine_tf.decoding import Candidate, Decoder, decode
from biaffine_tf.errors import ConfigError

LABELS = ["x", "y", "z"]
probabilities = st.floats(1e-6, 1 - 1e-6)
confidences = st.builds(
    Confidence,
    temperature=st.floats(0.2, 5),
    bias=st.floats(-2, 2),
    thresholds=st.dictionaries(
        st.sampled_from(LABELS), st.floats(0.001, 0.999), max_size=2
    ),
    default_threshold=st.floats(0.001, 0.999),
)
candidates = st.lists(
    st.builds(
        lambda start, width, label, margin, logit, score: Candidate(
            start, start + width, label, margin, logit, log_odds(score)
        ),
        st.integers(0, 9),
        st.integers(1, 5),
        st.sampled_from(LABELS),
        st.floats(-9, 9),
        st.floats(-9, 9),
        probabilities,
    ),
    max_size=9,
)


def log_odds(probability):
    return math.log(probability / (1 - probability))


@given(candidates, confidences)
def test_thresholds_keep_what_is_above_them(found, confidence):
    expected = []
    for one in found:
        raw = log_odds(one.score) / confidence.temperature + confidence.bias
        threshold = confidence.thresholds.get(
            one.label, confidence.default_threshold
        )
        margin = raw - log_odds(threshold)
        if abs(margin) < 1e-6:
            return  # too close to say
        if margin > 0:
            expected.append((*one[:3], margin, raw, raw))
    applied = confidence.apply(found)
    assert [one[:3] for one in applied] == [row[:3] for row in expected]
    for one, row in zip(applied, expected, strict=True):
        assert one[3:] == pytest.approx(row[3:])


@given(candidates, st.floats(0.2, 5), st.sampled_from(Decoder), st.booleans())
def test_temperature_alone_changes_scores_and_no_decision(
    found, temperature, decoder, nested
):
    applied = Confidence(temperature=temperature).apply(found)
    assert [one[:5] for one in applied] == [one[:5] for one in found]
    for one, before in zip(applied, found, strict=True):
        assert one.score == pytest.approx(
            1 / (1 + math.exp(-log_odds(before.score) / temperature))
        )
    kept = decode(applied, decoder=decoder, nested=nested)
    plain = decode(found, decoder=decoder, nested=nested)
    assert [one[:5] for one in kept] == [one[:5] for one in plain]


@pytest.mark.slow
@given(
    seed=st.integers(0, 2**32 - 1),
    spread=st.sampled_from([0.1, 3.0, 30.0]),
    confidence=confidences,
)
def test_nothing_passes_below_the_lowest_margin(seed, spread, confidence):
    random = np.random.default_rng(seed)
    logits = random.normal(0, spread, [200, 4]).astype(np.float32)
    margins = logits[:, 1:] - logits[:, :1]
    found = []
    for (i, j), margin in np.ndenumerate(margins):
        others = np.delete(logits[i], j + 1)
        powers = np.exp(others - others.max())  # all in float32
        odds = logits[i, j + 1] - others.max() - np.log(powers.sum())
        found.append(
            Candidate(i, i + 1, LABELS[j], float(margin), log_odds=float(odds))
        )
    passing = {one[:3] for one in confidence.apply(found)}
    for one in found:
        if one[:3] in passing:
            assert one.margin > confidence.lowest_margin


@given(confidences)
def test_the_lowest_margin_is_tight(confidence):
    """With one label, and so no other to take its odds, it is the threshold."""
    least = min([confidence.default_threshold, *confidence.thresholds.values()])
    expected = confidence.temperature * (log_odds(least) - confidence.bias)
    found = confidence.lowest_margin
    if abs(expected) < 5:
        assert expected - 0.02 < found < expected
    elif math.isfinite(found):
        assert found < expected


def test_the_margin_decides_where_there_are_no_thresholds():
    assert Confidence(temperature=3.0, bias=1.0).lowest_margin == 0.0


def test_a_threshold_below_all_scores_prunes_nothing():
    confidence = Confidence(thresholds={"x": 1e-13})
    assert confidence.lowest_margin == -math.inf
    assert confidence.apply([Candidate(0, 1, "x", -99.0, log_odds=-1e9)])


def test_a_threshold_of_one_lets_nothing_through():
    sure = Candidate(0, 1, "x", 99.0, log_odds=1e9)
    for confidence in (
        Confidence(temperature=0.1, thresholds={"x": 1.0}),
        Confidence(temperature=0.1, thresholds={}, default_threshold=1.0),
    ):
        assert confidence.apply([sure]) == []
    assert Confidence(thresholds={"x": 0.999999}).apply([sure])


def test_greedy_goes_by_the_score_once_there_are_thresholds():
    """Not by logits, which thresholds were not found with."""
    loud = Candidate(0, 2, "x", 1.0, logit=9.0, log_odds=log_odds(0.6))
    sure = Candidate(1, 3, "y", 3.0, logit=1.0, log_odds=log_odds(0.9))
    assert decode([loud, sure]) == [loud]
    (kept,) = decode(Confidence(thresholds={}).apply([loud, sure]))
    assert kept[:3] == sure[:3]
    # A threshold that it only just exceeds does not hold it back.
    strict = Confidence(thresholds={"x": 0.01, "y": 0.89})
    (kept,) = decode(strict.apply([loud, sure]))
    assert kept[:3] == sure[:3]


def test_scores_of_zero_and_one_stay_finite_and_in_order():
    scores = np.array([0.0, 1e-9, 1e-3, 0.5, 1 - 1e-3, 1.0])
    calibrated = Confidence(temperature=2.0).calibrate(scores)
    assert (np.diff(calibrated) >= 0).all()
    assert 0 < calibrated[0] < calibrated[2] < calibrated[4] < calibrated[5] < 1
    assert np.isfinite(Confidence(temperature=1e-3).log_odds(scores)).all()
    assert sigmoid([-1e6, 0.0, 1e6, math.inf]).tolist() == [0, 0.5, 1, 1]


def test_above_cuts_reads_logits_and_else_margins():
    found = [
        Candidate(0, 1, "x", 5.0, logit=1.0),
        Candidate(1, 2, "x", 5.0),
        Candidate(2, 3, "y", 5.0),
    ]
    assert above_cuts(found, {"x": 2.0, "y": 5.0}) == [
        Candidate(1, 2, "x", 3.0)
    ]


@given(st.one_of(confidences, st.just(Confidence(temperature=2.0))))
def test_json_gives_back_the_same(confidence):
    text = json.dumps(confidence.to_json())
    assert Confidence.from_json(json.loads(text)) == confidence


@pytest.mark.parametrize(
    "values, named",
    [
        ({"temperature": 0}, "temperature must be .*, got 0$"),
        ({"thresholds": {"x": 0.0}}, "the threshold of 'x' must be .*, got 0"),
        ({"thresholds": {"x": "0.5"}}, "the threshold of 'x'"),
        ({"thresholds": [0.5]}, "thresholds must be an object"),
        ({"cold": 1}, "another version"),
    ],
)
def test_bad_values_are_refused(values, named):
    with pytest.raises(ConfigError, match=named):
        Confidence.from_json(values)


@pytest.mark.parametrize("odds", [None, math.nan])
def test_candidates_need_log_odds(odds):
    with pytest.raises(ValueError, match="without log-odds"):
        Confidence().apply([Candidate(0, 1, "x", 0.0, log_odds=odds)])

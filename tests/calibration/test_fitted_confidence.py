"""The whole fit: figures that are what they are said to be."""

import json
import random

import numpy as np
import pytest
from confidence_data import apply, greedy, sigmoid, synthetic_pairs

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.fitting import (
    FittedConfidence,
    _deal,
    fit_confidence,
)
from biaffine_tf.calibration.objectives import (
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.calibration.scaling import (
    Scaling,
    find_outcomes,
    fit_scaling,
    measure_reliability,
)
from biaffine_tf.calibration.thresholds import search
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.evaluation.metrics import score
from biaffine_tf.spans import Sentence, Span

OBJECTIVE = ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.8)


def pairs_of(seed, *, sentences=150, labels=("x", "y")):
    """Of a model that is too sure, and surer of "y" than of "x"."""
    return synthetic_pairs(
        seed,
        sentences=sentences,
        truth=lambda z, which: sigmoid(z / 2 - 0.5 * which),
        labels=labels,
    )


@pytest.mark.parametrize("scaling", Scaling)
def test_figures_are_of_the_very_fits(scaling):
    pairs = pairs_of(1)
    fitted = fit_confidence(
        pairs, decode=greedy, objective=OBJECTIVE, scaling=scaling
    )
    outcomes = find_outcomes(pairs)
    scaled = fit_scaling(outcomes, scaling=scaling).confidence
    found = search(pairs, scaled, objective=OBJECTIVE, decode=greedy)
    assert fitted.confidence == found.confidence
    assert fitted.before == measure_reliability(*outcomes[:2])
    assert fitted.tuned == measure_reliability(
        scaled.calibrate(outcomes.scores), outcomes.right
    )
    assert fitted.tuned_scores == score(apply(pairs, found.confidence))
    half = [
        (gold, one.replace_spans(s for s in one.spans if s.score > 0.5))
        for gold, one in pairs
    ]
    assert fitted.plain_scores == score(half)
    assert fitted.sentences == 150 and fitted.candidates == 1200
    assert fitted.notes == ()


@pytest.mark.parametrize(
    "objective", [ThresholdObjective(), OBJECTIVE], ids=str
)
def test_held_out_figures_are_of_fits_to_the_rest(objective):
    pairs = pairs_of(2)
    fitted = fit_confidence(
        pairs, decode=greedy, objective=objective, folds=3, seed=5
    )
    fold_of = _deal([gold.text for gold, _ in pairs], 3, 5)
    decoded, scores, right = [], [], []
    for fold in range(3):
        rest = [
            pair for pair, f in zip(pairs, fold_of, strict=True) if f != fold
        ]
        unseen = [
            pair for pair, f in zip(pairs, fold_of, strict=True) if f == fold
        ]
        scaled = fit_scaling(find_outcomes(rest)).confidence
        found = search(rest, scaled, objective=objective, decode=greedy)
        decoded += apply(unseen, found.confidence)
        outcomes = find_outcomes(unseen)
        scores += scaled.calibrate(outcomes.scores).tolist()
        right += outcomes.right.tolist()
    assert fitted.held_out_scores == score(decoded)
    expected = measure_reliability(np.array(scores), np.array(right))
    assert fitted.held_out.error == pytest.approx(expected.error)
    assert fitted.held_out.brier == pytest.approx(expected.brier)


def test_folds_are_of_texts():
    texts = [f"text {i // 2}" for i in range(40)]
    fold_of = _deal(texts, 6, 1)
    assert (fold_of[::2] == fold_of[1::2]).all()  # pairs of the same text
    sizes = np.bincount(fold_of[::2])
    assert len(sizes) == 6 and sizes.max() - sizes.min() <= 1
    assert (_deal(texts, 6, 1) == fold_of).all()
    assert (_deal(texts, 6, 2) != fold_of).any()
    order = np.random.default_rng(0).permutation(40)
    shuffled = _deal([texts[i] for i in order], 6, 1)
    assert (shuffled == fold_of[order]).all()


def test_calibrating_alone_decides_nothing():
    fitted = fit_confidence(pairs_of(4), decode=greedy)
    assert fitted.confidence.thresholds is None
    assert fitted.confidence.lowest_margin == 0
    assert fitted.tuned_scores is None and fitted.held_out_scores is None
    assert fitted.held_out.error < fitted.before.error


@pytest.mark.slow
def test_the_order_of_sentences_does_not_matter():
    pairs = pairs_of(5)
    shuffled = random.Random(0).sample(pairs, len(pairs))
    first, second = (
        fit_confidence(one, decode=greedy, objective=OBJECTIVE, seed=3)
        for one in (pairs, shuffled)
    )
    assert first.held_out_scores == second.held_out_scores
    assert first.confidence.thresholds == pytest.approx(
        second.confidence.thresholds
    )
    again = fit_confidence(pairs, decode=greedy, objective=OBJECTIVE, seed=3)
    assert again == first
    other = fit_confidence(pairs, decode=greedy, objective=OBJECTIVE, seed=4)
    assert other.confidence == first.confidence  # folds are for figures only
    assert other.held_out != first.held_out


@pytest.mark.parametrize("scaling", Scaling)
@pytest.mark.parametrize(
    "objective", [None, ThresholdObjective(), OBJECTIVE], ids=str
)
def test_json_gives_back_the_same(objective, scaling):
    fitted = fit_confidence(
        pairs_of(6, sentences=40),
        decode=greedy,
        objective=objective,
        scaling=scaling,
    )
    text = json.dumps(fitted.to_json())
    assert FittedConfidence.from_json(json.loads(text)) == fitted


def test_what_is_out_of_reach_or_missed_is_said():
    pairs = synthetic_pairs(
        7,
        sentences=200,
        truth=lambda z, which: np.where(which == 0, sigmoid(z), 0.2),
        labels=["good", "bad"],
    )
    objective = ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.9)
    fitted = fit_confidence(pairs, decode=greedy, objective=objective)
    assert fitted.unmet == ("bad",)
    assert fitted.notes == (
        "a precision of 0.9 is out of reach for bad: none of their candidates "
        "pass",
    )
    # Of the gold spans of "good" many are no candidates.
    objective = ThresholdObjective(metric=ThresholdMetric.RECALL, target=0.9)
    fitted = fit_confidence(pairs, decode=greedy, objective=objective)
    reached = fitted.held_out_scores.micro.recall
    assert fitted.notes[-1] == (
        f"held out, the micro recall is {reached:.4f}, short of 0.9"
    )


def test_few_candidates_or_none_are_no_obstacle():
    for count in (0, 1):
        pairs = [
            (
                Sentence(f"ab{i}", (Span(0, 1, "x"),)),
                Sentence(f"ab{i}", (Span(0, 1, "x", 0.9),) * count),
            )
            for i in range(10)
        ]
        fitted = fit_confidence(
            pairs, decode=greedy, objective=ThresholdObjective()
        )
        expected = Confidence(thresholds={"x": 0.5})
        assert fitted.confidence == expected
        assert fitted.notes == (
            f"scores are not calibrated: only {10 * count} candidates",
        )
        assert fitted.held_out_scores == fitted.plain_scores
        assert fitted.plain_scores.micro.recall == count


def test_fewer_texts_than_folds_are_refused():
    pairs = pairs_of(8, sentences=4)
    with pytest.raises(ConfigError, match="5 folds of 4 different sentences"):
        fit_confidence([*pairs, *pairs], decode=greedy)
    with pytest.raises(ConfigError, match="5 folds of 0"):
        fit_confidence([], decode=greedy)
    with pytest.raises(ConfigError, match="1 folds of 4"):
        fit_confidence(pairs, decode=greedy, folds=1)


def test_unlabelled_sentences_are_refused():
    pairs = pairs_of(9, sentences=9)
    pairs[3] = (pairs[3][0].replace_spans(None), pairs[3][1])
    with pytest.raises(DataError, match=r"gold sentence .* is not labelled"):
        fit_confidence(pairs, decode=greedy)

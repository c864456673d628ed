"""Thresholds against brute force over all cuts, decoded from scratch."""

import dataclasses

import numpy as np
import pytest
from confidence_data import apply, greedy, sigmoid, synthetic_pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.objectives import (
    MIN_COUNT,
    Curve,
    ThresholdMetric,
    ThresholdObjective,
    lower_bound,
)
from biaffine_tf.calibration.thresholds import search
from biaffine_tf.config import Decoder
from biaffine_tf.decoding import decode
from biaffine_tf.errors import ConfigError
from biaffine_tf.evaluation.metrics import score
from biaffine_tf.spans import Sentence, Span

OBJECTIVES = [
    ThresholdObjective(),
    ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.8),
    ThresholdObjective(
        metric=ThresholdMetric.PRECISION, target=0.7, certainty=0.6
    ),
    ThresholdObjective(metric=ThresholdMetric.RECALL, target=0.6),
    ThresholdObjective(
        metric=ThresholdMetric.RECALL, target=0.75, certainty=0.7
    ),
]


def counts(pairs, confidence, label, decoder=greedy):
    """Correct, predicted and gold spans of a label after decoding."""
    one = score(apply(pairs, confidence, decoder)).labels.get(label)
    return (one.correct, one.predicted, one.gold) if one else (0, 0, 0)


def worth(objective, correct, predicted, gold):
    """How well counts serve an objective; None if they miss its target."""
    precision, recall = correct / max(predicted, 1), correct / max(gold, 1)
    if objective.metric is ThresholdMetric.F1:
        return 2 * correct / max(predicted + gold, 1)
    trials = (
        predicted if objective.metric is ThresholdMetric.PRECISION else gold
    )
    if trials < MIN_COUNT or not correct:
        return None
    bound = stats.binomtest(correct, trials, alternative="greater")
    level = bound.proportion_ci(objective.certainty, method="exact").low
    if level < objective.target:
        return None
    return (
        recall if objective.metric is ThresholdMetric.PRECISION else precision
    )


def best_worth(pairs, confidence, label, objective, decoder=greedy):
    """By every cut between two scores of a label, the others staying."""
    scores = {s.score for _, found in pairs for s in found.spans}
    cuts = sorted(confidence.calibrate(list(scores)).tolist())
    cuts = [cuts[0] / 2, *np.convolve(cuts, [0.5, 0.5], "valid"), 1.0]
    found = []
    for cut in cuts:
        changed = {**confidence.thresholds, label: cut}
        other = dataclasses.replace(confidence, thresholds=changed)
        found.append(worth(objective, *counts(pairs, other, label, decoder)))
    return max((one for one in found if one is not None), default=None)


@pytest.mark.slow
@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
@pytest.mark.parametrize("seed", range(2))
def test_one_label_without_overlaps_equals_brute_force(objective, seed):
    pairs = synthetic_pairs(
        seed,
        sentences=30,
        truth=lambda z, _: sigmoid(z / 1.5),
    )
    calibration = Confidence(temperature=1.5, bias=0.3)
    found = search(pairs, calibration, objective=objective, decode=greedy)
    confidence = found.confidence
    assert (confidence.temperature, confidence.bias) == (1.5, 0.3)
    best = best_worth(pairs, confidence, "x", objective)
    assert best is not None and not found.unmet and not found.sharing
    assert confidence.default_threshold == confidence.thresholds["x"]
    mine = worth(objective, *counts(pairs, confidence, "x"))
    assert mine == pytest.approx(best)


def overlapping_pairs(seed, *, sentences, labels):
    """Candidates anywhere, right more often the higher they score."""
    random = np.random.default_rng(seed)
    pairs = []
    for number in range(sentences):
        spans = {}
        for _ in range(random.integers(0, 9)):
            start = int(random.integers(0, 12))
            label = labels[random.integers(len(labels))]
            key = (start, start + int(random.integers(1, 5)), label)
            # Few values, so that many scores tie.
            spans[key] = int(random.integers(1, 40)) / 40
        gold = [Span(*key) for key, s in spans.items() if random.random() < s]
        found = [Span(*key, s) for key, s in spans.items()]
        text = f"{'字' * 16}{number}"
        pairs.append(
            (Sentence(text, tuple(gold)), Sentence(text, tuple(found)))
        )
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("decoder", [Decoder.GREEDY, Decoder.FREE])
@given(seed=st.integers(0, 2**32 - 1), objective=st.sampled_from(OBJECTIVES))
@settings(max_examples=12)
def test_the_last_label_is_best_as_the_others_are(
    decoder, nested, seed, objective
):
    """Every cut decoded from scratch, all sentences, with overlaps."""
    pairs = overlapping_pairs(seed, sentences=50, labels=["x", "y"])

    def pick(candidates, text):
        return decode(candidates, decoder=decoder, nested=nested)

    found = search(
        pairs, Confidence(temperature=1.3), objective=objective, decode=pick
    )
    best = best_worth(pairs, found.confidence, "y", objective, pick)
    mine = worth(objective, *counts(pairs, found.confidence, "y", pick))
    if not found.sharing and not found.unmet:
        assert mine == pytest.approx(best)
    elif "y" in found.sharing:
        assert best is None or "x" in {*found.sharing, *found.unmet}


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_with_the_exact_decoder_it_is_nearly_so(nested, seed):
    """It weighs margins, and so sees cuts change that let nothing in."""
    pairs = overlapping_pairs(seed, sentences=50, labels=["x", "y"])

    def pick(candidates, text):
        return decode(candidates, decoder=Decoder.EXACT, nested=nested)

    found = search(
        pairs, Confidence(), objective=ThresholdObjective(), decode=pick
    )
    best = best_worth(pairs, found.confidence, "y", ThresholdObjective(), pick)
    mine = worth(
        ThresholdObjective(), *counts(pairs, found.confidence, "y", pick)
    )
    assert best - 0.02 < mine <= best


@pytest.mark.slow
def test_a_rare_label_gets_what_is_best_for_all():
    pairs = synthetic_pairs(
        1,
        sentences=200,
        truth=lambda z, which: sigmoid(z + which),
        labels=["x", "y"],
    )
    rare = Sentence("ab", (Span(0, 1, "rare"),))
    pairs.append((rare, Sentence("ab", (Span(0, 1, "rare", 0.9),))))
    as_one = [
        tuple(
            side.replace_spans(s._replace(label="one") for s in side.spans)
            for side in pair
        )
        for pair in pairs
    ]
    for objective in OBJECTIVES[:4]:  # the last is out of reach for "x"
        found = search(pairs, Confidence(), objective=objective, decode=greedy)
        thresholds = found.confidence.thresholds
        assert found.sharing == ("rare",) and not found.unmet
        expected = search(
            as_one, Confidence(), objective=objective, decode=greedy
        )
        shared = expected.confidence.thresholds["one"]
        assert thresholds["rare"] == pytest.approx(shared)
        assert found.confidence.default_threshold == thresholds["rare"]
        assert len(set(thresholds.values())) == 3


@pytest.mark.slow
def test_rare_labels_that_are_many_are_judged_together():
    """The frequent one, which is always right, does not speak for them."""
    labels = ["frequent", *(f"rare{i}" for i in range(20))]
    pairs = synthetic_pairs(
        2,
        sentences=400,
        truth=lambda z, which: np.where(which == 0, 1.0, sigmoid(z - 1)),
        labels=labels,
        weights=[0.6, *[0.02] * 20],
    )
    objective = ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.9)
    found = search(pairs, Confidence(), objective=objective, decode=greedy)
    assert len(found.sharing) > 15
    micro = [counts(pairs, found.confidence, one) for one in found.sharing]
    correct, predicted, _ = np.sum(micro, axis=0)
    assert predicted >= MIN_COUNT
    assert lower_bound(correct, predicted, objective.certainty) >= 0.9


def test_a_label_that_misses_the_target_lets_nothing_through():
    """Nor do the others pay for it."""
    pairs = synthetic_pairs(
        3,
        sentences=200,
        truth=lambda z, which: np.where(which == 0, sigmoid(z), 0.3),
        labels=["good", "bad"],
    )
    rare = Sentence("ab", (Span(0, 1, "rare"),))
    pairs.append((rare, Sentence("ab", (Span(0, 1, "rare", 0.9),))))
    alone = [
        tuple(
            side.replace_spans(s for s in side.spans if s.label != "bad")
            for side in pair
        )
        for pair in pairs
    ]
    objective = ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.9)
    found = search(pairs, Confidence(), objective=objective, decode=greedy)
    assert found.unmet == ("bad",) and found.sharing == ("rare",)
    assert found.confidence.thresholds["bad"] == 1.0
    assert counts(pairs, found.confidence, "bad")[1] == 0
    expected = search(alone, Confidence(), objective=objective, decode=greedy)
    for label in ("good", "rare"):
        assert found.confidence.thresholds[label] == pytest.approx(
            expected.confidence.thresholds[label]
        )


def test_a_label_that_fails_at_the_shared_cut_does_not_take_part():
    """Twenty rare ones are fine there; another is so at the very top only."""
    rows = [(f"fine{i}", 0.6, True) for i in range(20) for _ in range(40)]
    rows += [("mixed", 0.95, True)] * 12 + [("mixed", 0.7, False)] * 36
    pairs = [
        (
            Sentence("ab", (Span(0, 1, label),) * is_right),
            Sentence("ab", (Span(0, 1, label, one),)),
        )
        for label, one, is_right in rows
    ]
    objective = ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.9)
    found = search(pairs, Confidence(), objective=objective, decode=greedy)
    assert found.unmet == ("mixed",) and len(found.sharing) == 20
    assert found.confidence.thresholds["mixed"] == 1.0
    assert 0.5 < found.confidence.thresholds["fine0"] < 0.6


@pytest.mark.parametrize("objective", OBJECTIVES[:2], ids=str)
def test_a_perfect_record_must_be_long_enough(objective):
    for count in (MIN_COUNT - 1, MIN_COUNT):
        right = np.arange(count + 1)
        curve = Curve(-right.astype(float), right, right, gold=count)
        expected = count if count == MIN_COUNT else None
        assert objective.choose(curve) == expected


def test_a_recall_out_of_reach_lets_all_through():
    pairs = synthetic_pairs(
        4, sentences=200, truth=lambda z, _: sigmoid(z), labels=["x", "y"]
    )
    # Of "x" 200 gold spans are no candidates.
    objective = ThresholdObjective(metric=ThresholdMetric.RECALL, target=0.9)
    found = search(pairs, Confidence(), objective=objective, decode=greedy)
    assert found.unmet == ("x",)
    correct, predicted, gold = counts(pairs, found.confidence, "x")
    assert correct == gold - 200
    assert predicted == sum(
        span.label == "x" for _, one in pairs for span in one.spans
    )
    correct, predicted, gold = counts(pairs, found.confidence, "y")
    assert 0.9 * gold < correct < gold


def test_where_nothing_meets_the_target_all_labels_are_named():
    pairs = synthetic_pairs(
        5, sentences=30, truth=lambda z, _: 0.5 + 0 * z, labels=["x", "y"]
    )
    objective = ThresholdObjective(
        metric=ThresholdMetric.PRECISION, target=0.95
    )
    found = search(pairs, Confidence(), objective=objective, decode=greedy)
    assert found.unmet == ("x", "y") and not found.sharing
    assert found.confidence.default_threshold == 1.0
    assert score(apply(pairs, found.confidence)).micro.recall == 0


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_without_candidates_there_is_nothing_to_find(objective):
    sentence = Sentence("abc", (Span(0, 1, "x"),))
    for pairs in ([], [(sentence, Sentence("abc", ()))]):
        found = search(pairs, Confidence(), objective=objective, decode=greedy)
        expected = 1.0 if objective.metric is ThresholdMetric.PRECISION else 0.5
        assert found.confidence.default_threshold == expected
        assert set(found.confidence.thresholds.values()) <= {expected}
        assert found.unmet == (("x",) if pairs and objective.target else ())


@pytest.mark.parametrize("objective", OBJECTIVES, ids=str)
def test_a_label_that_gold_does_not_have(objective):
    pairs = synthetic_pairs(
        6, sentences=100, truth=lambda z, _: sigmoid(z), labels=["x"]
    )
    # Where nothing else is, and some surer than others.
    spurious = [
        (gold, found.replace_spans([*found.spans, Span(30, 31, "y", s)]))
        for s, (gold, found) in zip(
            np.linspace(0.2, 0.9, 100), pairs, strict=True
        )
    ]
    found = search(spurious, Confidence(), objective=objective, decode=greedy)
    if objective.metric is ThresholdMetric.RECALL:
        assert found.sharing == ("y",)
    else:
        assert counts(spurious, found.confidence, "y")[1] == 0


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 300)).map(
            lambda two: (min(two), max(two))
        ),
        min_size=1,
        max_size=9,
    ),
    st.floats(0.5, 0.99),
)
def test_lower_bounds_are_those_of_scipy(rows, certainty):
    successes, trials = zip(*rows, strict=True)
    found = lower_bound(successes, trials, certainty)
    for bound, one, of in zip(found, successes, trials, strict=True):
        test = stats.binomtest(one, max(of, 1), alternative="greater")
        expected = test.proportion_ci(certainty, method="exact").low
        assert bound == pytest.approx(expected if of else 0.0)


@pytest.mark.parametrize(
    "metric", [ThresholdMetric.PRECISION, ThresholdMetric.RECALL]
)
def test_an_upper_bound_below_the_target_refutes_a_cut(metric):
    objective = ThresholdObjective(metric=metric, target=0.8)
    correct, predicted = np.array([[0, 0], [4, 10], [70, 100], [78, 110]]).T
    curve = Curve(np.arange(4.0)[::-1], correct, predicted, gold=100)
    expected = []
    for one, trials in zip(correct, predicted, strict=True):
        if metric is ThresholdMetric.RECALL:
            trials = 100
        test = stats.binomtest(int(one), max(trials, 1), alternative="less")
        upper = test.proportion_ci(objective.certainty, method="exact").high
        expected.append(upper < 0.8 if trials else False)
    assert objective.refuted(curve).tolist() == expected
    assert not ThresholdObjective().refuted(curve).any()


@pytest.mark.slow
def test_a_precision_target_holds_on_new_data():
    """Ten labels, each wrong in its own way."""
    objective = ThresholdObjective(metric=ThresholdMetric.PRECISION, target=0.9)
    labels = [f"label{i}" for i in range(10)]
    found = []
    for seed in range(20):
        biases = np.random.default_rng(seed).normal(0, 0.7, len(labels))
        kwargs = {
            "sentences": 500,
            "truth": lambda z, which, b=biases: sigmoid(z / 2 + b[which]),
            "labels": labels,
        }
        seen = synthetic_pairs(seed, **kwargs)
        unseen = synthetic_pairs(1000 + seed, **kwargs)
        fit = search(
            seen,
            Confidence(temperature=2.0),
            objective=objective,
            decode=greedy,
        )
        found.append(score(apply(unseen, fit.confidence)).micro)
    precisions = np.array([one.precision for one in found])
    assert (precisions >= 0.9).mean() >= 0.9  # new data vary, too
    assert precisions.min() > 0.88
    assert np.mean([one.recall for one in found]) > 0.2  # not by silence


@pytest.mark.parametrize(
    "values, named",
    [
        (
            {"metric": ThresholdMetric.F1, "target": 0.9},
            "--threshold_target must be left out.*, got 0.9",
        ),
        (
            {"metric": ThresholdMetric.PRECISION},
            "--threshold_target must be above 0.*, got None",
        ),
    ],
)
def test_goals_that_cannot_be_are_refused(values, named):
    with pytest.raises(ConfigError, match=named):
        ThresholdObjective(**values)

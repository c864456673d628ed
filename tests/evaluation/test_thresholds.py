"""Thresholds against brute force over all cuts, decoded from scratch."""

import dataclasses

import numpy as np
import pytest
from confidence_data import sigmoid, synthetic_pairs
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from biaffine_tf.config import Decoder
from biaffine_tf.decoding import decode
from biaffine_tf.decoding.confidence import Confidence
from biaffine_tf.errors import ConfigError
from biaffine_tf.evaluation.goals import FEWEST, Aim, Goal, lower_bound
from biaffine_tf.evaluation.metrics import score
from biaffine_tf.evaluation.thresholds import search, to_candidates
from biaffine_tf.spans import Sentence, Span

GOALS = [
    Goal(),
    Goal(aim=Aim.PRECISION, target=0.8),
    Goal(aim=Aim.PRECISION, target=0.7, certainty=0.6),
    Goal(aim=Aim.RECALL, target=0.6),
    Goal(aim=Aim.RECALL, target=0.75, certainty=0.7),
]


def greedy(candidates, text):
    return decode(candidates)


def apply(pairs, confidence, decoder=greedy):
    """What the predictor does."""
    decoded = []
    for gold, found in pairs:
        kept = decoder(confidence.apply(to_candidates(found.spans)), found.text)
        spans = [Span(one.start, one.end, one.label, one.score) for one in kept]
        decoded.append((gold, found.replace_spans(spans)))
    return decoded


def counts(pairs, confidence, label, decoder=greedy):
    """Correct, predicted and gold spans of a label after decoding."""
    one = score(apply(pairs, confidence, decoder)).labels.get(label)
    return (one.correct, one.predicted, one.gold) if one else (0, 0, 0)


def worth(goal, correct, predicted, gold):
    """How well counts serve a goal; None if they do not meet its target."""
    precision, recall = correct / max(predicted, 1), correct / max(gold, 1)
    if goal.aim is Aim.F1:
        return 2 * correct / max(predicted + gold, 1)
    trials = predicted if goal.aim is Aim.PRECISION else gold
    if trials < FEWEST or not correct:
        return None
    bound = stats.binomtest(correct, trials, alternative="greater")
    level = bound.proportion_ci(goal.certainty, method="exact").low
    if level < goal.target:
        return None
    return recall if goal.aim is Aim.PRECISION else precision


def best_worth(pairs, confidence, label, goal, decoder=greedy):
    """By every cut between two scores of a label, the others staying."""
    scores = {s.score for _, found in pairs for s in found.spans}
    cuts = sorted(confidence.calibrate(list(scores)).tolist())
    cuts = [cuts[0] / 2, *np.convolve(cuts, [0.5, 0.5], "valid"), 1.0]
    found = []
    for cut in cuts:
        changed = {**confidence.thresholds, label: cut}
        other = dataclasses.replace(confidence, thresholds=changed)
        found.append(worth(goal, *counts(pairs, other, label, decoder)))
    return max((one for one in found if one is not None), default=None)


@pytest.mark.parametrize("goal", GOALS, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_one_label_without_overlaps_equals_brute_force(goal, seed):
    pairs = synthetic_pairs(
        seed,
        sentences=30,
        truth=lambda z, _: sigmoid(z / 1.5),
    )
    calibration = Confidence(temperature=1.5, bias=0.3)
    found = search(pairs, calibration, goal=goal, decode=greedy)
    confidence = found.confidence
    assert (confidence.temperature, confidence.bias) == (1.5, 0.3)
    best = best_worth(pairs, confidence, "x", goal)
    assert best is not None and not found.unmet and not found.sharing
    assert confidence.default_threshold == confidence.thresholds["x"]
    mine = worth(goal, *counts(pairs, confidence, "x"))
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


@pytest.mark.parametrize("nested", [False, True])
@pytest.mark.parametrize("decoder", Decoder)
@given(seed=st.integers(0, 2**32 - 1), goal=st.sampled_from(GOALS))
@settings(max_examples=12)
def test_the_last_label_is_best_as_the_others_are(decoder, nested, seed, goal):
    """Every cut decoded from scratch, all sentences, with overlaps."""
    pairs = overlapping_pairs(seed, sentences=50, labels=["x", "y"])

    def pick(candidates, text):
        return decode(candidates, decoder=decoder, nested=nested)

    found = search(pairs, Confidence(temperature=1.3), goal=goal, decode=pick)
    best = best_worth(pairs, found.confidence, "y", goal, pick)
    mine = worth(goal, *counts(pairs, found.confidence, "y", pick))
    if "y" in {*found.sharing, *found.unmet}:
        # With F1, only for want of entities.
        assert best is None or goal.aim is Aim.F1
    else:
        assert mine == pytest.approx(best)


def test_a_rare_label_shares_the_threshold_of_all():
    pairs = synthetic_pairs(
        1,
        sentences=200,
        truth=lambda z, which: sigmoid(z + which),
        labels=["x", "y"],
    )
    rare = Sentence("ab", (Span(0, 1, "rare"),))
    pairs.append((rare, Sentence("ab", (Span(0, 1, "rare", 0.9),))))
    for goal in GOALS:
        found = search(pairs, Confidence(), goal=goal, decode=greedy)
        thresholds = found.confidence.thresholds
        assert found.sharing == ("rare",) and not found.unmet
        assert thresholds["rare"] == found.confidence.default_threshold
        assert len(set(thresholds.values())) == 3


def test_a_label_that_misses_the_target_lets_nothing_through():
    """Or all, for a recall; the others do not pay for it."""
    pairs = synthetic_pairs(
        2,
        sentences=200,
        truth=lambda z, which: np.where(which == 0, sigmoid(z), 0.3),
        labels=["good", "bad"],
    )
    alone = [
        tuple(
            side.replace_spans(s for s in side.spans if s.label == "good")
            for side in pair
        )
        for pair in pairs
    ]
    goal = Goal(aim=Aim.PRECISION, target=0.9)
    found = search(pairs, Confidence(), goal=goal, decode=greedy)
    assert found.unmet == ("bad",) and not found.sharing
    assert found.confidence.thresholds["bad"] == 1.0
    expected = search(alone, Confidence(), goal=goal, decode=greedy)
    assert found.confidence.thresholds["good"] == pytest.approx(
        expected.confidence.thresholds["good"]
    )
    assert counts(pairs, found.confidence, "bad")[1] == 0

    # A fifth of the gold spans of "good" are no candidates.
    goal = Goal(aim=Aim.RECALL, target=0.9)
    found = search(pairs, Confidence(), goal=goal, decode=greedy)
    assert "good" in found.unmet
    correct, _, gold = counts(pairs, found.confidence, "good")
    assert correct == gold - 200


def test_where_nothing_meets_the_target_all_labels_are_named():
    pairs = synthetic_pairs(
        3, sentences=30, truth=lambda z, _: 0.5 + 0 * z, labels=["x", "y"]
    )
    goal = Goal(aim=Aim.PRECISION, target=0.95)
    found = search(pairs, Confidence(), goal=goal, decode=greedy)
    assert found.unmet == ("x", "y")
    assert found.confidence.default_threshold == 1.0
    assert score(apply(pairs, found.confidence)).micro.recall == 0


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_without_candidates_there_is_nothing_to_find(goal):
    sentence = Sentence("abc", (Span(0, 1, "x"),))
    for pairs in ([], [(sentence, Sentence("abc", ()))]):
        found = search(pairs, Confidence(), goal=goal, decode=greedy)
        assert found.confidence.default_threshold == 0.5
        assert set(found.confidence.thresholds.values()) <= {0.5}
        assert found.unmet == (("x",) if pairs and goal.target else ())


@pytest.mark.parametrize("goal", GOALS, ids=str)
def test_a_label_that_gold_does_not_have_does_not_pass_for_precision(goal):
    pairs = synthetic_pairs(
        4, sentences=100, truth=lambda z, _: sigmoid(z), labels=["x"]
    )
    # At the end of the text, where nothing else is.
    spurious = [
        (gold, found.replace_spans([*found.spans, Span(30, 31, "y", 0.9)]))
        for gold, found in pairs
    ]
    found = search(spurious, Confidence(), goal=goal, decode=greedy)
    passing = counts(spurious, found.confidence, "y")[1]
    if goal.aim is Aim.RECALL:
        assert "y" in found.sharing
    else:
        assert passing == 0


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


def test_an_upper_bound_below_the_target_refutes_it():
    goal = Goal(aim=Aim.PRECISION, target=0.8)
    for correct, predicted in [(0, 0), (4, 10), (70, 100), (78, 100)]:
        if predicted:
            test = stats.binomtest(correct, predicted, alternative="less")
            upper = test.proportion_ci(goal.certainty, method="exact").high
        else:
            upper = 1.0
        assert goal.is_refuted(correct, predicted, 0) == (upper < 0.8)
    assert not Goal().is_refuted(0, 100, 100)


@pytest.mark.slow
def test_a_precision_target_holds_on_new_data():
    """Ten labels, each wrong in its own way: of 60 fits hardly one fails."""
    goal = Goal(aim=Aim.PRECISION, target=0.9)
    labels = [f"label{i}" for i in range(10)]
    precisions, recalls, naive = [], [], []
    for seed in range(60):
        biases = np.random.default_rng(seed).normal(0, 0.7, len(labels))
        kwargs = {
            "sentences": 500,
            "truth": lambda z, which, b=biases: sigmoid(z / 2 + b[which]),
            "labels": labels,
        }
        seen = synthetic_pairs(seed, **kwargs)
        unseen = synthetic_pairs(1000 + seed, **kwargs)
        found = search(
            seen, Confidence(temperature=2.0), goal=goal, decode=greedy
        )
        micro = score(apply(unseen, found.confidence)).micro
        precisions.append(micro.precision)
        recalls.append(micro.recall)
        found = search(
            seen,
            Confidence(temperature=2.0),
            goal=dataclasses.replace(goal, certainty=0.5),
            decode=greedy,
        )
        naive.append(score(apply(unseen, found.confidence)).micro.precision)
    held = np.mean(np.array(precisions) >= 0.9)
    print(
        f"held in {held:.0%} of fits, {np.mean(np.array(naive) >= 0.9):.0%} "
        f"with a certainty of 0.5; precision {np.mean(precisions):.4f}, at "
        f"least {min(precisions):.4f}; recall {np.mean(recalls):.4f}"
    )
    assert held >= 0.95
    assert np.mean(recalls) > 0.2  # not by silence


@pytest.mark.parametrize(
    "values, named",
    [
        ({"aim": Aim.F1, "target": 0.9}, "target is 0.9"),
        ({"aim": Aim.PRECISION}, "target is None"),
        ({"aim": Aim.RECALL, "target": 1.0}, "target is 1.0"),
        ({"certainty": 0.3}, "certainty is 0.3"),
    ],
)
def test_goals_that_cannot_be_are_refused(values, named):
    with pytest.raises(ConfigError, match=named):
        Goal(**values)

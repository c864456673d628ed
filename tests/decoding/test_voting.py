"""Votes and averages against a plain count."""

import itertools
import math
import random

import pytest

from biaffine_tf.decoding import Candidate, exact, greedy
from biaffine_tf.decoding.voting import average, mean_log_odds, vote

FLOOR = -4.0
LABELS = ("a", "b")


def candidates(rng, count):
    """Random candidates, some of them twice."""
    made = []
    for _ in range(count):
        start = rng.randrange(5)
        odds = rng.uniform(-6, 6)
        key = start, start + rng.randint(1, 3), rng.choice(LABELS)
        made.append(Candidate(*key, margin=odds, logit=odds, log_odds=odds))
    return made


def every_key():
    for start, width in itertools.product(range(5), range(1, 4)):
        for label in LABELS:
            yield start, start + width, label


@pytest.mark.parametrize("seed", range(20))
def test_means_are_those_of_a_plain_loop(seed):
    rng = random.Random(seed)
    opinions = [candidates(rng, rng.randrange(12)) for _ in range(3)]
    weights = [rng.uniform(0.5, 2) for _ in opinions]
    means = mean_log_odds(opinions, weights, floor=FLOOR)
    for key in every_key():
        found = [
            [one.log_odds for one in own if one[:3] == key] for own in opinions
        ]
        assert (key in means) == any(found)
        if key in means:
            values = [max([FLOOR, *own]) for own in found]
            want = sum(map(math.prod, zip(weights, values, strict=True)))
            assert means[key] == pytest.approx(want / sum(weights))
    for one in average(means, cut=seed / 10):
        assert one.logit == one.log_odds == means[one[:3]]
        assert one.margin == means[one[:3]] - seed / 10


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.5, 0.7])
@pytest.mark.parametrize("seed", range(10))
def test_votes_are_counted(seed, threshold):
    rng = random.Random(seed)
    entities = [
        greedy(candidates(rng, 8), nested=seed % 2 == 1) for _ in range(4)
    ]
    weights = [rng.choice([1.0, 2.0]) for _ in entities]
    means = {key: rng.uniform(-3, 3) for key in list(every_key())[::2]}
    kept = vote(entities, weights, means, threshold=threshold, floor=FLOOR)
    shares = {
        key: sum(
            weight
            for weight, own in zip(weights, entities, strict=True)
            if any(one[:3] == key for one in own)
        )
        / sum(weights)
        for key in every_key()
    }
    assert [one[:3] for one in kept] == sorted(
        key for key, share in shares.items() if share > threshold
    )
    for one in kept:
        assert one.margin == pytest.approx(shares[one[:3]] - threshold)
        assert one.log_odds == means.get(one[:3], FLOOR)
    if threshold >= 0.5:  # two majorities share a voter
        assert len(exact(kept, nested=seed % 2 == 1)) == len(kept)


def test_half_of_the_weights_is_not_enough():
    one = [Candidate(0, 1, "a", margin=1.0)]
    for weights, is_kept in (([1, 1], False), ([2, 1], True), ([1, 2], False)):
        kept = vote([one, []], weights, {}, threshold=0.5, floor=FLOOR)
        assert bool(kept) is is_kept


def test_one_model_alone_is_itself():
    own = candidates(random.Random(0), 10)
    best = {}
    for one in own:
        best[one[:3]] = max(best.get(one[:3], FLOOR), one.log_odds)
    assert mean_log_odds([own], [3.0], floor=FLOOR) == pytest.approx(best)


def test_candidates_without_log_odds_are_refused():
    with pytest.raises(ValueError):
        mean_log_odds([[Candidate(0, 1, "a", 1.0)]], [1.0], floor=FLOOR)

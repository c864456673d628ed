"""Intervals against scipy's, and against the share that they promise."""

import random

import numpy as np
import pytest
import scipy.stats
from evaluation_pairs import predict, random_gold

from biaffine_tf.evaluation import score
from biaffine_tf.evaluation.bootstrap import intervals
from biaffine_tf.evaluation.estimates import Interval
from biaffine_tf.spans import Sentence, Span


@pytest.mark.slow
def test_equals_the_percentile_interval_of_scipy():
    source = random.Random(0)
    pairs = predict(random_gold(40, source), source)

    def metrics(drawn):
        scores = score([pairs[i] for i in drawn])
        return [
            scores.micro.precision,
            scores.micro.f1,
            scores.macro.f1,
            scores.cluener.f1,
            scores.labels["book"].recall,
        ]

    expected = scipy.stats.bootstrap(
        (np.arange(len(pairs)),),
        metrics,
        vectorized=False,
        n_resamples=3000,
        method="percentile",
        rng=np.random.default_rng(1),
    ).confidence_interval
    found = intervals(pairs, resamples=20_000)
    mine = [
        found.micro.precision,
        found.micro.f1,
        found.macro.f1,
        found.cluener.f1,
        found.labels["book"].recall,
    ]
    for one, low, high in zip(mine, *expected, strict=True):
        # Quantiles of 3 000 draws err by some 2 % of the interval.
        assert one.low == pytest.approx(low, abs=0.1 * (high - low))
        assert one.high == pytest.approx(high, abs=0.1 * (high - low))


@pytest.mark.slow
@pytest.mark.parametrize("level", [0.8, 0.95])
def test_so_many_intervals_hold_the_true_score(level):
    source = random.Random(int(100 * level))
    population = predict(random_gold(5000, source), source)
    truth = score(population)
    found = [
        intervals(source.choices(population, k=80), resamples=300, level=level)
        for _ in range(300)
    ]
    assert {one.micro.f1.level for one in found} == {level}
    for kind in ("micro", "macro", "cluener"):
        value = getattr(truth, kind).f1
        ranges = [getattr(one, kind).f1 for one in found]
        share = np.mean([one.low <= value <= one.high for one in ranges])
        # 300 trials err by 0.013 or 0.023; percentile intervals of
        # 80 sentences are a little narrow.
        assert level - 0.08 < share < level + 0.06


def test_the_same_seed_gives_the_same_interval():
    source = random.Random(0)
    pairs = predict(random_gold(30, source), source)
    assert intervals(iter(pairs), resamples=50) == intervals(
        pairs, resamples=50, seed=0
    )
    assert intervals(pairs, resamples=50) != intervals(
        pairs, resamples=50, seed=1
    )


def test_intervals_of_one_sentence_and_of_perfect_predictions():
    source = random.Random(0)
    pairs = predict(random_gold(50, source), source)
    rare = Sentence("天地", (Span(0, 1, "rare"),))
    found = intervals([*pairs, (rare, rare)])
    assert found.labels["rare"].f1 == Interval(0.0, 1.0, 0.95)
    perfect = intervals([(gold, gold) for gold, _ in pairs])
    assert perfect.micro.f1 == perfect.cluener.recall == Interval(1, 1, 0.95)
    assert perfect.to_json()["micro"]["f1"] == {
        "low": 1.0,
        "high": 1.0,
        "level": 0.95,
    }

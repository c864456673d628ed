"""Two systems: p-values against enumeration, scipy and simulation."""

import itertools
import random

import numpy as np
import pytest
from evaluation_pairs import predict, random_gold

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation import score
from biaffine_tf.evaluation.comparison import (
    BOOTSTRAP,
    RANDOMISATION,
    compare,
    compare_runs,
)
from biaffine_tf.evaluation.pooling import pool


def two_systems(count, seed, *, right_a=0.8, right_b=0.8):
    source = random.Random(seed)
    gold = random_gold(count, source)
    return (
        predict(gold, source, right=right_a),
        predict(gold, source, right=right_b),
    )


def exact_p_value(pairs_a, pairs_b, of):
    """Share of all exchanges that differ as much, one by one."""

    def difference(a, b):
        return abs(of(score(a)) - of(score(b)))

    found = difference(pairs_a, pairs_b)
    exchanges = [
        difference(*zip(*exchanged, strict=True))
        for exchanged in itertools.product(
            *(((a, b), (b, a)) for a, b in zip(pairs_a, pairs_b, strict=True))
        )
    ]
    return np.mean(np.array(exchanges) >= found - 1e-12)


@pytest.mark.parametrize("seed", range(4))
def test_p_values_are_those_of_all_exchanges(seed):
    pairs_a, pairs_b = two_systems(8, seed, right_a=0.95, right_b=0.6)
    resamples = 20_000
    found = compare(pairs_a, pairs_b, resamples=resamples).differences
    for mine, of in (
        (found.micro.f1, lambda scores: scores.micro.f1),
        (found.micro.recall, lambda scores: scores.micro.recall),
        (found.macro.f1, lambda scores: scores.macro.f1),
        (found.cluener.f1, lambda scores: scores.cluener.f1),
    ):
        expected = exact_p_value(pairs_a, pairs_b, of)
        assert mine.p_value == pytest.approx(expected, abs=0.016)
        assert mine.value == pytest.approx(
            of(score(pairs_a)) - of(score(pairs_b))
        )


def test_a_difference_is_found():
    pairs_a, pairs_b = two_systems(300, 0, right_a=0.9, right_b=0.7)
    found = compare(pairs_a, pairs_b, resamples=999)
    assert found.test == RANDOMISATION
    f1 = found.differences.micro.f1
    assert f1.p_value == 1 / 1000  # none of 999 exchanges, and the + 1
    assert 0 < f1.interval.low < f1.value < f1.interval.high
    back = compare(pairs_b, pairs_a, resamples=999).differences.micro.f1
    assert back.value == -f1.value
    assert back.interval.high < 0


@pytest.mark.slow
def test_intervals_hold_the_true_difference():
    def difference(count, seed):
        pairs = two_systems(count, seed, right_a=0.85, right_b=0.75)
        return compare(*pairs, resamples=200).differences.micro.f1

    truth = difference(5000, 0).value
    found = [difference(80, seed).interval for seed in range(1, 301)]
    share = np.mean([one.low <= truth <= one.high for one in found])
    assert 0.89 < share < 0.99


def test_a_system_does_not_differ_from_itself():
    pairs, _ = two_systems(40, 0)
    found = compare(pairs, pairs).differences
    for metrics in (found.micro, found.cluener, *found.labels.values()):
        assert metrics.f1.value == metrics.f1.interval.low == 0
        assert metrics.f1.p_value == 1


def test_other_gold_is_refused():
    with pytest.raises(DataError, match="match all predictions with the same"):
        compare(two_systems(5, 0)[0], two_systems(5, 1)[0])


def several_runs(gold, source, rights):
    return [predict(gold, source, right=right) for right in rights]


def test_one_run_each_is_the_comparison_of_two():
    pairs_a, pairs_b = two_systems(40, 0)
    assert compare_runs([pairs_a], [pairs_b]) == compare(pairs_a, pairs_b)


def test_means_of_runs_are_compared():
    source = random.Random(0)
    gold = random_gold(200, source)
    runs_a = several_runs(gold, source, [0.85, 0.9, 0.95])
    runs_b = several_runs(gold, source, [0.7, 0.72])
    found = compare_runs(runs_a, runs_b)
    assert found.test == BOOTSTRAP
    a, b = pool(runs_a), pool(runs_b)
    for mine, its_a, its_b in (
        (found.differences.micro.f1, a.micro.f1, b.micro.f1),
        (found.differences.cluener.recall, a.cluener.recall, b.cluener.recall),
    ):
        assert mine.value == pytest.approx(its_a.mean - its_b.mean)
        assert 0 < mine.interval.low < mine.value < mine.interval.high
        assert mine.p_value < 0.01
    same = compare_runs(runs_a, runs_a).differences.micro.f1
    assert same.value == 0 and same.p_value > 0.5


@pytest.mark.parametrize("seed", range(5))
def test_the_interval_at_the_p_value_of_runs_ends_at_0(seed):
    source = random.Random(seed)
    gold = random_gold(80, source)
    runs_a = several_runs(gold, source, [0.8, 0.84, 0.88])
    runs_b = several_runs(gold, source, [0.75, 0.8])
    found = compare_runs(runs_a, runs_b).differences.micro.f1
    assert found.p_value > 0.001  # where quantiles are sure
    level = 1 - found.p_value
    interval = compare_runs(runs_a, runs_b, level=level).differences.micro.f1
    end = min(interval.interval.low, interval.interval.high, key=abs)
    assert abs(end) < 0.03 * abs(found.interval.high - found.interval.low)


@pytest.mark.slow
def test_systems_that_differ_by_their_seeds_alone_are_the_same():
    source = random.Random(0)

    def p_values(runs):
        gold = random_gold(150, source)
        rights = [source.gauss(0.75, 0.06) for _ in range(2 * runs)]
        drawn = several_runs(gold, source, rights)
        found = compare_runs(drawn[:runs], drawn[runs:], resamples=300)
        return found.differences.micro.f1.p_value

    several = np.mean([p_values(4) <= 0.05 for _ in range(60)])
    single = np.mean([p_values(1) <= 0.05 for _ in range(60)])
    assert several < 0.15
    assert single > several  # what the documentation warns of

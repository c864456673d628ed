"""Several runs: means and deviations by hand, intervals by simulation."""

import random
import statistics

import numpy as np
import pytest
from evaluation_pairs import predict, random_gold

from biaffine_tf.evaluation import score
from biaffine_tf.evaluation.bootstrap import intervals
from biaffine_tf.evaluation.pooling import pool


def runs_of(gold, source, *rights):
    return [predict(gold, source, right=right) for right in rights]


def test_means_and_deviations_are_those_of_the_scores():
    source = random.Random(0)
    runs = runs_of(random_gold(60, source), source, 0.7, 0.8, 0.9)
    found = pool([iter(run) for run in runs])
    scores = [score(run) for run in runs]
    for spread, values in (
        (found.micro.f1, [s.micro.f1 for s in scores]),
        (found.macro.precision, [s.macro.precision for s in scores]),
        (found.cluener.recall, [s.cluener.recall for s in scores]),
        (found.labels["name"].f1, [s.labels["name"].f1 for s in scores]),
    ):
        assert spread.mean == pytest.approx(statistics.mean(values))
        assert spread.deviation == pytest.approx(statistics.stdev(values))
        assert spread.interval.low < spread.mean < spread.interval.high


def test_one_run_has_the_interval_of_its_score():
    source = random.Random(0)
    (run,) = runs_of(random_gold(60, source), source, 0.8)
    found, single = pool([run], seed=3), intervals(run, seed=3)
    assert found.micro.f1.interval == single.micro.f1
    assert found.labels["name"].recall.interval == single.labels["name"].recall
    assert found.micro.f1.mean == pytest.approx(score(run).micro.f1)
    assert found.micro.f1.deviation == 0


def test_seeds_that_differ_widen_the_interval():
    source = random.Random(0)
    gold = random_gold(300, source)

    def width(*rights):
        interval = pool(runs_of(gold, source, *rights)).micro.f1.interval
        return interval.high - interval.low

    assert width(0.6, 0.8, 1.0) > 2 * width(0.8, 0.8, 0.8)


@pytest.mark.slow
@pytest.mark.parametrize("deviation", [0.0, 0.05])
def test_so_many_intervals_hold_the_mean_of_all_seeds_and_sentences(deviation):
    source = random.Random(0)

    def draw_runs(count, gold):
        rights = [source.gauss(0.75, deviation) for _ in range(count)]
        return runs_of(gold, source, *rights)

    gold = random_gold(2000, source)
    truth = statistics.mean(score(run).micro.f1 for run in draw_runs(40, gold))
    inside = []
    for _ in range(150):
        runs = draw_runs(4, random_gold(80, source))
        interval = pool(runs, resamples=300).micro.f1.interval
        inside.append(interval.low <= truth <= interval.high)
    # Too wide where seeds differ by chance alone, as stated.
    assert 0.88 < np.mean(inside) <= 1

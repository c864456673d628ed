"""Pooled metrics of several runs (seeds) of one system."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from biaffine_tf.evaluation.estimates import Estimates, Spread
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.resampling import (
    draw_metrics,
    estimates,
    mean_of_drawn_runs,
    metrics,
    percentiles,
    tabulate,
)


def pool(
    runs: Sequence[Iterable[Pair]],
    *,
    resamples: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimates[Spread]:
    """Computes mean, deviation over runs and interval of every metric.

    The interval covers the choice of sentences and of seeds: for every draw of
    sentences (as in `intervals`) runs are drawn too, and their metrics averaged
    (see `resampling.mean_of_drawn_runs`). Random differences between runs are
    counted twice, which makes the interval wider than necessary (Owen, The
    Pigeonhole Bootstrap, Annals of Applied Statistics 1, 2007); with three
    seeds that differ more than samples of sentences do it is too narrow. For a
    single run the interval is that of `intervals`.

    Args:
        runs: (gold, predicted) pairs of every run, all with the same gold
            sentences in the same order.
        resamples: Number of draws.
        level: Confidence level of the interval.
        seed: Seed of the draws.

    Returns:
        A spread for each metric.

    Raises:
        DataError: If there are no runs or no sentences, a sentence is
            unlabelled, or two runs differ in gold.
    """
    table = tabulate(*runs)
    random = np.random.default_rng(seed)
    draws = draw_metrics(table, resamples=resamples, random=random)
    interval = percentiles(mean_of_drawn_runs(draws, random), level)
    scores = metrics(table.sums)  # [runs, 3 + K, 3]
    mean = scores.mean(axis=0)
    deviation = scores.std(axis=0, ddof=min(1, len(scores) - 1))
    return estimates(
        table.labels,
        lambda row, column: Spread(
            float(mean[row, column]),
            float(deviation[row, column]),
            interval(row, column),
        ),
    )

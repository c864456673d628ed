"""Several runs (seeds) of one system, taken together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from biaffine_tf.evaluation.estimates import Estimates, Spread
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.resampling import (
    draw_figures,
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
    """Mean, deviation over the runs and interval of every metric.

    The interval is for other sentences and other seeds at once: for every
    draw of sentences (as in `intervals`) runs are drawn too, and their metrics
    on those sentences averaged. See `resampling.mean_of_drawn_runs` for how
    many. Runs that differ by chance alone count twice, among the sentences
    and among the runs, which makes the interval wider than need be (Owen,
    The Pigeonhole Bootstrap, Annals of Applied Statistics 1, 2007); three
    seeds that differ more than samples of sentences do make it too narrow, as
    three of anything say little of its spread. A single run says nothing of
    seeds: its interval is that of `intervals`.

    Args:
        runs: Of every run the (gold, predicted) pairs, all with the same gold
            sentences in the same order.
        resamples: Number of draws.
        level: Share of the draws in the interval.
        seed: Seed of the draws.

    Returns:
        A spread for each metric.

    Raises:
        DataError: If there are no runs or no sentences, a sentence is
            unlabelled, or two runs differ in gold.
    """
    table = tabulate(*runs)
    random = np.random.default_rng(seed)
    draws = draw_figures(table, resamples=resamples, random=random)
    interval = percentiles(mean_of_drawn_runs(draws, random), level)
    found = metrics(table.sums)  # [runs, 3 + K, 3]
    mean = found.mean(axis=0)
    deviation = found.std(axis=0, ddof=min(1, len(found) - 1))
    return estimates(
        table.labels,
        lambda row, column: Spread(
            float(mean[row, column]),
            float(deviation[row, column]),
            interval(row, column),
        ),
    )

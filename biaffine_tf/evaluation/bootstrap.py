"""Confidence intervals of the scores of one system."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from biaffine_tf.evaluation.estimates import Estimates, Interval
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.resampling import (
    draw_metrics,
    estimates,
    percentiles,
    tabulate,
)


def intervals(
    pairs: Iterable[Pair],
    *,
    resamples: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Estimates[Interval]:
    """Computes percentile bootstrap intervals of every metric of `Scores`.

    Data sets of as many sentences are drawn with replacement and scored; the
    interval contains the middle share of their metrics. Whole sentences are
    drawn, because entities of one sentence are not independent. A label that a
    draw lacks has a metric of 0 there, so the interval of a label with very few
    sentences reaches down to 0.

    Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 13;
    for scores of language systems Koehn, Statistical Significance Tests for
    Machine Translation Evaluation, EMNLP 2004.

    Args:
        pairs: Gold and predicted form of each sentence, as returned by `match`.
        resamples: Number of data sets drawn.
        level: Confidence level.
        seed: Seed of the draws.

    Returns:
        An interval for each metric.

    Raises:
        DataError: If there are no sentences, or one of them is unlabelled.
    """
    table = tabulate(pairs)
    random = np.random.default_rng(seed)
    draws = draw_metrics(table, resamples=resamples, random=random)
    return estimates(table.labels, percentiles(draws[:, 0], level))

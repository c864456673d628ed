"""Two systems on the same gold: is the one better than the other?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from biaffine_tf.evaluation.estimates import Comparison, Difference, Interval
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.resampling import (
    Table,
    batches,
    draw_figures,
    estimates,
    mean_of_drawn_runs,
    metrics,
    percentiles,
    tabulate,
)

RANDOMISATION = "approximate randomisation of sentences"
BOOTSTRAP = "bootstrap of sentences and runs"

_ROUNDING = 1e-12  # differences this close are equal


def compare(
    pairs_a: Iterable[Pair],
    pairs_b: Iterable[Pair],
    *,
    resamples: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Differences of every metric, A minus B, with a paired test.

    The p-value is of approximate randomisation: if the systems were the same,
    the predictions for any sentence could as well have come the other way
    round, so they are exchanged with probability 1/2 each, and the p-value is
    the share of such exchanges whose difference, of either sign, is at least
    the one found. The exchange that changes nothing counts as one of them,
    without which the test would be too liberal: p = (found + 1) / (R + 1).
    The interval is that of a paired bootstrap: both systems are scored on the
    same draws of sentences.

    Yeh, More Accurate Tests for the Statistical Significance of Result
    Differences, COLING 2000; Berg-Kirkpatrick, Burkett and Klein, An Empirical
    Investigation of Statistical Significance in NLP, EMNLP 2012. The +1:
    Phipson and Smyth, Permutation P-values Should Never Be Zero, 2010.

    Each p-value answers one question; whoever picks the least of many has to
    correct for that. And the question is whether these two sets of predictions
    differ. If each comes from one training run, another seed may turn the
    answer round: train several and use `compare_runs`.

    Args:
        pairs_a: Gold and predictions of system A, as `match` gives them.
        pairs_b: The same gold sentences in the same order, with predictions
            of system B.
        resamples: Number of draws of sentences, and of exchanges.
        level: Share of the draws in the interval.
        seed: Seed of the draws.

    Returns:
        A difference for each metric, and the name of the test.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            the two differ in gold.
    """
    table = tabulate(pairs_a, pairs_b)
    random = np.random.default_rng(seed)
    draws = draw_figures(table, resamples=resamples, random=random)
    interval = percentiles(draws[:, 0] - draws[:, 1], level)
    value, p_value = _randomisation(table, resamples, random)
    return _comparison(
        RANDOMISATION, table, value=value, interval=interval, p_value=p_value
    )


def compare_runs(
    runs_a: Sequence[Iterable[Pair]],
    runs_b: Sequence[Iterable[Pair]],
    *,
    resamples: int = 5000,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Differences of the means over several runs (seeds), A minus B.

    Sentences are drawn as in `compare`, and runs of A and of B as in `pool`,
    those of A independently of those of B. The interval is of these draws. So
    is the p-value: twice the share of draws on the other side of 0, with one
    draw more there (Efron and Tibshirani, An Introduction to the Bootstrap,
    1993, chapter 15). Exchanges of whole runs would not do: of three seeds
    against three there are so few that p could not get below 0.1. With one run
    of each system there are no seeds to draw, and this is `compare`.

    Args:
        runs_a: Of every run of system A the (gold, predicted) pairs.
        runs_b: The same of system B; the numbers of runs may differ. All have
            the same gold sentences in the same order.
        resamples: Number of draws.
        level: Share of the draws in the interval.
        seed: Seed of the draws.

    Returns:
        A difference for each metric, and the name of the test.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            two runs differ in gold.
    """
    if len(runs_a) == len(runs_b) == 1:
        return compare(
            runs_a[0], runs_b[0], resamples=resamples, level=level, seed=seed
        )
    table = tabulate(*runs_a, *runs_b)
    random = np.random.default_rng(seed)
    draws = draw_figures(table, resamples=resamples, random=random)
    split = len(runs_a)
    differences = mean_of_drawn_runs(
        draws[:, :split], random
    ) - mean_of_drawn_runs(draws[:, split:], random)
    found = metrics(table.sums)
    value = found[:split].mean(axis=0) - found[split:].mean(axis=0)
    interval = percentiles(differences, level)
    sides = [(differences <= 0).sum(axis=0), (differences >= 0).sum(axis=0)]
    p_value = 2 * (np.minimum(*sides) + 1) / (resamples + 1)
    return _comparison(
        BOOTSTRAP,
        table,
        value=value,
        interval=interval,
        p_value=np.minimum(p_value, 1),
    )


def _randomisation(
    table: Table, resamples: int, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Differences found and their p-values, [3 + K, 3] each."""
    sums = table.sums
    found = _difference(sums)
    change = table.rows[:, ::-1] - table.rows  # by exchanging a row
    differs = change.any(axis=tuple(range(1, change.ndim)))
    change, repeats = change[differs], table.repeats[differs]
    extreme = np.ones_like(found)
    for size in batches(table, resamples):
        exchanged = random.binomial(repeats, 0.5, size=(size, len(repeats)))
        shuffled = _difference(sums + np.tensordot(exchanged, change, axes=1))
        as_far = np.abs(shuffled) >= np.abs(found) - _ROUNDING
        extreme += as_far.sum(axis=0)
    return found, extreme / (resamples + 1)


def _difference(sums: np.ndarray) -> np.ndarray:
    """Figures of A minus those of B, of sums [..., 2 systems, 2, 3, K]."""
    scores = metrics(sums)
    return scores[..., 0, :, :] - scores[..., 1, :, :]


def _comparison(
    test: str,
    table: Table,
    *,
    value: np.ndarray,
    interval: Callable[[int, int], Interval],
    p_value: np.ndarray,
) -> Comparison:
    differences = estimates(
        table.labels,
        lambda row, column: Difference(
            float(value[row, column]),
            interval(row, column),
            float(p_value[row, column]),
        ),
    )
    return Comparison(test, differences)

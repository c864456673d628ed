"""Significance tests of the difference between two systems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from biaffine_tf.evaluation.estimates import Comparison, Difference, Interval
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.resampling import (
    Table,
    batches,
    draw_metrics,
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
    """Tests the difference of every metric, A minus B, with a paired test.

    The p-value is that of approximate randomisation: under the null hypothesis
    the predictions of both systems for a sentence can be exchanged. They are
    exchanged with probability 1/2 each, and the p-value is the fraction of such
    exchanges whose absolute difference is at least the observed one, with the
    identity counted: p = (extreme + 1) / (R + 1). The interval is that of a
    paired bootstrap: both systems are scored on the same draws of sentences.

    Yeh, More Accurate Tests for the Statistical Significance of Result
    Differences, COLING 2000; Berg-Kirkpatrick, Burkett and Klein, An Empirical
    Investigation of Statistical Significance in NLP, EMNLP 2012. The +1:
    Phipson and Smyth, Permutation P-values Should Never Be Zero, 2010.

    There is no correction for multiple tests. The test compares these two sets
    of predictions: to compare systems across training seeds, train several and
    use `compare_runs`.

    Args:
        pairs_a: Gold and predictions of system A, as returned by `match`.
        pairs_b: The same gold sentences in the same order, with predictions
            of system B.
        resamples: Number of draws of sentences, and of exchanges.
        level: Confidence level of the interval.
        seed: Seed of the draws.

    Returns:
        A difference for each metric, and the name of the test.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            the two differ in gold.
    """
    table = tabulate(pairs_a, pairs_b)
    random = np.random.default_rng(seed)
    draws = draw_metrics(table, resamples=resamples, random=random)
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
    """Tests the difference of means over several runs (seeds), A minus B.

    Sentences are drawn as in `compare`, and runs of A and of B independently as
    in `pool`. The interval is that of these draws, and the p-value is twice the
    fraction of draws on the other side of 0, with one draw added (Efron and
    Tibshirani, An Introduction to the Bootstrap, 1993, chapter 15). Exchanging
    runs is no alternative: three seeds against three cannot give a p below 0.1.
    With one run of each system this is `compare`.

    Args:
        runs_a: (gold, predicted) pairs of every run of system A.
        runs_b: The same for system B; the numbers of runs may differ. All have
            the same gold sentences in the same order.
        resamples: Number of draws.
        level: Confidence level of the interval.
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
    draws = draw_metrics(table, resamples=resamples, random=random)
    split = len(runs_a)
    differences = mean_of_drawn_runs(
        draws[:, :split], random
    ) - mean_of_drawn_runs(draws[:, split:], random)
    scores = metrics(table.sums)
    value = scores[:split].mean(axis=0) - scores[split:].mean(axis=0)
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
    """Returns the observed differences and p-values, `[3 + K, 3]` each."""
    sums = table.sums
    observed = _difference(sums)
    change = table.rows[:, ::-1] - table.rows  # by exchanging a row
    differs = change.any(axis=tuple(range(1, change.ndim)))
    change, repeats = change[differs], table.repeats[differs]
    extreme = np.ones_like(observed)
    for size in batches(table, resamples):
        exchanged = random.binomial(repeats, 0.5, size=(size, len(repeats)))
        shuffled = _difference(sums + np.tensordot(exchanged, change, axes=1))
        as_far = np.abs(shuffled) >= np.abs(observed) - _ROUNDING
        extreme += as_far.sum(axis=0)
    return observed, extreme / (resamples + 1)


def _difference(sums: np.ndarray) -> np.ndarray:
    """Metrics of A minus those of B, from sums `[..., 2 systems, 2, 3, K]`."""
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

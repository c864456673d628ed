"""Vectorized scores of resampled data sets.

Every metric of `Scores` is a function of sums over sentences. A resampled data
set is therefore a row of weights of the sentences, and all sums are a product
of two matrices. Sentences with equal counts are combined, which changes no
distribution and saves time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.estimates import Estimates, Interval, PRFEstimates
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import Item, exact_items, surface_items
from biaffine_tf.spans import Sentence

T = TypeVar("T")

_ITEMS = (exact_items, surface_items)
_GOLD, _PREDICTED, _CORRECT = range(3)
_SAME_GOLD = "match all predictions with the same gold sentences"
_MAX_NUMBERS = 2**22  # 32 MiB


class Table(NamedTuple):
    """Counts of each run in each sentence.

    Attributes:
        labels: K labels of gold and all runs, in alphabetical order.
        rows: U distinct rows of counts, `[U, runs, 2, 3, K]`, float64: items
            (exact, surface) by counts (gold, predicted, correct).
        repeats: Number of sentences with each row, `[U]`.
    """

    labels: tuple[str, ...]
    rows: np.ndarray
    repeats: np.ndarray

    @property
    def sums(self) -> np.ndarray:
        """Sums over the sentences, `[runs, 2, 3, K]`."""
        return np.tensordot(self.repeats, self.rows, axes=1)


def tabulate(*runs: Iterable[Pair]) -> Table:
    """Counts gold, predicted and correct items of every sentence.

    Args:
        *runs: The (gold, predicted) pairs of each run or system, all with the
            same gold sentences in the same order.

    Returns:
        The counts.

    Raises:
        DataError: If there are no sentences, one of them is unlabelled, or
            two runs differ in gold.
    """
    kept = [list(pairs) for pairs in runs]
    _require_same_gold(kept)
    spans = (
        span
        for pairs in kept
        for pair in pairs
        for sentence in pair
        for span in sentence.spans or ()
    )
    labels = tuple(sorted({span.label for span in spans}))
    index = {label: k for k, label in enumerate(labels)}
    shape = (len(kept[0]), len(kept), len(_ITEMS), 3, len(labels))
    counts = np.zeros(shape, np.int32)
    for run, pairs in enumerate(kept):
        for row, (gold, predicted) in zip(counts[:, run], pairs, strict=True):
            _count(row, gold, predicted, index)
    rows, repeats = np.unique(counts, axis=0, return_counts=True)
    return Table(labels, rows.astype(np.float64), repeats)


def metrics(sums: np.ndarray) -> np.ndarray:
    """Computes the same metrics as `score` from sums of counts.

    Args:
        sums: Counts of data sets, `[..., 2, 3, K]`.

    Returns:
        `[..., 3 + K, 3]`: micro, macro, cluener and each label by precision,
        recall and F1. A label that a data set lacks is 0 there and excluded
        from its means, as in `score`.
    """
    exact, surface = sums[..., 0, :, :], sums[..., 1, :, :]
    labels = _prf(exact)
    rows = [
        _prf(exact.sum(axis=-1, keepdims=True)),
        _mean(labels, exact[..., _GOLD, :] + exact[..., _PREDICTED, :] > 0),
        _mean(_prf(surface), surface[..., _GOLD, :] > 0),
        labels,
    ]
    return np.concatenate(rows, axis=-2)


def draw_metrics(
    table: Table, *, resamples: int, random: np.random.Generator
) -> np.ndarray:
    """Computes metrics of data sets of sentences drawn with replacement.

    Args:
        table: Counts of the data set.
        resamples: Number of data sets, each as large as the given one.
        random: Random generator.

    Returns:
        `[resamples, runs, 3 + K, 3]`; the runs of a data set share the drawn
        sentences.
    """
    sentences = table.repeats.sum()
    shares = table.repeats / sentences
    return np.concatenate(
        [
            metrics(
                np.tensordot(
                    random.multinomial(sentences, shares, size=size),
                    table.rows,
                    axes=1,
                )
            )
            for size in batches(table, resamples)
        ]
    )


def mean_of_drawn_runs(
    draws: np.ndarray, random: np.random.Generator
) -> np.ndarray:
    """Averages runs that are drawn anew for every draw of sentences.

    Draws m - 1 of m runs with replacement, whose mean has the variance of the
    mean of m runs. With m of m the variance would be too small by a factor of
    (m - 1) / m (McCarthy and Snowden, The Bootstrap and Finite Population
    Sampling, 1985; Rao and Wu, Resampling Inference with Complex Survey Data,
    JASA 83, 1988). A single run is not drawn.

    Args:
        draws: `[resamples, runs, 3 + K, 3]`.
        random: Random generator.

    Returns:
        `[resamples, 3 + K, 3]`.
    """
    resamples, runs = draws.shape[:2]
    drawn = max(runs - 1, 1)
    weights = random.multinomial(drawn, np.full(runs, 1 / runs), resamples)
    return np.einsum("rm,rmfs->rfs", weights / drawn, draws)


def batches(table: Table, resamples: int) -> Iterator[int]:
    """Divides resamples into batches of bounded memory.

    Args:
        table: Counts of the data set.
        resamples: Total number of resamples.

    Yields:
        Batch sizes, which add up to the total.
    """
    # A resample takes a row of weights and a row of sums.
    largest = max(len(table.rows), table.rows[0].size)
    size = max(1, _MAX_NUMBERS // largest)
    for done in range(0, resamples, size):
        yield min(size, resamples - done)


def percentiles(
    draws: np.ndarray, level: float
) -> Callable[[int, int], Interval]:
    """Computes percentile intervals of metrics.

    Args:
        draws: Metrics of resampled data sets, `[resamples, 3 + K, 3]`.
        level: Confidence level.

    Returns:
        Function from a row and column of metrics to the interval.
    """
    tails = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(draws, tails, axis=0)
    return lambda row, column: Interval(
        float(low[row, column]), float(high[row, column]), level
    )


def estimates(
    labels: Sequence[str], make: Callable[[int, int], T]
) -> Estimates[T]:
    """Builds `Estimates` from a function of rows and columns of `metrics`.

    Args:
        labels: The K labels.
        make: Function from row and column to the statistic.

    Returns:
        The statistics by name.
    """
    micro, macro, cluener, *rest = (
        PRFEstimates(*(make(row, column) for column in range(3)))
        for row in range(3 + len(labels))
    )
    return Estimates(
        micro, macro, cluener, dict(zip(labels, rest, strict=True))
    )


def _count(
    row: np.ndarray, gold: Sentence, predicted: Sentence, index: dict[str, int]
) -> None:
    for counts, items in zip(row, _ITEMS, strict=True):
        expected, guessed = items(gold, "gold"), items(predicted, "predicted")
        # In the order of _GOLD, _PREDICTED, _CORRECT.
        for count, some in zip(
            counts, (expected, guessed, expected & guessed), strict=True
        ):
            for _, label in some:
                count[index[label]] += 1


def _require_same_gold(runs: Sequence[Sequence[Pair]]) -> None:
    if not runs or not all(runs):
        raise DataError(
            "there are no sentences to draw from",
            remedy="give a gold file that is not empty",
        )
    for pairs in runs[1:]:
        if len(pairs) != len(runs[0]):
            raise DataError(
                f"gold has {len(runs[0])} sentences in one run and "
                f"{len(pairs)} in another",
                remedy=_SAME_GOLD,
            )
        for (first, _), (other, _) in zip(runs[0], pairs, strict=True):
            if first is not other and _content(first) != _content(other):
                raise DataError(
                    f"gold sentence {other.text[:30]!r} of one run is not "
                    f"gold sentence {first.text[:30]!r} of another",
                    file=other.file,
                    line=other.line,
                    remedy=_SAME_GOLD,
                )


def _content(gold: Sentence) -> tuple[str, set[Item]]:
    return gold.text, exact_items(gold, "gold")


def _prf(counts: np.ndarray) -> np.ndarray:
    """Precision, recall and F1 of counts `[..., 3, K]`, as `[..., K, 3]`."""
    gold, predicted, correct = np.moveaxis(counts, -2, 0)
    return np.stack(
        [
            _ratio(correct, predicted),
            _ratio(correct, gold),
            _ratio(2 * correct, gold + predicted),
        ],
        axis=-1,
    )


def _mean(scores: np.ndarray, present: np.ndarray) -> np.ndarray:
    """Means of `[..., K, 3]` over present `[..., K]`, as `[..., 1, 3]`."""
    weights = present[..., np.newaxis]
    total = (scores * weights).sum(axis=-2, keepdims=True)
    return _ratio(total, weights.sum(axis=-2, keepdims=True))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Ratio of integers in float64; 0 / 0 is 0."""
    return numerator / np.maximum(denominator, 1)

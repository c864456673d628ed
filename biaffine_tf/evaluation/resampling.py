"""Scores of thousands of resampled data sets at once.

Every metric of `Scores` is a function of sums over sentences. A resampled data
set is therefore a row of weights, one for each sentence, and the sums of all of
them are a product of two matrices. Sentences of equal counts are taken
together, which changes no distribution and saves time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, TypeVar

import numpy as np

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.estimates import Estimates, Figures, Interval
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import Item, exact_items, surface_items
from biaffine_tf.spans import Sentence

T = TypeVar("T")

_ITEMS = (exact_items, surface_items)
_GOLD, _PREDICTED, _CORRECT = range(3)
_SAME_GOLD = "match all predictions with the same gold sentences"
_NUMBERS_AT_ONCE = 2**22  # 32 MiB


class Table(NamedTuple):
    """What each run counts in each sentence.

    Attributes:
        labels: The K labels of gold and of all runs, in alphabetical order.
        rows: The U distinct rows of counts, [U, runs, 2, 3, K] in float64:
            items (exact, surface) by counts (gold, predicted, correct).
        repeats: How many sentences have this row, [U].
    """

    labels: tuple[str, ...]
    rows: np.ndarray
    repeats: np.ndarray

    @property
    def sums(self) -> np.ndarray:
        """Sums over the sentences as given, [runs, 2, 3, K]."""
        return np.tensordot(self.repeats, self.rows, axes=1)


def tabulate(*runs: Iterable[Pair]) -> Table:
    """Counts in every sentence what the scores are made of.

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
    """The scores of data sets with these sums, just as `score` has them.

    Args:
        sums: Counts of data sets, [..., 2, 3, K].

    Returns:
        [..., 3 + K, 3]: micro, macro, cluener and each label by precision,
        recall and F1. A label that a data set does not have is 0 there, and
        enters its means only as it enters those of `score`: not at all.
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


def draw_figures(
    table: Table, *, resamples: int, random: np.random.Generator
) -> np.ndarray:
    """Figures of data sets of sentences drawn with replacement.

    Args:
        table: Counts of the data set.
        resamples: Number of data sets, each as large as the given one.
        random: Source of randomness.

    Returns:
        [resamples, runs, 3 + K, 3]. The runs of a data set are of the same
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
    """Means over runs that are drawn anew for every draw of sentences.

    Of m runs m - 1 are drawn, with replacement: their mean varies as the mean
    of m runs does. The mean of m drawn ones would vary too little, by a factor
    of (m - 1) / m, which for three seeds matters (McCarthy and Snowden, The
    Bootstrap and Finite Population Sampling, 1985; Rao and Wu, Resampling
    Inference with Complex Survey Data, JASA 83, 1988). A single run is taken
    as it is.

    Args:
        draws: [resamples, runs, 3 + K, 3].
        random: Source of randomness.

    Returns:
        [resamples, 3 + K, 3].
    """
    resamples, runs = draws.shape[:2]
    drawn = max(runs - 1, 1)
    weights = random.multinomial(drawn, np.full(runs, 1 / runs), resamples)
    return np.einsum("rm,rmfs->rfs", weights / drawn, draws)


def batches(table: Table, resamples: int) -> Iterator[int]:
    """Numbers of resamples that take little memory at once.

    Args:
        table: Counts of the data set.
        resamples: Number of all of them.

    Yields:
        Numbers that add up to it.
    """
    # A resample is a row of weights, and becomes a row of sums.
    largest = max(len(table.rows), table.rows[0].size)
    most = max(1, _NUMBERS_AT_ONCE // largest)
    for done in range(0, resamples, most):
        yield min(most, resamples - done)


def percentiles(
    draws: np.ndarray, level: float
) -> Callable[[int, int], Interval]:
    """Percentile intervals of metrics.

    Args:
        draws: Figures of resampled data sets, [resamples, 3 + K, 3].
        level: Share of the draws between the ends of an interval.

    Returns:
        The interval of a row and column of metrics.
    """
    tails = (1 - level) / 2, (1 + level) / 2
    low, high = np.quantile(draws, tails, axis=0)
    return lambda row, column: Interval(
        float(low[row, column]), float(high[row, column]), level
    )


def estimates(
    labels: Sequence[str], make: Callable[[int, int], T]
) -> Estimates[T]:
    """Puts what is said of each metric under its name.

    Args:
        labels: The K labels.
        make: What is said of a row and column of `metrics`.

    Returns:
        All of it.
    """
    micro, macro, cluener, *rest = (
        Figures(*(make(row, column) for column in range(3)))
        for row in range(3 + len(labels))
    )
    return Estimates(
        micro, macro, cluener, dict(zip(labels, rest, strict=True))
    )


def _count(
    row: np.ndarray, gold: Sentence, predicted: Sentence, index: dict[str, int]
) -> None:
    for counts, items in zip(row, _ITEMS, strict=True):
        wanted, found = items(gold, "gold"), items(predicted, "predicted")
        # In the order of _GOLD, _PREDICTED, _CORRECT.
        for count, some in zip(
            counts, (wanted, found, wanted & found), strict=True
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
    """Precision, recall and F1 of counts [..., 3, K], as [..., K, 3]."""
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
    """Means of scores [..., K, 3] over present [..., K], as [..., 1, 3]."""
    weights = present[..., np.newaxis]
    total = (scores * weights).sum(axis=-2, keepdims=True)
    return _ratio(total, weights.sum(axis=-2, keepdims=True))


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """0 where both are 0."""
    return numerator / np.maximum(denominator, 1)

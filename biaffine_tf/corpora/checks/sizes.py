"""Check of numbers and lengths of sentences and spans."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator, Mapping

from biaffine_tf.corpora.checks.check import Check, Row, Side, row_of
from biaffine_tf.corpora.summary import Statistics, quantiles
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence

_LABEL_THEM = (
    "label them (an empty list means that there is no entity), or pass "
    "--unlabelled=skip to leave them out"
)


def unlabelled_error(
    unlabelled: int, sentences: int, first: Sentence, side: Side = Side.TRAIN
) -> DataError:
    """Makes the error for data with unlabelled sentences.

    Args:
        unlabelled: Number of unlabelled sentences.
        sentences: Number of all sentences.
        first: First unlabelled sentence.
        side: Part of the data.
    """
    return DataError(
        f"{unlabelled} of the {sentences} sentences of the {side} are not "
        "labelled, the first of them here",
        file=first.file,
        line=first.line,
        remedy=_LABEL_THEM,
    )


class Sizes(Check):
    """Counts of sentences and spans.

    Args:
        statistics: Statistics of each side, counted elsewhere.
    """

    def __init__(self, statistics: Mapping[Side, Statistics]) -> None:
        self._statistics = statistics
        self._unlabelled: dict[Side, Sentence] = {}  # the first ones
        self._first: dict[Side, Sentence] = {}

    def add(self, sentence: Sentence, side: Side) -> None:
        """Keeps the first sentences, for messages."""
        self._first.setdefault(side, sentence)
        if sentence.spans is None:
            self._unlabelled.setdefault(side, sentence)

    def rows(self) -> Iterator[Row]:
        """Yields numbers, lengths and widths."""
        values: dict[str, Callable[[Statistics], str]] = {
            "sentences": lambda one: f"{one.sentences:,}",
            "  not labelled": lambda one: f"{one.unlabelled:,}",
            "  without entities": lambda one: f"{one.without_spans:,}",
            "  characters: median, longest": lambda one: _spread(one.lengths),
            "spans": lambda one: f"{one.spans:,}",
            "  characters: median, widest": lambda one: _spread(one.widths),
        }
        for name, value in values.items():
            yield row_of(self._statistics, name, value)

    def warnings(self) -> Iterator[str]:
        """Yields a warning if there is nothing to score."""
        dev = self._statistics.get(Side.DEV)
        if dev is not None and not dev.spans:
            yield (
                f"{Side.DEV}: no entity in {dev.sentences} sentences; every F1 "
                "is 0 whatever is learnt, and no epoch is better than another"
            )

    def errors(self) -> Iterator[DataError]:
        """Yields errors for unlabelled sentences and missing spans."""
        for side, first in self._unlabelled.items():
            statistics = self._statistics[side]
            yield unlabelled_error(
                statistics.unlabelled, statistics.sentences, first, side
            )
        train = self._statistics[Side.TRAIN]
        if not train.spans and train.unlabelled < train.sentences:
            yield DataError(
                f"the {train.sentences} sentences of the {Side.TRAIN} hold no "
                "entity",
                file=self._first[Side.TRAIN].file,
                remedy="training needs labelled spans",
            )


def _spread(counts: collections.Counter[int]) -> str:
    values = quantiles(counts)
    return f"{values['p50']:,}, {values['max']:,}" if values else "-"

"""Base class of data checks."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from biaffine_tf.choices import Choice
from biaffine_tf.corpora.summary import Statistics
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence


class Side(enum.StrEnum):
    """Part of the data, as named in messages."""

    TRAIN = "training data"
    DEV = "eval data"


class Row(NamedTuple):
    """A row of the table.

    Attributes:
        name: Name of the statistic.
        values: Value of each side that has it.
    """

    name: str
    values: Mapping[Side, str]


def row_of(
    statistics: Mapping[Side, Statistics],
    name: str,
    value: Callable[[Statistics], str],
) -> Row:
    """Makes a row of a value of each side's statistics."""
    return Row(name, {side: value(one) for side, one in statistics.items()})


class Check:
    """A check that sees every sentence once and reports its findings.

    It must take at most a few bytes of memory per sentence. All methods do
    nothing by default.
    """

    def add(self, sentence: Sentence, side: Side) -> None:
        """Processes a sentence; training sentences come first."""

    def rows(self) -> Iterable[Row]:
        """Yields rows of the table."""
        return ()

    def choices(self) -> Iterable[Choice]:
        """Yields settings chosen from the training data."""
        return ()

    def warnings(self) -> Iterable[str]:
        """Yields warnings of one line each."""
        return ()

    def errors(self) -> Iterable[DataError]:
        """Yields reasons to refuse the data."""
        return ()

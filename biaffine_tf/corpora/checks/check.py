"""Base class of checks of the data."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from biaffine_tf.choices import Choice
from biaffine_tf.corpora.summary import Statistics
from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence


class Side(enum.StrEnum):
    """Which of the data a sentence is of, as messages call it."""

    TRAIN = "training data"
    DEV = "eval data"


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        name: Of the figure.
        values: The figure of each side that has it.
    """

    name: str
    values: Mapping[Side, str]


def row_of(
    statistics: Mapping[Side, Statistics],
    name: str,
    figure: Callable[[Statistics], str],
) -> Row:
    """A row of a figure of each side's statistics."""
    return Row(name, {side: figure(one) for side, one in statistics.items()})


class Check:
    """Sees every sentence once, and says what it found in them.

    Memory must not grow with the sentences, but for a few bytes each. All
    methods do nothing by default.
    """

    def add(self, sentence: Sentence, side: Side) -> None:
        """Takes a sentence; those of the training data come first."""

    def rows(self) -> Iterable[Row]:
        """Yields lines of the table."""
        return ()

    def choices(self) -> Iterable[Choice]:
        """Yields settings that are chosen by the training data."""
        return ()

    def warnings(self) -> Iterable[str]:
        """Yields warnings, a line each."""
        return ()

    def errors(self) -> Iterable[DataError]:
        """Yields reasons to refuse the data."""
        return ()

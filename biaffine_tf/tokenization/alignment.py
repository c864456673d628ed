"""Alignment of characters and tokens, exact or none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from biaffine_tf.spans import Span

Offsets = Sequence[tuple[int, int]]


class Cell(NamedTuple):
    """A labelled cell of the span matrix.

    Attributes:
        first: First token (row).
        last: Last token, inclusive (column).
        label: Entity label.
    """

    first: int
    last: int
    label: str


class Alignment(NamedTuple):
    """Result of `align`.

    Attributes:
        cells: Cell of each aligned span, in order.
        unaligned: Spans that do not fall on token boundaries, in order.
    """

    cells: list[Cell]
    unaligned: list[Span]


def align(spans: Iterable[Span], offsets: Offsets) -> Alignment:
    """Finds the tokens of spans.

    A span must start where a token starts and end where a token ends, so that
    `to_characters` returns the same span; one that starts inside a token, at
    a space or beyond the last token is unaligned. Where tokens share a
    boundary (one character normalised into several), takes the first token
    with this start and the last token with this end.

    Args:
        spans: Spans in characters.
        offsets: Character range of each token, as in `Tokens`.

    Returns:
        Cells and unaligned spans, together as many as there are spans.
    """
    # Later entries win, so starts are filled from the end.
    firsts = {offsets[i][0]: i for i in range(len(offsets) - 1, -1, -1)}
    lasts = {end: i for i, (_, end) in enumerate(offsets)}
    alignment = Alignment(cells=[], unaligned=[])
    for span in spans:
        first, last = firsts.get(span.start), lasts.get(span.end)
        if first is None or last is None or first > last:
            alignment.unaligned.append(span)
        else:
            alignment.cells.append(Cell(first, last, span.label))
    return alignment


def to_characters(first: int, last: int, offsets: Offsets) -> tuple[int, int]:
    """Returns the characters [start, end) of tokens `first` to `last`."""
    return offsets[first][0], offsets[last][1]

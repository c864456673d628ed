"""Ranges that nest but do not cross, of the greatest total weight.

Ranges that may not cross are chords of a circle, and the best set of them is a
maximum weight independent set of a circle graph. A chosen range holds the best
set of the ranges inside it, whatever is chosen outside:

    value(start, end) = weight(start, end) + best(start, end)
    best(from, to) = the greatest total value of disjoint ranges in [from, to),
        none of which is [from, to) itself

K. J. Supowit, Finding a maximum planar subset of a set of nets in a channel,
IEEE Transactions on Computer-Aided Design 6(1), 1987.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from biaffine_tf.decoding.scheduling import disjoint_ranges

_NONE = -1  # index of no range


def nested_ranges(
    starts: Sequence[int], ends: Sequence[int], weights: Sequence[float]
) -> list[int]:
    """The ranges of which none cross, of the greatest total weight.

    Takes time for N operations on vectors, and memory for as many vectors as
    there are different starts. The length of a vector is at most the number
    of different ends between a start and the furthest end of what is around it.

    Args:
        starts: First positions of half-open ranges, by (start, -end); no
            range is given twice.
        ends: One past the last position of each.
        weights: Of the ranges, positive.

    Returns:
        Indices of the chosen ones, ascending. Of sets with equal totals, the
        one that comes first when both are written in order: at the first
        difference the range that starts earlier, else the longer one.
    """
    if not _any_cross(starts, ends):
        return list(range(len(starts)))
    return _Table(starts, ends, weights).choose()


def _any_cross(starts: Sequence[int], ends: Sequence[int]) -> bool:
    open_ends: list[int] = []  # of the ranges around a start, outer first
    for start, end in zip(starts, ends, strict=True):
        while open_ends and open_ends[-1] <= start:
            open_ends.pop()
        if open_ends and open_ends[-1] < end:
            return True
        open_ends.append(end)
    return False


class _Table:
    """`best` for every start (row) and end (column) that can be asked for.

    Rows and columns are the different starts and ends, in order. The columns
    of a row go from the first end behind its start to the last end of any
    range that starts at or before it; only inside such a range is it needed.
    """

    def __init__(
        self,
        starts: Sequence[int],
        ends: Sequence[int],
        weights: Sequence[float],
    ) -> None:
        self._starts, self._ends, self._weights = starts, ends, weights
        row_starts, heads = np.unique(starts, return_index=True)
        column_ends, columns = np.unique(ends, return_inverse=True)
        # The row of what starts behind each range; one too far if nothing does.
        self._followers = np.searchsorted(row_starts, ends).tolist()
        self._columns = columns.tolist()  # of each range
        self._heads = [*heads.tolist(), len(starts)]  # first range of each row
        firsts = np.searchsorted(column_ends, row_starts, side="right")
        # The columns of each row; there is a row too many, without any.
        self._firsts = [*firsts.tolist(), len(column_ends)]
        # In a row the longest range comes first.
        self._stops = (np.maximum.accumulate(columns[heads]) + 1).tolist()
        self._values = [0.0] * len(starts)
        # What the best set begins with: inside of each range, and in each cell.
        self._inside = [_NONE] * len(starts)
        self._choices = [np.empty(0, np.int32)] * len(heads)
        self._fill()

    def choose(self) -> list[int]:
        """Indices of the ranges of the best set, ascending."""
        chosen = []
        outermost = disjoint_ranges(self._starts, self._ends, self._values)
        # What to take, and the column in which its surroundings end; what
        # follows an outermost range is outermost.
        pending = [(index, -1) for index in outermost]
        while pending:
            index, column = pending.pop()
            if index == _NONE:
                continue
            chosen.append(index)
            pending.append((self._inside[index], self._columns[index]))
            row = self._followers[index]
            if self._firsts[row] <= column:
                choice = self._choices[row][column - self._firsts[row]]
                pending.append((int(choice), column))
        return sorted(chosen)

    def _fill(self) -> None:
        """From the last row to the first: a row looks at those behind it."""
        rows: list[np.ndarray] = [np.empty(0)] * len(self._choices)
        for row in reversed(range(len(rows))):
            rows[row] = self._begin(row, rows, 0.0)
            self._choices[row] = self._begin(row, self._choices, _NONE)
            # The shorter ones first: they may lie inside the longer ones.
            for index in reversed(
                range(self._heads[row], self._heads[row + 1])
            ):
                self._add(index, row, rows)

    def _begin(
        self, row: int, rows: Sequence[np.ndarray], nothing: float
    ) -> np.ndarray:
        """A row without the ranges that start at it: that of the next row."""
        first, stop = self._firsts[row], self._stops[row]
        later = self._firsts[row + 1]
        begun = np.full(stop - first, nothing, rows[row].dtype)
        if later < stop:
            begun[later - first :] = rows[row + 1][: stop - later]
        return begun

    def _add(self, index: int, row: int, rows: Sequence[np.ndarray]) -> None:
        """Takes a range, and what follows it, where that is no worse."""
        column, follower = self._columns[index], self._followers[index]
        totals = rows[row][column - self._firsts[row] :]
        choices = self._choices[row][column - self._firsts[row] :]
        self._values[index] = self._weights[index] + float(totals[0])
        self._inside[index] = int(choices[0])
        taken = np.full(len(totals), self._values[index])
        gap = self._firsts[follower] - column
        if gap < len(taken):
            taken[gap:] += rows[follower][: len(taken) - gap]
        better = taken >= totals
        np.copyto(totals, taken, where=better)
        choices[better] = index

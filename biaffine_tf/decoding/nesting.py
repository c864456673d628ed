"""Ranges that may nest but not cross, with the maximum total weight.

The best set is a maximum weight independent set of a circle graph (ranges are
chords of a circle). A chosen range contains the best set of the ranges inside
it, whatever is chosen outside:

    value(start, end) = weight(start, end) + best(start, end)
    best(from, to) = the maximum total value of disjoint ranges in [from, to),
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
    """Finds the ranges without crossings that have the maximum total weight.

    Takes N vector operations, and one vector of memory per distinct start. The
    length of a vector is at most the number of distinct ends between its start
    and the last end of the ranges around it.

    Args:
        starts: First positions of half-open ranges, ordered by (start, -end),
            without duplicates.
        ends: One past the last position of each range.
        weights: Weights of the ranges, positive.

    Returns:
        Indices of the chosen ranges, ascending. Of sets with equal totals, the
        first in lexicographic order: at the first difference the range that
        starts earlier, else the longer one.
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
    """Table of `best` for every start (row) and end (column) needed.

    Rows and columns are the distinct starts and ends in order. The columns of
    a row go from the first end after its start to the last end of any range
    that starts at or before it.
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
        # Row of the first start after each range; past the last row if none.
        self._followers = np.searchsorted(row_starts, ends).tolist()
        self._columns = columns.tolist()  # of each range
        self._heads = [*heads.tolist(), len(starts)]  # first range of each row
        firsts = np.searchsorted(column_ends, row_starts, side="right")
        # First column of each row, and an empty row at the end.
        self._firsts = [*firsts.tolist(), len(column_ends)]
        # The longest range of a row comes first.
        self._stops = (np.maximum.accumulate(columns[heads]) + 1).tolist()
        self._values = [0.0] * len(starts)
        # First range of the best set inside each range, and in each cell.
        self._inside = [_NONE] * len(starts)
        self._choices = [np.empty(0, np.int32)] * len(heads)
        self._fill()

    def choose(self) -> list[int]:
        """Returns the indices of the best set, ascending."""
        chosen = []
        outermost = disjoint_ranges(self._starts, self._ends, self._values)
        # Range to take, and the column in which its surrounding range ends; -1
        # for outermost ranges, whose followers are outermost, too.
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
        """Fills the table from the last row on: rows depend on later ones."""
        rows: list[np.ndarray] = [np.empty(0)] * len(self._choices)
        for row in reversed(range(len(rows))):
            rows[row] = self._begin(row, rows, 0.0)
            self._choices[row] = self._begin(row, self._choices, _NONE)
            # Shorter ranges first: they may lie inside longer ones.
            for index in reversed(
                range(self._heads[row], self._heads[row + 1])
            ):
                self._add(index, row, rows)

    def _begin(
        self, row: int, rows: Sequence[np.ndarray], nothing: float
    ) -> np.ndarray:
        """Starts a row as a copy of the next one."""
        first, stop = self._firsts[row], self._stops[row]
        later = self._firsts[row + 1]
        begun = np.full(stop - first, nothing, rows[row].dtype)
        if later < stop:
            begun[later - first :] = rows[row + 1][: stop - later]
        return begun

    def _add(self, index: int, row: int, rows: Sequence[np.ndarray]) -> None:
        """Adds a range to a row wherever that is at least as good."""
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

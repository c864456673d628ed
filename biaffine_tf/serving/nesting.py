"""Nested ranges of the greatest total weight, of many sentences at once."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.serving.scheduling import (
    Ranges,
    Walk,
    disjoint_ranges,
    with_last,
    with_slice,
)
from biaffine_tf.serving.vectors import argsort_by, pair, running_max, shift

_NO_COLUMN = -1
_FAR = 1 << 30  # beyond all columns


def nested_ranges(ranges: Ranges) -> tf.Tensor:
    """The ranges of which none cross; see `decoding.nesting`, its twin.

    Ranges of which none reaches into another's text need not be visited one
    after the other: it takes as many steps as there are ranges in the largest
    stretch of overlapping ones, of sentences in which any cross. Each step
    works on a row of the table of each stretch. What is outermost is chosen
    then, in as many steps as the longest sentence has ranges.

    Args:
        ranges: Of any sentences.

    Returns:
        Which are chosen, bool `[R]`.
    """
    crossing = _in_crossing_sentences(ranges)
    chosen = tf.cond(
        tf.reduce_any(crossing),
        lambda: _choose(ranges.where(crossing)),
        lambda: tf.zeros([0], tf.bool),
    )
    return tf.tensor_scatter_nd_update(
        tf.ones_like(crossing), tf.where(crossing), chosen
    )


def _in_crossing_sentences(ranges: Ranges) -> tf.Tensor:
    """Whether any ranges of its sentence cross, for each range, bool `[R]`.

    Ranges are brackets around text. If none cross, each one closes at the
    depth at which it opens, and otherwise some do not.
    """
    opening = pair(ranges.sentences, ranges.starts)  # ascends
    closing = pair(ranges.sentences, ranges.ends)
    index = tf.range(ranges.number)
    order = argsort_by(closing, -index)  # the inner of two ends first
    opens_at = index - tf.searchsorted(
        tf.gather(closing, order), opening, side="right"
    )
    closed_before = tf.math.invert_permutation(order)
    closes_at = tf.searchsorted(opening, closing) - closed_before - 1
    is_odd = tf.cast(opens_at != closes_at, tf.int32)
    number = tf.reduce_max(with_last(ranges.sentences, 0)) + 1
    odd_of = tf.math.unsorted_segment_max(is_odd, ranges.sentences, number)
    return tf.gather(odd_of, ranges.sentences) > 0


class _Table(NamedTuple):
    """Where `best` of each start and end is, of all sentences in one vector.

    A row is a start, a column an end; both are numbered through all sentences.
    A row too many, without columns, and a cell too many, which stays as it is,
    stand for nothing.

    Attributes:
        rows: Of each range and of "no range", int32 `[R + 1]`.
        columns: Likewise.
        firsts: First column of each row, int32 `[rows + 1]`.
        stops: One past its last column, int32 `[rows + 1]`.
        begins: Its first cell, int32 `[rows + 1]`.
    """

    rows: tf.Tensor
    columns: tf.Tensor
    firsts: tf.Tensor
    stops: tf.Tensor
    begins: tf.Tensor

    @classmethod
    def of(cls, ranges: Ranges) -> _Table:
        """The table that ranges need."""
        starts, rows = tf.unique(pair(ranges.sentences, ranges.starts))
        closing = pair(ranges.sentences, ranges.ends)
        ends, _ = tf.unique(tf.sort(closing))
        columns = tf.searchsorted(ends, closing)
        firsts = tf.searchsorted(ends, starts, side="right")
        # In a row the longest range comes first.
        longest = tf.boolean_mask(columns, rows != shift(rows, -1))
        stops = running_max(longest) + 1
        return cls(
            with_last(rows, tf.size(starts)),
            with_last(columns, 0),
            with_last(firsts, _FAR),
            with_last(stops, 0),
            tf.concat([[0], tf.cumsum(stops - firsts)], 0),
        )

    @property
    def nothing(self) -> tf.Tensor:
        """The cell too many: as many as there are others."""
        return self.begins[-1]

    @property
    def width(self) -> tf.Tensor:
        """Columns of the longest row."""
        return tf.reduce_max(self.stops[:-1] - self.firsts[:-1])

    def cells(self, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
        """Cells of rows and columns of one shape; columns before are nothing.

        A column must not be behind its row.
        """
        places = columns - tf.gather(self.firsts, rows)
        cells = tf.gather(self.begins, rows) + places
        return tf.where(places >= 0, cells, self.nothing)


class _Best(NamedTuple):
    """What is best, as far as the loop has come.

    Attributes:
        totals: In each cell, float64 `[Z + 1]`.
        choices: The range that the set of each cell begins with, or R.
        values: Of each range with what is inside, float64 `[R]`; while ranges
            are visited, by their places.
        insides: The range that its inside begins with, or R, likewise.
    """

    totals: tf.Tensor
    choices: tf.Tensor
    values: tf.Tensor
    insides: tf.Tensor


def _choose(ranges: Ranges) -> tf.Tensor:
    """Which ranges to take, bool `[R]`."""
    nothing = ranges.number
    table = _Table.of(ranges)
    follower_rows = tf.gather(
        table.rows, with_last(ranges.followers(), nothing)
    )
    best = _fill(ranges, table, follower_rows)
    outermost = disjoint_ranges(ranges._replace(weights=best.values))
    first = tf.cast(tf.where(outermost)[:, 0], tf.int32)

    def follow(
        index: tf.Tensor, column: tf.Tensor, chosen: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        cells = table.cells(tf.gather(follower_rows, index), column)
        following = [
            tf.gather(best.insides, index),
            tf.gather(best.choices, cells),
        ]
        # What follows an outermost range is outermost: its cell is nothing.
        columns = tf.concat([tf.gather(table.columns, index), column], 0)
        chosen = tf.tensor_scatter_nd_update(
            chosen, index[:, None], tf.ones_like(index, tf.bool)
        )
        index = tf.concat(following, 0)
        is_range = index < nothing
        return (
            tf.boolean_mask(index, is_range),
            tf.boolean_mask(columns, is_range),
            chosen,
        )

    _, _, chosen = tf.while_loop(
        lambda index, *_: tf.size(index) > 0,
        follow,
        # What to take, and the column in which its surroundings end.
        (
            first,
            tf.fill(tf.shape(first), _NO_COLUMN),
            tf.zeros([nothing], tf.bool),
        ),
        shape_invariants=(
            tf.TensorShape([None]),
            tf.TensorShape([None]),
            tf.TensorShape([None]),
        ),
    )
    return chosen


def _fill(ranges: Ranges, table: _Table, follower_rows: tf.Tensor) -> _Best:
    """Takes each range, and what follows it, where that is no worse."""
    nothing = ranges.number
    walk = Walk.through(_stretches(ranges))
    # A row begins as the next one is; a longer range finds the shorter ones of
    # its row in it. The next range is either shorter or in the next row.
    row_before = tf.gather(
        table.rows,
        with_last(ranges.of_same_sentence(tf.range(nothing) + 1), nothing),
    )
    across = tf.range(table.width)

    def step(number: tf.Tensor, best: _Best) -> tuple[tf.Tensor, _Best]:
        begin, end = walk.begins[number], walk.begins[number + 1]
        index = walk.order[begin:end]  # [S]
        row = tf.gather(table.rows, index)
        column = tf.gather(table.columns, index)
        before = tf.gather(row_before, index)
        inside = table.cells(before, column)
        value = tf.gather(ranges.weights, index)
        value += tf.gather(best.totals, inside)

        columns = tf.gather(table.firsts, row)[:, None] + across  # [S, W]
        is_cell = columns < tf.gather(table.stops, row)[:, None]

        def cells_of(rows: tf.Tensor) -> tf.Tensor:
            cells = table.cells(rows[:, None], columns)
            return tf.where(is_cell, cells, table.nothing)

        left = cells_of(before)
        follower = cells_of(tf.gather(follower_rows, index))
        totals = tf.gather(best.totals, left)
        taken = value[:, None] + tf.gather(best.totals, follower)
        is_taken = is_cell & (columns >= column[:, None]) & (taken >= totals)
        choices = tf.where(
            is_taken, index[:, None], tf.gather(best.choices, left)
        )
        cells = cells_of(row)[:, :, None]
        return number + 1, _Best(
            tf.tensor_scatter_nd_update(
                best.totals, cells, tf.where(is_taken, taken, totals)
            ),
            tf.tensor_scatter_nd_update(best.choices, cells, choices),
            with_slice(best.values, begin, value),
            with_slice(best.insides, begin, tf.gather(best.choices, inside)),
        )

    _, best = tf.while_loop(
        lambda number, _: number < walk.length,
        step,
        (
            0,
            _Best(
                tf.zeros([table.nothing + 1], tf.float64),
                tf.fill([table.nothing + 1], nothing),
                tf.zeros_like(ranges.weights),
                tf.fill([nothing], nothing),
            ),
        ),
    )
    return best._replace(
        values=tf.gather(best.values, walk.places[:-1]),
        insides=tf.gather(best.insides, walk.places[:-1]),
    )


def _stretches(ranges: Ranges) -> tf.Tensor:
    """Numbers of stretches of text that ranges cover, ascending, `[R]`.

    Nothing in a stretch depends on another one: where one ends, all do.
    """
    covered = running_max(pair(ranges.sentences, ranges.ends))
    opening = pair(ranges.sentences, ranges.starts)
    return tf.cumsum(tf.cast(opening >= shift(covered, 0), tf.int32))

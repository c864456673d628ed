"""Nested ranges of the greatest total weight, for many sentences at once."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from biaffine_tf.export.points import as_points
from biaffine_tf.export.scheduling import (
    Ranges,
    disjoint_ranges,
    with_last,
    with_slice,
)
from biaffine_tf.export.vectors import (
    argsort_by,
    array_of_vectors,
    pair,
    running_max,
    select,
)


def nested_ranges(ranges: Ranges) -> tf.Tensor:
    """Chooses ranges of which none cross; twin of `decoding.nesting`.

    The best choice within a stretch of text depends only on narrower stretches,
    so it is computed for all stretches of a width at once, over all texts: in
    as many steps as the widest range has points, for sentences with crossing
    ranges only. Each step processes the ranges that lie within so wide a
    stretch. Then outermost ranges are chosen, in as many steps as the longest
    sentence has.

    Args:
        ranges: Ranges of any sentences.

    Returns:
        Mask of the chosen ranges, bool `[R]`.
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

    Ranges are read as brackets. They cross if and only if a bracket closes at
    another depth than it opens.
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


class _Cells(NamedTuple):
    """Index of the stretches of text whose best choice is stored.

    A stretch begins at a point and is some points wide; see `points`. A point
    has stretches up to the width of the ranges around it. The cells of one
    width are contiguous, narrow ones first, and the points of a width are the
    first few of those of the width below.

    Attributes:
        places: Position of each point within the cells of a width, int32
            `[P]`.
        order: Points by position, int32 `[P]`.
        counts: Number of points of each width from 0 on, int32 `[W + 1]`.
        begins: First cell of each width, and the total, int32 `[W + 2]`.
        reaches: Width of the widest stretch from each point, int32 `[P]`.
    """

    places: tf.Tensor
    order: tf.Tensor
    counts: tf.Tensor
    begins: tf.Tensor
    reaches: tf.Tensor

    @classmethod
    def of(
        cls, starts: tf.Tensor, ends: tf.Tensor, points: tf.Tensor
    ) -> _Cells:
        """Returns the cells that ranges need.

        Args:
            starts: Points of the starts, int32 `[R]`.
            ends: Points of the ends, int32 `[R]`.
            points: P, the number of points.
        """
        ends_at = tf.math.unsorted_segment_max(ends, starts, points)
        point = tf.range(points)
        reaches = running_max(tf.maximum(ends_at, point)) - point
        order = tf.argsort(-reaches, stable=True)
        widths = tf.range(tf.reduce_max(reaches) + 1)
        counts = tf.searchsorted(
            -tf.gather(reaches, order), -widths, side="right"
        )
        return cls(
            tf.math.invert_permutation(order),
            order,
            counts,
            tf.concat([[0], tf.cumsum(counts)], 0),
            reaches,
        )

    def at(self, points: tf.Tensor, widths: tf.Tensor) -> tf.Tensor:
        """Returns the cells of the stretches at points, of given widths."""
        return tf.gather(self.begins, widths) + tf.gather(self.places, points)


class _Best(NamedTuple):
    """State of the loop: the best choices so far.

    Attributes:
        totals: Best total in each cell, float64 `[Z]`.
        choices: First range of the best choice in each cell, R for none.
        values: Weight of each range and the best choice inside, float64 `[R]`.
        insides: First range of the best choice inside each, R for none.
    """

    totals: tf.Tensor
    choices: tf.Tensor
    values: tf.Tensor
    insides: tf.Tensor


def _choose(ranges: Ranges) -> tf.Tensor:
    """Marks the ranges to take, bool `[R]`."""
    nothing = ranges.number
    starts, ends, points = as_points(*ranges[:3])
    cells = _Cells.of(starts, ends, points)
    best = _fill(ranges.weights, starts, ends, cells)
    outermost = disjoint_ranges(ranges._replace(weights=best.values))
    first = tf.cast(tf.where(outermost)[:, 0], tf.int32)

    def follow(
        number: tf.Tensor,
        index: tf.Tensor,
        until: tf.Tensor,
        taken: tf.TensorArray,
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, tf.TensorArray]:
        end = tf.gather(ends, index)
        behind = tf.gather(best.choices, cells.at(end, until - end))
        following = tf.concat([tf.gather(best.insides, index), behind], 0)
        taken = taken.write(number, index)
        index, until = select(
            following < nothing, following, tf.concat([end, until], 0)
        )
        return number + 1, index, until, taken

    # Each step holds the ranges to take, and the ends of the stretches they are
    # chosen for; a range behind an outermost one is outermost.
    *_, taken = tf.while_loop(
        lambda _, index, *__: tf.size(index) > 0,
        follow,
        (
            tf.constant(0),
            first,
            tf.gather(ends, first),
            array_of_vectors(tf.int32),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            tf.TensorShape([None]),
            tf.TensorShape([None]),
            tf.TensorShape(None),
        ),
    )
    chosen = taken.concat()[:, None]
    return tf.scatter_nd(chosen, tf.ones_like(chosen[:, 0], tf.bool), [nothing])


def _fill(
    weights: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, cells: _Cells
) -> _Best:
    """Computes the best choice of each cell; ranges win ties.

    Args:
        weights: Weights of the ranges, float64 `[R]`.
        starts: Points of the starts, int32 `[R]`.
        ends: Points of the ends, int32 `[R]`.
        cells: Cells that the ranges need.
    """
    nothing = tf.size(weights)
    reaches = tf.gather(cells.reaches, starts)
    # By descending reach: a step needs only those that reach its width.
    order = tf.argsort(-reaches, stable=True)
    weights = tf.gather(weights, order)
    starts, ends = tf.gather(starts, order), tf.gather(ends, order)
    counts = tf.searchsorted(
        -tf.gather(reaches, order),
        -tf.range(tf.size(cells.counts)),
        side="right",
    )
    # A stretch starts from the choice of the one without its first point.
    next_points = tf.minimum(cells.order + 1, tf.size(cells.order) - 1)

    def step(width: tf.Tensor, best: _Best) -> tuple[tf.Tensor, _Best]:
        points, count = cells.counts[width], counts[width]
        left = cells.at(next_points[:points], width - 1)
        totals = tf.gather(best.totals, left)
        choices = tf.gather(best.choices, left)
        place = tf.gather(cells.places, starts[:count])
        rest = width - (ends - starts)[:count]
        behind = cells.at(ends[:count], tf.maximum(rest, 0))
        taken = best.values[:count] + tf.gather(best.totals, behind)
        totals, choices = _better(
            totals,
            choices,
            tf.where(rest > 0, taken, -np.inf),
            place,
            order[:count],
        )
        # Ranges of just this width contain the best choice so far.
        is_own = rest == 0
        values = weights[:count] + tf.gather(totals, place)
        insides = tf.gather(choices, place)
        own = tf.boolean_mask(place, is_own)[:, None]
        totals = tf.tensor_scatter_nd_update(
            totals, own, tf.boolean_mask(values, is_own)
        )
        choices = tf.tensor_scatter_nd_update(
            choices, own, tf.boolean_mask(order[:count], is_own)
        )
        return width + 1, _Best(
            with_slice(best.totals, cells.begins[width], totals),
            with_slice(best.choices, cells.begins[width], choices),
            with_slice(
                best.values, 0, tf.where(is_own, values, best.values[:count])
            ),
            with_slice(
                best.insides,
                0,
                tf.where(is_own, insides, best.insides[:count]),
            ),
        )

    _, best = tf.while_loop(
        lambda width, _: width < tf.size(cells.counts),
        step,
        (
            tf.constant(1),
            _Best(
                tf.zeros([cells.begins[-1]], tf.float64),
                tf.fill([cells.begins[-1]], nothing),
                tf.zeros_like(weights),
                tf.fill([nothing], nothing),
            ),
        ),
    )
    places = tf.math.invert_permutation(order)
    return best._replace(
        values=tf.gather(best.values, places),
        insides=tf.gather(best.insides, places),
    )


def _better(
    totals: tf.Tensor,
    choices: tf.Tensor,
    taken: tf.Tensor,
    places: tf.Tensor,
    indices: tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Takes ranges that are no worse, the first of equal ones.

    Args:
        totals: Totals without these ranges, float64 `[K]`.
        choices: First ranges of these choices, int32 `[K]`.
        taken: Totals with each of these ranges, float64 `[M]`.
        places: Index of each among the K, int32 `[M]`.
        indices: Index of each range, int32 `[M]`.

    Returns:
        Totals and choices.
    """
    count = tf.size(totals)
    greatest = tf.math.unsorted_segment_max(taken, places, count)
    totals = tf.maximum(totals, greatest)
    is_best = taken >= tf.gather(totals, places)
    first = tf.math.unsorted_segment_min(
        tf.where(is_best, indices, tf.int32.max), places, count
    )
    return totals, tf.where(first < tf.int32.max, first, choices)

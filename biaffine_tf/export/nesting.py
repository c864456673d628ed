"""Nested ranges of the greatest total weight, of many sentences at once."""

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
)


def nested_ranges(ranges: Ranges) -> tf.Tensor:
    """The ranges of which none cross; see `decoding.nesting`, its twin.

    The best choice within a token of text depends on narrower tokens alone, so
    it is found for all tokens of one width at once, all over the texts: in as
    many steps as the widest range has points, of sentences in which any cross.
    Each step works on the ranges where anything is so wide. Outermost ranges
    are chosen then, in as many steps as the longest sentence has ranges.

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


class _Cells(NamedTuple):
    """Where `best` of each token of text is, of all sentences in one vector.

    A token begins at a point and is some points wide; see `points`. Tokens as
    wide as a range around them reaches are needed. Those of one width stand
    together, narrow ones first, and a wider width has the first few of the
    points that a narrower one has.

    Attributes:
        places: Place of each point among those of a width, int32 `[P]`.
        order: The points by place, int32 `[P]`.
        counts: Points of each width from 0 on, int32 `[W + 1]`.
        begins: First cell of each width, and the number of all cells, int32
            `[W + 2]`.
        reaches: Width of the widest token from each point on, int32 `[P]`.
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
        """The cells that ranges need.

        Args:
            starts: Points, int32 `[R]`.
            ends: Likewise.
            points: How many there are, P.
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
        """Cells of the tokens that begin at points and have some widths."""
        return tf.gather(self.begins, widths) + tf.gather(self.places, points)


class _Best(NamedTuple):
    """State of the loop: the best choices so far.

    Attributes:
        totals: In each cell, float64 `[Z]`.
        choices: The range that the set of each cell begins with, or R.
        values: Of each range with what is inside, float64 `[R]`.
        insides: The range that its inside begins with, or R, likewise.
    """

    totals: tf.Tensor
    choices: tf.Tensor
    values: tf.Tensor
    insides: tf.Tensor


def _choose(ranges: Ranges) -> tf.Tensor:
    """Which ranges to take, bool `[R]`."""
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
        is_range = following < nothing
        return (
            number + 1,
            tf.boolean_mask(following, is_range),
            tf.boolean_mask(tf.concat([end, until], 0), is_range),
            taken.write(number, index),
        )

    # The ranges to take, and the ends of the tokens of text they are the best
    # choice of; a range behind an outermost one is outermost.
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
    """Takes each range, and what follows it, where that is no worse.

    Args:
        weights: Of the ranges, float64 `[R]`.
        starts: Points, int32 `[R]`.
        ends: Likewise.
        cells: Those that they need.
    """
    nothing = tf.size(weights)
    reaches = tf.gather(cells.reaches, starts)
    # Furthest reach first: a step needs those that reach its width alone.
    order = tf.argsort(-reaches, stable=True)
    weights = tf.gather(weights, order)
    starts, ends = tf.gather(starts, order), tf.gather(ends, order)
    counts = tf.searchsorted(
        -tf.gather(reaches, order),
        -tf.range(tf.size(cells.counts)),
        side="right",
    )
    # A token begins as the one without its first point is.
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
        # Ranges of this very width hold what is best of it without them.
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
    """Takes what is no worse, of what is equal the first.

    Args:
        totals: Without any of these ranges, float64 `[K]`.
        choices: What they begin with, int32 `[K]`.
        taken: With each of these ranges, float64 `[M]`.
        places: Which of the K it is, int32 `[M]`.
        indices: The range, int32 `[M]`.

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

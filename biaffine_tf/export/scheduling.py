"""Disjoint ranges of the greatest total weight, for many sentences at once.

Sentences are processed in parallel: each step of a loop takes one range of
each, so there are as many steps as the longest sentence has ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.export.vectors import array_of_vectors, pair, select, shift


class Ranges(NamedTuple):
    """Weighted, distinct ranges, sorted by (sentence, start, -end).

    Attributes:
        sentences: int32 `[R]`.
        starts: int32 `[R]`.
        ends: One past the last position, int32 `[R]`.
        weights: Positive, float64 `[R]`.
    """

    sentences: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    weights: tf.Tensor

    @property
    def number(self) -> tf.Tensor:
        """R, which is also the index for "no range"."""
        return tf.size(self.weights)

    def where(self, mask: tf.Tensor) -> Ranges:
        """Returns the ranges of a mask, bool `[R]`."""
        return Ranges(*select(mask, *self))

    def of_same_sentence(self, indices: tf.Tensor) -> tf.Tensor:
        """Replaces indices of ranges in another sentence by R.

        Args:
            indices: int32 `[R]`.
        """
        sentences = tf.gather(with_last(self.sentences, -1), indices)
        return tf.where(sentences == self.sentences, indices, self.number)

    def followers(self) -> tf.Tensor:
        """Returns the first range from the end of each on, or R, `[R]`."""
        return self.of_same_sentence(
            tf.searchsorted(
                pair(self.sentences, self.starts),
                pair(self.sentences, self.ends),
            )
        )


class StepOrder(NamedTuple):
    """Order of steps that take ranges of all groups in parallel, last to first.

    Each step takes one range of each group that has so many. The ranges of a
    step are contiguous, so that its results are written as one slice, which
    TensorFlow does in place, while scattering copies the whole vector.

    Attributes:
        order: Ranges in the order of steps, int32 `[R]`.
        places: Position of each range, and R for "no range", int32 `[R + 1]`.
        begins: First position of each step, and R, int32 `[T + 1]`.
    """

    order: tf.Tensor
    places: tf.Tensor
    begins: tf.Tensor

    @classmethod
    def of(cls, groups: tf.Tensor) -> StepOrder:
        """Builds the order for groups of ranges.

        Args:
            groups: Group of each range, int32 `[R]`; ascending.
        """
        _, group, counts = tf.unique_with_counts(groups)
        number = tf.size(groups)
        lasts = tf.cumsum(counts) - 1
        steps = tf.gather(lasts, group) - tf.range(number)
        order = tf.argsort(steps, stable=True)
        places = tf.math.invert_permutation(order)
        return cls(
            order,
            with_last(places, number),
            tf.concat([[0], tf.cumsum(tf.math.bincount(steps))], 0),
        )

    @property
    def length(self) -> tf.Tensor:
        """T, the number of steps, int32."""
        return tf.size(self.begins) - 1

    def sort(self, values: tf.Tensor) -> tf.Tensor:
        """Sorts values of ranges, `[R, ...]`, into this order."""
        return tf.gather(values, self.order)

    def sort_links(self, ranges: tf.Tensor) -> tf.Tensor:
        """Sorts links to other ranges, `[R]`, as links to positions."""
        return tf.gather(self.places, self.sort(ranges))


def disjoint_ranges(ranges: Ranges) -> tf.Tensor:
    """Chooses disjoint ranges; twin of `decoding.scheduling`.

    Args:
        ranges: Ranges of any sentences.

    Returns:
        Mask of the chosen ranges, bool `[R]`.
    """
    nothing = ranges.number
    steps = StepOrder.of(ranges.sentences)
    followers = steps.sort_links(ranges.followers())
    successors = steps.sort_links(
        ranges.of_same_sentence(tf.range(nothing) + 1)
    )
    weights = steps.sort(ranges.weights)

    def step(
        number: tf.Tensor, totals: tf.Tensor, firsts: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        begin, end = steps.begins[number], steps.begins[number + 1]
        taken = weights[begin:end] + tf.gather(totals, followers[begin:end])
        successor = successors[begin:end]
        left = tf.gather(totals, successor)
        is_taken = taken >= left
        first = tf.where(
            is_taken, tf.range(begin, end), tf.gather(firsts, successor)
        )
        return (
            number + 1,
            with_slice(totals, begin, tf.where(is_taken, taken, left)),
            with_slice(firsts, begin, first),
        )

    # Over the ranges from each one on: best total, and first range of its set.
    _, _, firsts = tf.while_loop(
        lambda number, *_: number < steps.length,
        step,
        (
            0,
            with_last(tf.zeros_like(weights), 0.0),
            tf.fill([nothing + 1], nothing),
        ),
    )
    is_first = ranges.sentences != shift(ranges.sentences, -1)
    start = tf.gather(firsts, tf.boolean_mask(steps.places[:-1], is_first))
    chosen = _reached(
        start,
        lambda places: tf.gather(firsts, tf.gather(followers, places)),
        nothing,
    )
    return tf.gather(chosen, steps.places[:-1])


def _reached(
    start: tf.Tensor,
    following: Callable[[tf.Tensor], tf.Tensor],
    number: tf.Tensor,
) -> tf.Tensor:
    """Marks the numbers below N that are reached from others.

    Args:
        start: Numbers to start from, int32 `[K]`; N for none.
        following: Returns the number after each of `[K]`; no two are equal.
        number: N.

    Returns:
        bool `[N]`.
    """

    def follow(
        step: tf.Tensor, current: tf.Tensor, taken: tf.TensorArray
    ) -> tuple[tf.Tensor, tf.Tensor, tf.TensorArray]:
        taken = taken.write(step, current)
        current = following(current)
        return step + 1, tf.boolean_mask(current, current < number), taken

    _, _, taken = tf.while_loop(
        lambda _, current, __: tf.size(current) > 0,
        follow,
        (
            0,
            tf.boolean_mask(start, start < number),
            array_of_vectors(tf.int32),
        ),
    )
    places = taken.concat()[:, None]
    return tf.scatter_nd(places, tf.ones_like(places[:, 0], tf.bool), [number])


def with_last(values: tf.Tensor, last: float | tf.Tensor) -> tf.Tensor:
    """Appends a value for "no range" to a vector."""
    return tf.concat([values, tf.cast([last], values.dtype)], 0)


def with_slice(
    values: tf.Tensor, begin: tf.Tensor, new: tf.Tensor
) -> tf.Tensor:
    """Replaces a slice of a vector.

    Args:
        values: `[N]`.
        begin: First index, int32 scalar.
        new: New values, `[K]`, of the same dtype, within the vector.
    """
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=values,
        begin=[begin],
        end=[begin + tf.size(new)],
        strides=[1],
        value=new,
    )

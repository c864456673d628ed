"""Disjoint ranges of the greatest total weight, of many sentences at once.

The sentences are worked on side by side: each step of a loop takes one range
of each, so that there are as many steps as the longest has ranges.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.export.vectors import array_of_vectors, pair, shift


class Ranges(NamedTuple):
    """Weighted ranges of sentences, by (sentence, start, -end), each once.

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
        """R, which also stands for "no range" among indices."""
        return tf.size(self.weights)

    def where(self, mask: tf.Tensor) -> Ranges:
        """Those of a mask, bool `[R]`."""
        return Ranges(*(tf.boolean_mask(column, mask) for column in self))

    def of_same_sentence(self, indices: tf.Tensor) -> tf.Tensor:
        """Indices, where they are of the range's own sentence, else R.

        Args:
            indices: int32 `[R]`.
        """
        sentences = tf.gather(with_last(self.sentences, -1), indices)
        return tf.where(sentences == self.sentences, indices, self.number)

    def followers(self) -> tf.Tensor:
        """The first range that starts where each has ended, or R, `[R]`."""
        return self.of_same_sentence(
            tf.searchsorted(
                pair(self.sentences, self.starts),
                pair(self.sentences, self.ends),
            )
        )


class Walk(NamedTuple):
    """A way through groups of ranges side by side, from their last ones on.

    Each step takes one range of each group that has so many. Its places are
    the ranges in the order in which they are taken: those of one step stand
    together, and what a step finds of them is written as one slice. TensorFlow
    does that in place, while it copies all of a vector to scatter into it.

    Attributes:
        order: The range at each place, int32 `[R]`.
        places: The place of each range, and R of "no range", int32 `[R + 1]`.
        begins: First place of each step, and R, int32 `[T + 1]`.
    """

    order: tf.Tensor
    places: tf.Tensor
    begins: tf.Tensor

    @classmethod
    def through(cls, groups: tf.Tensor) -> Walk:
        """The way through ranges.

        Args:
            groups: The group of each, int32 `[R]`; ascending.
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
        """Steps until all have been taken: T, int32."""
        return tf.size(self.begins) - 1

    def along(self, values: tf.Tensor) -> tf.Tensor:
        """A value of each range, `[R, ...]`, in the order of places."""
        return tf.gather(values, self.order)

    def places_along(self, ranges: tf.Tensor) -> tf.Tensor:
        """Where those are that each range, `[R]`, leads to, by place."""
        return tf.gather(self.places, self.along(ranges))


def disjoint_ranges(ranges: Ranges) -> tf.Tensor:
    """Weighted interval scheduling; see `decoding.scheduling`, its twin.

    Args:
        ranges: Of any sentences.

    Returns:
        Which are chosen, bool `[R]`.
    """
    nothing = ranges.number
    walk = Walk.through(ranges.sentences)
    followers = walk.places_along(ranges.followers())
    successors = walk.places_along(
        ranges.of_same_sentence(tf.range(nothing) + 1)
    )
    weights = walk.along(ranges.weights)

    def step(
        number: tf.Tensor, totals: tf.Tensor, firsts: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        begin, end = walk.begins[number], walk.begins[number + 1]
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

    # Of the ranges from each one on: the best total, and the first of its set.
    _, _, firsts = tf.while_loop(
        lambda number, *_: number < walk.length,
        step,
        (
            0,
            with_last(tf.zeros_like(weights), 0.0),
            tf.fill([nothing + 1], nothing),
        ),
    )
    is_first = ranges.sentences != shift(ranges.sentences, -1)
    start = tf.gather(firsts, tf.boolean_mask(walk.places[:-1], is_first))
    chosen = _reached(
        start,
        lambda places: tf.gather(firsts, tf.gather(followers, places)),
        nothing,
    )
    return tf.gather(chosen, walk.places[:-1])


def _reached(
    start: tf.Tensor,
    following: Callable[[tf.Tensor], tf.Tensor],
    number: tf.Tensor,
) -> tf.Tensor:
    """What is come to from some of the numbers below N.

    Args:
        start: Where to begin, int32 `[K]`; N stands for nowhere.
        following: Where to go next from each, `[K]`; never to one twice.
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
    """A vector with one value more: that of "no range"."""
    return tf.concat([values, tf.cast([last], values.dtype)], 0)


def with_slice(
    values: tf.Tensor, begin: tf.Tensor, new: tf.Tensor
) -> tf.Tensor:
    """A vector with new values from a place on, `[N]`.

    Args:
        values: `[N]`.
        begin: The place of the first, int32 `[]`.
        new: `[K]`, of the same type; up to place N.
    """
    return tf.raw_ops.TensorStridedSliceUpdate(
        input=values,
        begin=[begin],
        end=[begin + tf.size(new)],
        strides=[1],
        value=new,
    )

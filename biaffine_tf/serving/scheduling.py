"""Disjoint ranges of the greatest total weight, of many sentences at once.

The sentences are worked on side by side: each step of a loop visits one range
of each, so that there are as many steps as the longest has ranges.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.serving.vectors import pair


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
    """A way through all sentences side by side, from their last ranges on.

    Attributes:
        lasts: The last range of each sentence that has one, int32 `[S]`.
        counts: Its ranges, int32 `[S]`.
        nothing: R.
    """

    lasts: tf.Tensor
    counts: tf.Tensor
    nothing: tf.Tensor

    @classmethod
    def through(cls, ranges: Ranges) -> Walk:
        """The way through ranges."""
        _, _, counts = tf.unique_with_counts(ranges.sentences)
        return cls(tf.cumsum(counts) - 1, counts, ranges.number)

    @property
    def length(self) -> tf.Tensor:
        """Steps until all have been visited, int32."""
        return tf.reduce_max(with_last(self.counts, 0))

    def at(self, step: tf.Tensor) -> tf.Tensor:
        """A range of each sentence, or R if it has no more, int32 `[S]`."""
        return tf.where(step < self.counts, self.lasts - step, self.nothing)

    @property
    def firsts(self) -> tf.Tensor:
        """The first range of each sentence, int32 `[S]`."""
        return self.lasts - self.counts + 1


def disjoint_ranges(ranges: Ranges) -> tf.Tensor:
    """Weighted interval scheduling; see `decoding.scheduling`, its twin.

    Args:
        ranges: Of any sentences.

    Returns:
        Which are chosen, bool `[R]`.
    """
    nothing = ranges.number
    walk = Walk.through(ranges)
    followers = with_last(ranges.followers(), nothing)
    successors = with_last(
        ranges.of_same_sentence(tf.range(nothing) + 1), nothing
    )
    weights = with_last(ranges.weights, 0.0)

    def step(
        number: tf.Tensor, totals: tf.Tensor, begins: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        index = walk.at(number)  # [S]
        follower = tf.gather(followers, index)
        successor = tf.gather(successors, index)
        taken = tf.gather(weights, index) + tf.gather(totals, follower)
        left = tf.gather(totals, successor)
        is_taken = taken >= left
        begin = tf.where(is_taken, index, tf.gather(begins, successor))
        return (
            number + 1,
            put(totals, index, tf.where(is_taken, taken, left)),
            put(begins, index, begin),
        )

    # Of the ranges from each one on: the best total, and the first of its set.
    _, _, begins = tf.while_loop(
        lambda number, *_: number < walk.length,
        step,
        (0, tf.zeros_like(weights), tf.fill([nothing + 1], nothing)),
    )

    def follow(
        index: tf.Tensor, chosen: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        following = tf.gather(begins, tf.gather(followers, index))
        return following, put(chosen, index, tf.ones_like(index, tf.bool))

    _, chosen = tf.while_loop(
        lambda index, _: tf.reduce_any(index < nothing),
        follow,
        (tf.gather(begins, walk.firsts), tf.zeros([nothing + 1], tf.bool)),
    )
    return chosen[:-1]


def with_last(values: tf.Tensor, last: float | tf.Tensor) -> tf.Tensor:
    """A vector with one value more: that of "no range"."""
    return tf.concat([values, tf.cast([last], values.dtype)], 0)


def put(values: tf.Tensor, index: tf.Tensor, new: tf.Tensor) -> tf.Tensor:
    """A vector with new values at some indices."""
    return tf.tensor_scatter_nd_update(values, index[:, None], new)

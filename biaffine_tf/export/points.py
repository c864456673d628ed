"""Ranges between points, and minima over all ranges at once.

Points are the positions where any range starts or ends, numbered over all
sentences. A range `[start, end)` covers the gaps after its points from `start`
to `end - 1`: ranges share text if and only if they share a gap.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from biaffine_tf.export.vectors import pair

FAR = tf.int32.max
_SIZES = np.left_shift(1, np.arange(31, dtype=np.int32))


def as_points(
    sentences: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
    """Numbers the positions where ranges start and end.

    Args:
        sentences: Sentence of each range, int32 `[N]`.
        starts: int32 `[N]`.
        ends: int32 `[N]`.

    Returns:
        Points of starts and ends, int32 `[N]`, and the number of points.
    """
    opening, closing = pair(sentences, starts), pair(sentences, ends)
    points, _ = tf.unique(tf.sort(tf.concat([opening, closing], 0)))
    return (
        tf.searchsorted(points, opening),
        tf.searchsorted(points, closing),
        tf.size(points),
    )


def min_over(
    values: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor
) -> tf.Tensor:
    """Computes the minimum of the values in each range.

    A range is the union of two stretches of a power of two, which may
    overlap: the minima of all such stretches take as many steps as the widest
    range has bits.

    Args:
        values: int32 `[P]`.
        starts: int32 `[N]`, below P.
        ends: int32 `[N]`, up to P; a range may be empty.

    Returns:
        int32 `[N]`; `FAR` for empty ranges.
    """
    widths = ends - starts

    def step(
        size: tf.Tensor, least: tf.Tensor, minima: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        both = tf.minimum(
            tf.gather(least, starts),
            tf.gather(least, tf.maximum(ends - size, 0)),
        )
        minima = tf.where(_is_of_size(widths, size), both, minima)
        behind = tf.concat([least[size:], tf.fill([size], FAR)], 0)
        return 2 * size, tf.minimum(least, behind[: tf.size(least)]), minima

    *_, minima = tf.while_loop(
        lambda size, *_: size <= _widest(widths),
        step,
        (tf.constant(1), values, tf.fill(tf.shape(starts), FAR)),
    )
    return minima


def min_covering(
    values: tf.Tensor, starts: tf.Tensor, ends: tf.Tensor, count: tf.Tensor
) -> tf.Tensor:
    """Computes the minimum of the values of the ranges that cover each gap.

    The reverse of `min_over`.

    Args:
        values: Value of each range, int32 `[N]`.
        starts: int32 `[N]`.
        ends: int32 `[N]`; no range is empty.
        count: P, the number of points.

    Returns:
        int32 `[P]`; `FAR` where there is no range.
    """
    widths = ends - starts

    def step(size: tf.Tensor, least: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        # A stretch of twice the size consists of two of this size.
        before = tf.concat([tf.fill([size], FAR), least], 0)[:count]
        own = tf.where(_is_of_size(widths, size), values, FAR)
        own = tf.math.unsorted_segment_min(
            tf.concat([own, own], 0),
            tf.concat([starts, tf.maximum(ends - size, 0)], 0),
            count,
        )
        return size // 2, tf.minimum(tf.minimum(least, before), own)

    fitting = tf.where(_widest(widths) >= _SIZES, _SIZES, 0)
    _, least = tf.while_loop(
        lambda size, _: size > 0,
        step,
        (tf.reduce_max(fitting), tf.fill([count], FAR)),
    )
    return least


def _is_of_size(widths: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
    """Whether a power of two is the greatest that fits, bool `[N]`."""
    return (size <= widths) & (widths < 2 * size)


def _widest(widths: tf.Tensor) -> tf.Tensor:
    return tf.reduce_max(tf.concat([[0], widths], 0))

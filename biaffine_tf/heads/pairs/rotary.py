"""Rotary positions: vectors turned by angles proportional to the position."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

_BASE = 10_000.0


def frequencies(size: int) -> np.ndarray:
    """Returns the angle per position of each component.

    Args:
        size: d, an even number.

    Returns:
        float64 `[d]`; components 2n and 2n + 1 turn by `10000^(-2n / d)`.
    """
    return np.repeat(_BASE ** (-np.arange(0, size, 2) / size), 2)


def rotate(vectors: tf.Tensor, first: int | tf.Tensor = 0) -> tf.Tensor:
    """Rotates vectors by their positions.

    The product of a vector at i and one at j then depends on j - i alone.

    Args:
        vectors: `[B, L, ..., d]`, d even.
        first: Position of the first vector.

    Returns:
        The same shape and dtype.

    Reference:
        Su et al. 2021, "RoFormer" (https://arxiv.org/abs/2104.09864),
        equation 34.
    """
    length, size = tf.shape(vectors)[1], vectors.shape[-1]
    places = tf.cast(first + tf.range(length), tf.float32)
    angles = places[:, None] * tf.constant(frequencies(size), tf.float32)
    between = [1] * (vectors.shape.rank - 3)
    angles = tf.reshape(angles, [length, *between, size])
    pairs = tf.reshape(vectors, [-1, size // 2, 2])
    turned = tf.reshape(
        tf.stack([-pairs[..., 1], pairs[..., 0]], axis=-1), tf.shape(vectors)
    )
    dtype = vectors.dtype
    cos, sin = (tf.cast(f(angles), dtype) for f in (tf.cos, tf.sin))
    rotated = vectors * cos + turned * sin
    return tf.ensure_shape(rotated, vectors.shape)

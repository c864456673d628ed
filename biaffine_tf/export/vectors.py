"""Vector operations that TensorFlow lacks."""

from __future__ import annotations

import tensorflow as tf


def shift(values: tf.Tensor, first: bool | int) -> tf.Tensor:
    """Shifts a vector by one place, with a new first value."""
    return tf.concat([[first], values], 0)[:-1]


def select(mask: tf.Tensor, *columns: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Returns the values of a mask, from columns of one length.

    Searches the mask once, where `tf.boolean_mask` does so for every column.

    Args:
        mask: bool `[N]`.
        *columns: `[N]` each.
    """
    index = tf.where(mask)[:, 0]
    return tuple(tf.gather(column, index) for column in columns)


def next_place(flags: tf.Tensor) -> tf.Tensor:
    """Returns the index of the next flag at or after each place.

    Args:
        flags: bool `[N]`.

    Returns:
        int32 `[N + 1]`, for each place and the end; N if there is none.
    """
    count = tf.size(flags)
    places = tf.concat([tf.cast(tf.where(flags)[:, 0], tf.int32), [count]], 0)
    before = tf.cumsum(tf.cast(flags, tf.int32))
    return tf.gather(places, tf.concat([[0], before], 0))


def running_max(values: tf.Tensor) -> tf.Tensor:
    """Computes the running maximum of a vector."""

    def step(distance: tf.Tensor, values: tf.Tensor) -> tuple[tf.Tensor, ...]:
        earlier = tf.concat([values[:distance], values[:-distance]], 0)
        return 2 * distance, tf.maximum(values, earlier)

    _, values = tf.while_loop(
        lambda distance, values: distance < tf.size(values),
        step,
        (tf.constant(1), values),
    )
    return values


def array_of_vectors(dtype: tf.DType, *shape: int) -> tf.TensorArray:
    """Creates an array for vectors that a loop writes and the caller joins.

    Args:
        dtype: Dtype of the values.
        *shape: Shape of each value of a vector.

    Returns:
        An array of vectors, `[any, *shape]`, of different lengths.
    """
    return tf.TensorArray(
        dtype,
        size=0,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, *shape],
    )


def argsort_by(*keys: tf.Tensor) -> tf.Tensor:
    """Sorts by several keys, the first one first.

    Args:
        *keys: Vectors of numbers, `[N]`; the sort is stable.

    Returns:
        Indices, int32 `[N]`.
    """
    order = tf.argsort(keys[-1], stable=True)
    for key in reversed(keys[:-1]):
        order = tf.gather(order, tf.argsort(tf.gather(key, order), stable=True))
    return order


def pair(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Packs pairs of numbers into int64 of the same order.

    Args:
        first: Any integers of 31 bits.
        second: Integers from 0 to 2^31 - 1.
    """
    return tf.bitwise.bitwise_or(
        tf.bitwise.left_shift(tf.cast(first, tf.int64), 31),
        tf.cast(second, tf.int64),
    )

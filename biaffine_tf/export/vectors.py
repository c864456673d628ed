"""Vector operations that TensorFlow lacks."""

from __future__ import annotations

import tensorflow as tf


def shift(values: tf.Tensor, first: bool | int) -> tf.Tensor:
    """The value before each of a vector, `first` before the first one."""
    return tf.concat([[first], values], 0)[:-1]


def next_place(flags: tf.Tensor) -> tf.Tensor:
    """Where the next flag stands, at or behind each place.

    Args:
        flags: bool `[N]`.

    Returns:
        int32 `[N + 1]`: for each place and for the end, the first place from
        it on with a flag; N if there is none.
    """
    count = tf.size(flags)
    places = tf.concat([tf.cast(tf.where(flags)[:, 0], tf.int32), [count]], 0)
    before = tf.cumsum(tf.cast(flags, tf.int32))
    return tf.gather(places, tf.concat([[0], before], 0))


def running_max(values: tf.Tensor) -> tf.Tensor:
    """The greatest of each value of a vector and those before it."""

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
    """An empty array for what the steps of a loop find, to be joined then.

    Args:
        dtype: Of the values.
        *shape: Of each value of a vector.

    Returns:
        An array whose vectors, `[any, *shape]`, differ in length.
    """
    return tf.TensorArray(
        dtype,
        size=0,
        dynamic_size=True,
        infer_shape=False,
        element_shape=[None, *shape],
    )


def argsort_by(*keys: tf.Tensor) -> tf.Tensor:
    """The order in which vectors ascend, the first before the second.

    Args:
        *keys: Vectors of numbers, `[N]`. What is equal in all keeps its order.

    Returns:
        Indices, int32 `[N]`.
    """
    order = tf.argsort(keys[-1], stable=True)
    for key in reversed(keys[:-1]):
        order = tf.gather(order, tf.argsort(tf.gather(key, order), stable=True))
    return order


def pair(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
    """Pairs of numbers as one, int64, of the same order.

    Args:
        first: Any integers of 31 bits.
        second: Integers from 0 to 2^31 - 1.
    """
    return tf.bitwise.bitwise_or(
        tf.bitwise.left_shift(tf.cast(first, tf.int64), 31),
        tf.cast(second, tf.int64),
    )

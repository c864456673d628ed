"""Reading of class-major logits `[B, S, C, E]` and masks of pairs."""

from __future__ import annotations

import tensorflow as tf


def classes_at(logits: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    """Gathers the logits of all classes of some pairs.

    Args:
        logits: Class-major `[B, S, C, E]`.
        where: Integers `[..., 3]`: sentence, row and column of each pair.

    Returns:
        `[..., C]`.
    """
    integer = where.dtype
    _, rows, num_classes, columns = tf.unstack(tf.shape(logits))
    steps = tf.cast(tf.range(num_classes) * columns, integer)
    first_class = _places(where, rows, num_classes * columns)
    values = tf.gather(tf.reshape(logits, [-1]), first_class[..., None] + steps)
    return tf.ensure_shape(values, [*where.shape[:-1], logits.shape[2]])


def mask_at(mask: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    """Gathers a mask at some pairs.

    Args:
        mask: bool `[B, S, E]`.
        where: Integers `[..., 3]`: sentence, row and column of each pair.

    Returns:
        bool `[...]`.
    """
    # Not by `gather_nd`, which TensorFlow has for booleans on the host alone.
    _, rows, columns = tf.unstack(tf.shape(mask))
    return tf.gather(tf.reshape(mask, [-1]), _places(where, rows, columns))


def _places(
    where: tf.Tensor, num_rows: tf.Tensor, row_size: tf.Tensor
) -> tf.Tensor:
    """Computes positions in flat memory, `[...]` of the type of `where`."""
    num_rows = tf.cast(num_rows, where.dtype)
    row_size = tf.cast(row_size, where.dtype)
    # Not by `unstack`, whose kernel for int64 is the host's.
    row = where[..., 0] * num_rows + where[..., 1]
    return row * row_size + where[..., 2]

"""Reading of class-major logits `[B, S, C, E]` and masks of pairs."""

from __future__ import annotations

import tensorflow as tf


def classes_at(logits: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    """Gathers the logits of all classes of some pairs.

    Args:
        logits: Class-major `[B, S, C, E]`.
        where: int32 `[..., 3]`: sentence, row and column of each pair.

    Returns:
        `[..., C]`.
    """
    _, rows, num_classes, columns = tf.unstack(tf.shape(logits))
    sentence, row, column = tf.unstack(where, axis=-1)
    first_class = (sentence * rows + row) * num_classes * columns + column
    steps = tf.range(num_classes) * columns
    values = tf.gather(tf.reshape(logits, [-1]), first_class[..., None] + steps)
    return tf.ensure_shape(values, [*where.shape[:-1], logits.shape[2]])


def mask_at(mask: tf.Tensor, where: tf.Tensor) -> tf.Tensor:
    """Gathers a mask at some pairs.

    Args:
        mask: bool `[B, S, E]`.
        where: int32 `[..., 3]`: sentence, row and column of each pair.

    Returns:
        bool `[...]`.
    """
    # Not by `gather_nd`, which TensorFlow has for booleans on the host alone.
    _, rows, columns = tf.unstack(tf.shape(mask))
    sentence, row, column = tf.unstack(where, axis=-1)
    places = (sentence * rows + row) * columns + column
    return tf.gather(tf.reshape(mask, [-1]), places)

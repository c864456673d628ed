"""The biaffine map: logits of a rectangle of pairs.

Logits are class-major, `[B, S, C, E]`: a plain matrix product gives them in
this order, and reductions over classes run along contiguous vectors.
"""

from __future__ import annotations

import tensorflow as tf


def map_starts(starts: tf.Tensor, bilinear: tf.Tensor) -> tf.Tensor:
    """Multiplies starts by the bilinear map: `m_ic = s_i^T U_c`.

    Args:
        starts: `[B, S, D]`.
        bilinear: U, `[D, C, D']`, of the same dtype.

    Returns:
        `[B, S, C, D']`.
    """
    size, num_classes, end_size = bilinear.shape
    batch, rows, _ = tf.unstack(tf.shape(starts))
    mapped = tf.matmul(
        tf.reshape(starts, [-1, size]), tf.reshape(bilinear, [size, -1])
    )  # [B * S, C * D']
    return tf.reshape(mapped, [batch, rows, num_classes, end_size])


def pair_logits(mapped: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
    """Scores every start with every end: `m_ic^T e_j`.

    Args:
        mapped: `[..., S, C, D']`, from `map_starts`.
        ends: `[..., E, D']`.

    Returns:
        Class-major logits `[..., S, C, E]`.
    """
    *batch, rows, num_classes, size = tf.unstack(tf.shape(mapped))
    flat = tf.reshape(mapped, [*batch, rows * num_classes, size])
    logits = tf.matmul(flat, ends, transpose_b=True)  # [..., S * C, E]
    columns = tf.shape(ends)[-2]
    logits = tf.reshape(logits, [*batch, rows, num_classes, columns])
    return tf.ensure_shape(logits, [*mapped.shape[:-1], ends.shape[-2]])

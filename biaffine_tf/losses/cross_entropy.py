"""Softmax cross-entropy of each pair."""

from __future__ import annotations

import tensorflow as tf


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """`-log p[label]`, the ancestor's loss.

    Args:
        logits: `[..., C]`, any floating type; computed in float32.
        labels: int `[...]`, class of each pair.

    Returns:
        float32 `[...]`, non-negative.
    """
    return tf.nn.sparse_softmax_cross_entropy_with_logits(
        labels=labels, logits=tf.cast(logits, tf.float32)
    )

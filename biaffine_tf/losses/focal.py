"""Focal loss: easy pairs, which are nearly all of them, weigh less."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.losses.cross_entropy import cross_entropy


def focal(
    logits: tf.Tensor, labels: tf.Tensor, *, gamma: float = 3.0
) -> tf.Tensor:
    """`-(1 - p[label])^gamma log p[label]` (Lin et al. 2017).

    `1 - p` is computed from the logits of the other classes, not by
    subtraction: value and gradient stay finite when p rounds to 0 or 1.

    Args:
        logits: `[..., C]` with C >= 2, any floating type; computed in float32.
        labels: int `[...]`, class of each pair.
        gamma: Focusing exponent, >= 0; 0 is cross-entropy.

    Returns:
        float32 `[...]`, non-negative.

    Reference:
        https://arxiv.org/abs/1708.02002, equation 4.
    """
    entropy = cross_entropy(logits, labels)
    if gamma == 0:
        return entropy
    return tf.exp(gamma * log_other_probability(logits, labels)) * entropy


def log_other_probability(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """`log(1 - p[label])`, exact also where p rounds to 1.

    Args:
        logits: `[..., C]` with C >= 2.
        labels: int `[...]`.

    Returns:
        float32 `[...]`, at most 0.
    """
    logits = tf.cast(logits, tf.float32)
    is_label = tf.one_hot(
        labels, logits.shape[-1], on_value=True, off_value=False
    )
    others = tf.where(is_label, -float("inf"), logits)
    return tf.reduce_logsumexp(others, axis=-1) - tf.reduce_logsumexp(
        logits, axis=-1
    )

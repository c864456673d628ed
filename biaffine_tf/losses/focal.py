"""Focal loss, which reduces the weight of easy pairs."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import tensorflow as tf

from biaffine_tf.losses.cross_entropy import cross_entropy, is_own_class
from biaffine_tf.losses.reductions import logsumexp_over

if TYPE_CHECKING:
    from biaffine_tf.config import TrainingConfig
    from biaffine_tf.losses import PairLoss


def focal(
    logits: tf.Tensor,
    labels: tf.Tensor,
    *,
    gamma: float = 3.0,
    class_axis: int = -1,
) -> tf.Tensor:
    """Computes `-(1 - p[label])^gamma log p[label]` (Lin et al. 2017).

    `1 - p` is computed from the logits of the other classes, not by
    subtraction: value and gradient stay finite where p rounds to 0 or 1.

    Args:
        logits: `[..., C]` with C >= 2, any floating type; computed in float32.
        labels: Class of each pair, int `[...]`.
        gamma: Focusing exponent, >= 0; 0 is cross-entropy.
        class_axis: Axis of the classes in `logits`, -1 or -2.

    Returns:
        float32 of the labels' shape, non-negative.

    Reference:
        https://arxiv.org/abs/1708.02002, equation 4.
    """
    entropy = cross_entropy(logits, labels, class_axis=class_axis)
    if gamma == 0:
        return entropy
    log_other = log_other_probability(logits, labels, class_axis=class_axis)
    return tf.exp(gamma * log_other) * entropy


def log_other_probability(
    logits: tf.Tensor, labels: tf.Tensor, *, class_axis: int = -1
) -> tf.Tensor:
    """Computes `log(1 - p[label])`, exactly also where p rounds to 1.

    Args:
        logits: `[..., C]` with C >= 2.
        labels: Class of each pair, int `[...]`.
        class_axis: Axis of the classes in `logits`, -1 or -2.

    Returns:
        float32 of the labels' shape, at most 0.
    """
    logits = tf.cast(logits, tf.float32)
    is_own = is_own_class(logits, labels, class_axis)
    others = tf.where(is_own, -float("inf"), logits)
    return logsumexp_over(others, class_axis) - logsumexp_over(
        logits, class_axis
    )


def make(config: TrainingConfig) -> PairLoss:
    """Returns the loss of the settings."""
    return functools.partial(focal, gamma=config.focal_gamma)

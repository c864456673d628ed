"""Softmax cross-entropy of each pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from biaffine_tf.losses import smoothing
from biaffine_tf.losses.reductions import sum_over
from biaffine_tf.losses.targets import TargetLoss

if TYPE_CHECKING:
    from biaffine_tf.config import TrainingConfig
    from biaffine_tf.losses import PairLoss


def cross_entropy(
    logits: tf.Tensor, labels: tf.Tensor, *, class_axis: int = -1
) -> tf.Tensor:
    """Computes `-log p[label]`, the original implementation's loss.

    Replaces TensorFlow's own, which is slow with op determinism on and needs
    the classes on the last axis.

    Args:
        logits: `[..., C]`, any floating type; computed in float32.
        labels: Class of each pair, int `[...]`.
        class_axis: Axis of the classes in `logits`: -1, or -2 for
            `[..., C, E]` with labels `[..., E]`.

    Returns:
        float32 of the labels' shape, non-negative.
    """
    logits = tf.cast(logits, tf.float32)
    greatest = tf.reduce_max(logits, axis=class_axis, keepdims=True)
    shifted = logits - tf.stop_gradient(greatest)
    own = tf.where(is_own_class(logits, labels, class_axis), shifted, 0)
    total = sum_over(tf.exp(shifted), class_axis)
    return tf.math.log(total) - sum_over(own, class_axis)


def is_own_class(
    logits: tf.Tensor, labels: tf.Tensor, class_axis: int
) -> tf.Tensor:
    """Marks the logits of the labels, bool in the shape of `logits`."""
    rank = logits.shape.rank
    return tf.one_hot(
        labels,
        logits.shape[class_axis],
        on_value=True,
        off_value=False,
        axis=rank + class_axis,
    )


def make(config: TrainingConfig) -> PairLoss | TargetLoss:
    """Returns the loss of the settings; smoothed if they say so."""
    if config.boundary_smoothing:
        return smoothing.make(config)
    return cross_entropy

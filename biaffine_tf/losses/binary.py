"""Binary cross-entropy of each label of a pair."""

from __future__ import annotations

from typing import TYPE_CHECKING

import tensorflow as tf

from biaffine_tf.losses.reductions import sum_over
from biaffine_tf.losses.targets import TargetLoss, own_cells

if TYPE_CHECKING:
    from biaffine_tf.config import TrainingConfig


def binary(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Computes the binary cross-entropies of the labels, and adds them.

    The log-odds of a label are its margin, the logit minus that of "none": each
    label is decided alone, so that a pair may have several.

    Args:
        logits: `[..., C, E]`, "none" first; computed in float32.
        targets: Whether the pair has the label, 0 or 1, float32
            `[..., C - 1, E]`.

    Returns:
        float32 `[..., E]`, non-negative.

    Reference:
        Yan et al. 2023, "An Embarrassingly Easy but Strong Baseline for Nested
        Named Entity Recognition" (https://arxiv.org/abs/2208.04534).
    """
    margins = margins_of(logits)
    losses = tf.nn.sigmoid_cross_entropy_with_logits(targets, margins)
    return sum_over(losses, -2)


def margins_of(logits: tf.Tensor) -> tf.Tensor:
    """Subtracts the logits of "none", `[..., C, E]` to `[..., C - 1, E]`."""
    logits = tf.cast(logits, tf.float32)
    return logits[..., 1:, :] - logits[..., :1, :]


def make(config: TrainingConfig) -> TargetLoss:
    """Returns the loss of the settings."""
    del config
    return TargetLoss(binary, own_cells, is_multi_label=True)

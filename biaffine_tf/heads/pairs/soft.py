"""Distillation: cross-entropy with the probabilities of teachers, by blocks.

The target of a pair gives each label the probability of the teachers, and
"none" the rest. Few pairs have labels in their target, so the cross-entropy is
that with "none" over all pairs of a block, and a correction at these pairs:

    -sum_c q_c log p_c = (logsumexp z - z_0) + sum_{c > 0} q_c (z_0 - z_c)

If a pair may have several labels, it is the binary cross-entropy of each,
with the sum of log(1 + exp(z_c - z_0)) instead of the first term.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.head import SoftCells
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.gold import locate
from biaffine_tf.heads.pairs.logits import mask_at
from biaffine_tf.losses.reductions import logsumexp_over, sum_over


class SoftTargets(NamedTuple):
    """Targets of the distillation, and the shares of both losses.

    Attributes:
        cells: int32 `[B, M, 3]`: first token, last token, label id; padding is
            all zeros.
        probabilities: Target of each cell, float32 `[B, M]`.
        weights: Factor of the distillation loss of each sentence, float32
            `[B]`.
        gold_weights: Factor of the loss of its gold spans, float32 `[B]`.
        is_labelled: Whether it has gold spans, bool `[B]`.
        temperature: Divisor of the logits.
    """

    cells: tf.Tensor
    probabilities: tf.Tensor
    weights: tf.Tensor
    gold_weights: tf.Tensor
    is_labelled: tf.Tensor
    temperature: float


def make_targets(soft: SoftCells, config: TrainingConfig) -> SoftTargets:
    """Makes the targets of a batch.

    The distillation loss is multiplied by the square of the temperature, which
    keeps the size of its gradient (Hinton et al. 2015, "Distilling the
    Knowledge in a Neural Network", https://arxiv.org/abs/1503.02531).

    Args:
        soft: Scores of the teachers.
        config: Settings with weight and temperature.
    """
    share, temperature = config.distil_weight, config.distil_temperature
    assert share is not None and temperature is not None
    weights = tf.where(soft.is_labelled, share, 1.0) * temperature**2
    return SoftTargets(
        soft.cells,
        soft.probabilities,
        weights,
        tf.where(soft.is_labelled, 1 - share, 0.0),
        soft.is_labelled,
        temperature,
    )


def soft_loss(
    targets: SoftTargets,
    block: Block,
    logits: tf.Tensor,
    valid: tf.Tensor,
    *,
    is_multi_label: bool = False,
) -> tf.Tensor:
    """Sums the weighted cross-entropy over the pairs of a block.

    Args:
        targets: Targets of the batch.
        block: S rows and E columns.
        logits: Class-major float32 `[B, S, C, E]`.
        valid: Pairs that are spans, bool `[B, S, E]`.
        is_multi_label: Whether each label is decided by its margin alone: the
            sum of their binary cross-entropies then.
    """
    logits /= targets.temperature
    if is_multi_label:
        margins = logits[:, :, 1:] - logits[:, :, :1]
        none = sum_over(tf.nn.softplus(margins), 2)
    else:
        none = logsumexp_over(logits, 2) - logits[:, :, 0]
    # [B, S, E]
    none = sum_over(tf.where(valid, none, 0), [1, 2])  # [B]
    inside, where = locate(targets.cells, **block._asdict())  # [B, M]
    inside &= mask_at(valid, where)
    first, last = where[..., :2], where[..., 2:]
    label = tf.where(inside, targets.cells[..., 2], 0)[..., None]
    # One gather, since the gradient of each is as large as the logits.
    own, none_there = tf.split(
        tf.gather_nd(
            logits,
            tf.concat(
                [
                    tf.concat([first, label, last], axis=-1),
                    tf.concat([first, tf.zeros_like(label), last], axis=-1),
                ],
                axis=1,
            ),
        ),
        2,
        axis=1,
    )  # [B, M]
    given = tf.where(inside, targets.probabilities * (none_there - own), 0)
    return tf.reduce_sum(targets.weights * (none + sum_over(given, 1)))

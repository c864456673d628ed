"""Losses over span matrices: one function per file, one sum for all."""

from __future__ import annotations

import functools
from collections.abc import Callable

import tensorflow as tf

from biaffine_tf.config import Loss, TrainingConfig
from biaffine_tf.losses.cross_entropy import cross_entropy
from biaffine_tf.losses.dice import dice
from biaffine_tf.losses.focal import focal

PairLoss = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]

__all__ = [
    "PairLoss",
    "cross_entropy",
    "dice",
    "focal",
    "make_loss",
    "sample_negatives",
    "sum_per_sentence",
]


def make_loss(config: TrainingConfig) -> PairLoss:
    """The pair loss that the settings ask for.

    Returns:
        A function from logits `[..., C]` and labels `[...]` to float32 losses
        `[...]`.
    """
    match config.loss:
        case Loss.CROSS_ENTROPY:
            return cross_entropy
        case Loss.FOCAL:
            return functools.partial(focal, gamma=config.focal_gamma)
        case Loss.DICE:
            return dice


def sample_negatives(
    matrix: tf.Tensor, keep: float, *, seed: tf.Tensor
) -> tf.Tensor:
    """Weights that drop a share of the negative pairs at random.

    Each negative is kept with probability `keep`, each positive always; the
    kept ones are not scaled up, as in the ancestor.

    Args:
        matrix: Span matrix, int32 `[B, L, L]`.
        keep: Share of the negatives that is kept, in (0, 1].
        seed: int32 `[2]`, seed of this step.

    Returns:
        float32 `[B, L, L]` of zeros and ones.
    """
    if keep >= 1:
        return tf.ones(tf.shape(matrix))
    drawn = tf.random.stateless_uniform(tf.shape(matrix), seed=seed)
    return tf.cast((matrix > 0) | (drawn < keep), tf.float32)


def sum_per_sentence(pair_losses: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Weighted sum of pair losses `[B, L, L]` over each sentence, `[B]`."""
    return tf.reduce_sum(pair_losses * weights, axis=[1, 2])

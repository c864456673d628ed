"""Losses of pairs: one function per file, and the sampling of negatives."""

from __future__ import annotations

import functools
from typing import Protocol

import tensorflow as tf

from biaffine_tf.config import Loss, TrainingConfig
from biaffine_tf.losses.cross_entropy import cross_entropy
from biaffine_tf.losses.dice import dice
from biaffine_tf.losses.focal import focal
from biaffine_tf.losses.sampling import sample_pairs

__all__ = [
    "PairLoss",
    "cross_entropy",
    "dice",
    "focal",
    "make_loss",
    "sample_pairs",
]


class PairLoss(Protocol):
    """A loss of each pair on its own."""

    def __call__(
        self, logits: tf.Tensor, labels: tf.Tensor, *, class_axis: int = -1
    ) -> tf.Tensor:
        """Float32 losses of the shape of the labels.

        Args:
            logits: `[..., C]`, or `[..., C, E]` with `class_axis` -2.
            labels: int, of the shape of the logits without the classes.
            class_axis: Which axis of the logits are the classes, -1 or -2.
        """


def make_loss(config: TrainingConfig) -> PairLoss:
    """The pair loss that the settings ask for."""
    match config.loss:
        case Loss.CROSS_ENTROPY:
            return cross_entropy
        case Loss.FOCAL:
            return functools.partial(focal, gamma=config.focal_gamma)
        case Loss.DICE:
            return dice

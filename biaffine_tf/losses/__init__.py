"""Losses of pairs, one per file, and sampling of negatives."""

from __future__ import annotations

import importlib
from typing import Protocol

import tensorflow as tf

from biaffine_tf.config import TrainingConfig
from biaffine_tf.losses.cross_entropy import cross_entropy
from biaffine_tf.losses.dice import dice
from biaffine_tf.losses.focal import focal
from biaffine_tf.losses.multi_label import MultiLabel
from biaffine_tf.losses.sampling import sample_pairs
from biaffine_tf.losses.targets import TargetLoss

__all__ = [
    "AnyLoss",
    "MultiLabel",
    "PairLoss",
    "TargetLoss",
    "cross_entropy",
    "dice",
    "focal",
    "make_loss",
    "sample_pairs",
]


class PairLoss(Protocol):
    """A loss function of single pairs."""

    def __call__(
        self, logits: tf.Tensor, labels: tf.Tensor, *, class_axis: int = -1
    ) -> tf.Tensor:
        """Computes the loss of each pair, float32 of the labels' shape.

        Args:
            logits: `[..., C]`, or `[..., C, E]` with `class_axis` -2.
            labels: Class of each pair, int, in the shape of `logits` without
                the class axis.
            class_axis: Axis of the classes in `logits`, -1 or -2.
        """


# Loss of a pair's label, of a target for each label, or of a whole sentence.
AnyLoss = PairLoss | TargetLoss | MultiLabel


def make_loss(config: TrainingConfig) -> AnyLoss:
    """Returns the loss of the settings.

    A loss is the module of its name, whose `make` returns it.
    """
    return importlib.import_module(f"{__name__}.{config.loss}").make(config)

"""Losses of pairs whose target is a number for each label."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import tensorflow as tf


class Spread(Protocol):
    """A function from gold spans to targets of cells."""

    def __call__(
        self, cells: tf.Tensor, counts: tf.Tensor, width: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the cells with a target above 0.

        Args:
            cells: Gold spans, int64 `[B, N, 3]`; padding is all zeros.
            counts: Number of tokens of each sentence, int64 `[B]`.
            width: Maximum span width in tokens, int32 scalar.

        Returns:
            Cells int64 `[B, M, 3]`, with label 0 where there is none, and their
            targets, float32 `[B, M]`.
        """


class TargetLoss(NamedTuple):
    """A loss of pairs that depends on a target for each label.

    Attributes:
        loss: Computes the loss of each pair, float32 `[B, S, E]`, from logits
            `[B, S, C, E]` and targets `[B, S, C - 1, E]`.
        spread: Computes the targets.
        is_multi_label: Whether a pair may have several labels, each decided by
            its margin alone.
    """

    loss: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]
    spread: Spread
    is_multi_label: bool = False


def own_cells(
    cells: tf.Tensor, counts: tf.Tensor, width: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Gives the gold spans themselves a target of 1; see `Spread`."""
    del counts, width
    return cells, tf.ones_like(cells[..., 0], tf.float32)

"""Boundary smoothing: a share of a gold span's target for its neighbours."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

import tensorflow as tf

from biaffine_tf.losses.reductions import sum_over
from biaffine_tf.losses.targets import TargetLoss

if TYPE_CHECKING:
    from biaffine_tf.config import TrainingConfig


def soft_cross_entropy(logits: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Computes the cross-entropy with a distribution over the classes.

    Args:
        logits: `[..., C, E]`, "none" first; computed in float32.
        targets: Probability of each label, float32 `[..., C - 1, E]`; "none"
            has the rest to 1. Sums above 1 are divided by themselves.

    Returns:
        float32 `[..., E]`, non-negative.
    """
    logits = tf.cast(logits, tf.float32)
    total = tf.reduce_sum(targets, axis=-2, keepdims=True)
    targets /= tf.maximum(total, 1)
    none = 1 - tf.minimum(total, 1)
    log_probabilities = logits - tf.reduce_logsumexp(
        logits, axis=-2, keepdims=True
    )
    targets = tf.concat([none, targets], axis=-2)
    return -sum_over(targets * log_probabilities, -2)


def spread(
    cells: tf.Tensor,
    counts: tf.Tensor,
    width: tf.Tensor,
    *,
    epsilon: float,
    size: int,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Moves a share of the target of gold spans to their neighbours.

    Each distance from 1 to `size`, in tokens of the first and the last one
    together, receives epsilon / size, each of its 4 d pairs an equal part. The
    part of a pair that is no span stays with the gold span. See `Spread`.

    Args:
        cells: See `Spread`.
        counts: See `Spread`.
        width: See `Spread`.
        epsilon: Share of the target that is moved.
        size: D, the maximum distance.

    Reference:
        Zhu and Li 2022 (https://arxiv.org/abs/2204.12031).
    """
    moves = [
        (first, last, epsilon / (size * 4 * distance))
        for first in range(-size, size + 1)
        for last in range(-size, size + 1)
        if 0 < (distance := abs(first) + abs(last)) <= size
    ]
    offsets = tf.constant([[first, last, 0] for first, last, _ in moves])
    moved = cells[:, :, None] + tf.cast(offsets, cells.dtype)  # [B, N, M, 3]
    first, last, label = (moved[..., part] for part in range(3))
    width = tf.cast(width, cells.dtype)
    is_span = (first >= 0) & (first <= last) & (last - first < width)
    is_span &= (last < counts[:, None, None]) & (label > 0)
    # A gold span that is too wide to be learnt has no neighbours either.
    is_span &= (cells[..., 1] - cells[..., 0] < width)[..., None]
    shares = tf.constant([share for *_, share in moves])
    shares = tf.where(is_span, shares, 0)  # [B, N, M]
    moved = tf.where(is_span[..., None], moved, 0)
    batch = tf.shape(cells)[0]
    return (
        tf.concat([cells, tf.reshape(moved, [batch, -1, 3])], axis=1),
        tf.concat(
            [
                1 - tf.reduce_sum(shares, axis=2),
                tf.reshape(shares, [batch, -1]),
            ],
            axis=1,
        ),
    )


def make(config: TrainingConfig) -> TargetLoss:
    """Returns the cross-entropy with smoothed boundaries of the settings."""
    return TargetLoss(
        soft_cross_entropy,
        functools.partial(
            spread,
            epsilon=config.boundary_smoothing,
            size=config.smooth_size,
        ),
    )

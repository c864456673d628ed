"""Divergence of the predictions of two passes, block by block.

As in `loss`, only one block of logits of each pass is in memory at a time, and
the gradient is computed with the value.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.biaffine import blocks
from biaffine_tf.heads.biaffine.blocks import (
    Block,
    add_at,
    divide,
    pair_mask,
)
from biaffine_tf.heads.biaffine.scores import map_starts, pair_logits


def pair_divergence(
    first: tuple[tf.Tensor, tf.Tensor],
    second: tuple[tf.Tensor, tf.Tensor],
    bilinear: tf.Tensor,
    counts: tf.Tensor,
    *,
    first_is_fixed: bool,
    max_span_width: int | None = None,
    max_floats: int | None = None,
) -> tf.Tensor:
    """Sums the Kullback-Leibler divergence over all valid spans of a batch.

    With p and q the class probabilities of a pair in both passes, it is
    KL(p || q), p a constant, if the first pass is fixed; else the mean of
    KL(p || q) and KL(q || p).

    Args:
        first: Starts `[B, L, D]` and ends `[B, L, D']` of the first pass.
        second: The same of the second pass.
        bilinear: float32 `[D, C, D']`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        first_is_fixed: Whether the first pass is a constant.
        max_span_width: Maximum span width in tokens; None for all pairs.
        max_floats: Maximum number of floats in the blocks of both passes, see
            `blocks.divide`.

    Returns:
        float32 scalar with a gradient for all inputs, or those of the second
        pass.
    """
    max_floats = max_floats or blocks.MAX_FLOATS
    divided = divide(
        first[0],
        bilinear,
        max_span_width=max_span_width,
        max_floats=max_floats // 2,
    )

    def divergence(block: Block, parts: list[tf.Tensor]) -> tf.Tensor:
        *sides, weights = parts
        logits, others = (
            pair_logits(map_starts(starts, weights), ends)
            for starts, ends in (sides[:2], sides[2:])
        )
        if first_is_fixed:
            logits = tf.stop_gradient(logits)
        valid = pair_mask(counts, block, divided.width)
        return tf.reduce_sum(
            tf.where(valid, _divergence(logits, others, first_is_fixed), 0)
        )

    @tf.custom_gradient
    def summed(*inputs: tf.Tensor) -> tuple:
        *sides, weights = inputs

        def add(
            block: Block, state: tuple[tf.Tensor, list[tf.Tensor]]
        ) -> tuple[tf.Tensor, list[tf.Tensor]]:
            total, gradients = state
            parts = [
                block.columns_of(x) if is_end else block.rows_of(x)
                for x, is_end in zip(sides, (0, 1, 0, 1), strict=True)
            ]
            parts.append(weights)
            with tf.GradientTape() as tape:
                tape.watch(parts)
                value = divergence(block, parts)
            *slopes, last = tape.gradient(
                value, parts, unconnected_gradients="zero"
            )
            gradients = [
                *(
                    add_at(known, slope, block.first)
                    for known, slope in zip(gradients[:-1], slopes, strict=True)
                ),
                gradients[-1] + last,
            ]
            return total + value, gradients

        value, gradients = divided.fold(
            add, (tf.constant(0.0), [tf.zeros_like(x) for x in inputs])
        )

        def backward(upstream: tf.Tensor) -> list[tf.Tensor]:
            return [upstream * gradient for gradient in gradients]

        return value, backward

    return summed(
        *(tf.cast(x, tf.float32) for x in (*first, *second)), bilinear
    )


def _divergence(
    logits: tf.Tensor, others: tf.Tensor, one_way: bool
) -> tf.Tensor:
    """Computes the divergence of class-major logits, `[B, S, E]`."""
    log_p, log_q = (tf.nn.log_softmax(x, axis=2) for x in (logits, others))
    p = tf.exp(log_p)
    if one_way:
        return tf.reduce_sum(p * (log_p - log_q), axis=2)
    return tf.reduce_sum((p - tf.exp(log_q)) * (log_p - log_q), axis=2) / 2

"""Divergence of the predictions of two passes, block by block.

As in `loss`, only one block of logits of each pass is in memory at a time, and
the gradient is computed with the value.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.pairs import blocks
from biaffine_tf.heads.pairs.blocks import Block, pair_mask
from biaffine_tf.heads.pairs.scorer import Pairs, Tensors


def pair_divergence(
    first: Pairs,
    second: Pairs,
    counts: tf.Tensor,
    *,
    first_is_fixed: bool,
    is_multi_label: bool = False,
    max_span_width: int | None = None,
    max_floats: int | None = None,
) -> tf.Tensor:
    """Sums the Kullback-Leibler divergence over all valid spans of a batch.

    With p and q the class probabilities of a pair in both passes, it is
    KL(p || q), p a constant, if the first pass is fixed; else the mean of
    KL(p || q) and KL(q || p). If a pair may have several labels, it is the sum
    over the labels, each being there or not.

    Args:
        first: Pairs of the first pass.
        second: Pairs of the second pass.
        counts: Number of tokens of each sentence, int32 `[B]`.
        first_is_fixed: Whether the first pass is a constant.
        is_multi_label: Whether a pair may have several labels.
        max_span_width: Maximum span width in tokens; None for all pairs.
        max_floats: Maximum number of floats in the blocks of both passes, see
            `blocks.divide`.

    Returns:
        float32 scalar with a gradient for the inputs of both passes, or those
        of the second pass.
    """
    max_floats = max_floats or blocks.MAX_FLOATS
    divided = first.divide(max_span_width, max_floats // 2)
    size = len(first.inputs)

    def divergence(
        block: Block, passes: tuple[Pairs, Pairs], parts: Tensors
    ) -> tf.Tensor:
        logits = passes[0].logits(block, parts[:size])
        others = passes[1].logits(block, parts[size:])
        if first_is_fixed:
            logits = tf.stop_gradient(logits)
        values = (_of_labels if is_multi_label else _of_classes)(
            logits, others, first_is_fixed
        )
        valid = pair_mask(counts, block, divided.width)
        return tf.reduce_sum(tf.where(valid, values, 0))

    @tf.custom_gradient
    def summed(*inputs: tf.Tensor) -> tuple:
        passes = (
            first.with_inputs(inputs[:size]),
            second.with_inputs(inputs[size:]),
        )

        def add(
            block: Block, state: tuple[tf.Tensor, Tensors]
        ) -> tuple[tf.Tensor, Tensors]:
            total, gradients = state
            parts = (*passes[0].parts(block), *passes[1].parts(block))
            # Both passes share weights, which have a gradient from each.
            parts = tuple(map(tf.identity, parts))
            with tf.GradientTape() as tape:
                tape.watch(parts)
                value = divergence(block, passes, parts)
            slopes = tape.gradient(value, parts, unconnected_gradients="zero")
            return total + value, (
                *passes[0].add_parts(gradients[:size], slopes[:size], block),
                *passes[1].add_parts(gradients[size:], slopes[size:], block),
            )

        value, gradients = divided.fold(
            add, (tf.constant(0.0), tuple(map(tf.zeros_like, inputs)))
        )

        def backward(upstream: tf.Tensor) -> list[tf.Tensor]:
            return [upstream * gradient for gradient in gradients]

        return value, backward

    exact = [pairs.cast(tf.float32).inputs for pairs in (first, second)]
    return summed(*exact[0], *exact[1])


def _of_classes(
    logits: tf.Tensor, others: tf.Tensor, one_way: bool
) -> tf.Tensor:
    """Compares the classes of class-major logits: `[B, S, E]`."""
    log_p, log_q = (tf.nn.log_softmax(x, axis=2) for x in (logits, others))
    p = tf.exp(log_p)
    if one_way:
        return tf.reduce_sum(p * (log_p - log_q), axis=2)
    return tf.reduce_sum((p - tf.exp(log_q)) * (log_p - log_q), axis=2) / 2


def _of_labels(
    logits: tf.Tensor, others: tf.Tensor, one_way: bool
) -> tf.Tensor:
    """Compares the margins of the labels of class-major logits."""
    x, y = (z[:, :, 1:] - z[:, :, :1] for z in (logits, others))
    p = tf.sigmoid(x)
    if one_way:
        values = p * (x - y) + tf.nn.softplus(y) - tf.nn.softplus(x)
    else:
        values = (p - tf.sigmoid(y)) * (x - y) / 2
    return tf.reduce_sum(values, axis=2)

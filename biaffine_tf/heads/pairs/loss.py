"""Loss of a batch, computed block by block.

Only one block of logits is in memory at a time. The loss is a scalar, so its
gradient is the upstream scalar times a gradient that is computed in the same
pass, while the logits of the block are there. A loss of whole sentences sums
over all blocks in a pass of its own first.
"""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.objective import Objective, PairCounts
from biaffine_tf.heads.pairs.scorer import Pairs, Tensors
from biaffine_tf.heads.pairs.soft import SoftTargets
from biaffine_tf.losses import AnyLoss


class _Sums(NamedTuple):
    loss: tf.Tensor
    pair_counts: PairCounts
    gradients: Tensors  # with respect to rows, columns and weights


def span_loss(
    pairs: Pairs,
    cells: tf.Tensor,
    counts: tf.Tensor,
    loss: AnyLoss,
    *,
    max_span_width: int | None = None,
    keep_negatives: float = 1.0,
    keep_near_gold: int | None = None,
    class_weights: tf.Tensor | None = None,
    seed: tf.Tensor | None = None,
    soft: SoftTargets | None = None,
    sentence_weights: tf.Tensor | None = None,
    labelled: tf.Tensor | None = None,
    max_floats: int | None = None,
) -> tuple[tf.Tensor, PairCounts]:
    """Sums the losses over all valid spans of a batch.

    Value and gradient equal those of the losses of a head's call. Computed in
    float32, so that nothing overflows before a loss scale can prevent it.

    Args:
        pairs: Pairs of the batch.
        cells: Gold spans, int32 `[B, N, 3]`, see `gold.locate`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        loss: Loss of each pair, or of each sentence.
        max_span_width: Maximum span width in tokens; None for all pairs.
        keep_negatives: Fraction of negative pairs in the loss, in (0, 1]. They
            are not scaled up, as in the original implementation.
        keep_near_gold: Number of tokens up to which negative pairs near gold
            spans are all kept, see `gold.near_gold`; None for no such pairs.
        class_weights: Factor of the loss of the pairs of each class, float32
            `[C]`, for losses of a pair's label; None for 1.
        seed: Seed of the sampling, int32 `[2]`; needed if negatives are
            dropped.
        soft: Targets of teachers, if there are any. Sentences without gold
            spans of their own have no pair loss and are not counted.
        sentence_weights: Factor of the losses of each sentence, float32 `[B]`;
            None for 1.
        labelled: Whether each class is labelled in each sentence, bool
            `[B, C]`, see `partial.merge_unlabelled`; None for all.
        max_floats: Maximum number of floats in a block, see `blocks.divide`.

    Returns:
        The sum, a float32 scalar with a gradient for the inputs of the pairs;
        and the counts, without a gradient.
    """
    blocks = pairs.divide(max_span_width, max_floats)
    # TensorFlow computes int32 on the host: a GPU would be waited for.
    objective = Objective(
        cells=tf.cast(cells, tf.int64),
        counts=tf.cast(counts, tf.int64),
        loss=loss,
        width=blocks.width,
        keep_negatives=keep_negatives,
        keep_near_gold=keep_near_gold,
        class_weights=class_weights,
        seed=seed,
        soft=soft,
        sentence_weights=sentence_weights,
        labelled=labelled,
    )

    @tf.custom_gradient
    def summed(*inputs: tf.Tensor) -> tuple:
        own = pairs.with_inputs(inputs)
        totals = objective.start(pairs.num_classes)
        if totals is not None:
            totals = blocks.fold(
                lambda block, sums: objective.add(
                    sums, block, own.logits(block, own.parts(block))
                ),
                totals,
            )

        def add(block: Block, sums: _Sums) -> _Sums:
            parts = own.parts(block)
            with tf.GradientTape() as tape:
                tape.watch(parts)
                logits = own.logits(block, parts)
                value, pair_counts = objective.evaluate(block, logits, totals)
            return _Sums(
                sums.loss + value,
                PairCounts(*map(tf.add, sums.pair_counts, pair_counts)),
                own.add_parts(
                    sums.gradients, tape.gradient(value, parts), block
                ),
            )

        zero = tf.constant(0.0)
        sums = blocks.fold(
            add,
            _Sums(
                objective.value(totals),
                PairCounts(zero, zero, zero, zero),
                tuple(map(tf.zeros_like, inputs)),
            ),
        )

        def backward(upstream: tf.Tensor, *_: tf.Tensor) -> list[tf.Tensor]:
            return [upstream * gradient for gradient in sums.gradients]

        return (sums.loss, *sums.pair_counts), backward

    value, *pair_counts = summed(*pairs.cast(tf.float32).inputs)
    return value, PairCounts(*pair_counts)

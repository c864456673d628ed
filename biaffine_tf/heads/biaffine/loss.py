"""Loss of a batch, computed block by block.

Only one block of logits is in memory at a time. The loss is a scalar, so its
gradient is the upstream scalar times a gradient that is computed in the same
pass, while the logits of the block are there.
"""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.heads.biaffine.blocks import Block, divide, pair_mask
from biaffine_tf.heads.biaffine.gold import dense_matrix, locate
from biaffine_tf.heads.biaffine.scores import (
    classes_at,
    map_starts,
    pair_logits,
)
from biaffine_tf.heads.biaffine.soft import SoftTargets, soft_loss
from biaffine_tf.losses import PairLoss, sample_pairs


class PairCounts(NamedTuple):
    """Counts of pairs and of correct predictions; float32 scalars.

    Attributes:
        positives: Number of gold spans.
        correct_positives: Gold spans whose best class is their label.
        negatives: Number of other valid spans.
        correct_negatives: Other valid spans whose best class is "none".
    """

    positives: tf.Tensor
    correct_positives: tf.Tensor
    negatives: tf.Tensor
    correct_negatives: tf.Tensor


# With respect to starts, ends and bilinear.
_Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class _Sums(NamedTuple):
    loss: tf.Tensor
    pair_counts: PairCounts
    gradients: _Gradients


def span_loss(
    starts: tf.Tensor,
    ends: tf.Tensor,
    bilinear: tf.Tensor,
    cells: tf.Tensor,
    counts: tf.Tensor,
    pair_loss: PairLoss,
    *,
    max_span_width: int | None = None,
    keep_negatives: float = 1.0,
    seed: tf.Tensor | None = None,
    soft: SoftTargets | None = None,
    sentence_weights: tf.Tensor | None = None,
    max_floats: int | None = None,
) -> tuple[tf.Tensor, PairCounts]:
    """Sums the pair losses over all valid spans of a batch.

    Value and gradient equal those of the pair losses of `Biaffine.call`.
    Computed in float32, so that nothing overflows before a loss scale can
    prevent it.

    Args:
        starts: `[B, L, D]`, from `Biaffine.project`.
        ends: `[B, L, D']`, from `Biaffine.project`.
        bilinear: float32 `[D, C, D']`.
        cells: Gold spans, int32 `[B, N, 3]`, see `gold.locate`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        pair_loss: Loss of each pair.
        max_span_width: Maximum span width in tokens; None for all pairs.
        keep_negatives: Fraction of negative pairs in the loss, in (0, 1]. They
            are not scaled up, as in the original implementation.
        seed: Seed of the sampling, int32 `[2]`; needed if negatives are
            dropped.
        soft: Targets of teachers, if there are any. Sentences without gold
            spans of their own have no pair loss and are not counted.
        sentence_weights: Factor of the pair losses of each sentence, float32
            `[B]`; None for 1.
        max_floats: Maximum number of floats in a block, see `blocks.divide`.

    Returns:
        The sum, a float32 scalar with a gradient for starts, ends and
        bilinear; and the counts, without a gradient.
    """
    blocks = divide(
        starts,
        bilinear,
        max_span_width=max_span_width,
        max_floats=max_floats,
    )
    objective = _Objective(
        cells,
        counts,
        pair_loss,
        blocks.width,
        keep_negatives,
        seed,
        soft,
        sentence_weights,
    )

    @tf.custom_gradient
    def summed(*inputs: tf.Tensor) -> tuple:
        starts, ends, bilinear = inputs

        def add(block: Block, sums: _Sums) -> _Sums:
            parts = block.rows_of(starts), block.columns_of(ends), bilinear
            with tf.GradientTape() as tape:
                tape.watch(parts)
                rows, columns, weights = parts
                logits = pair_logits(map_starts(rows, weights), columns)
                loss, pair_counts = objective.evaluate(block, logits)
            return _Sums(
                sums.loss + loss,
                PairCounts(*map(tf.add, sums.pair_counts, pair_counts)),
                _add_block(
                    sums.gradients, tape.gradient(loss, parts), block.first
                ),
            )

        zero = tf.constant(0.0)
        sums = blocks.fold(
            add,
            _Sums(
                zero,
                PairCounts(zero, zero, zero, zero),
                tuple(map(tf.zeros_like, inputs)),
            ),
        )

        def backward(upstream: tf.Tensor, *_: tf.Tensor) -> list[tf.Tensor]:
            return [upstream * gradient for gradient in sums.gradients]

        return (sums.loss, *sums.pair_counts), backward

    loss, *pair_counts = summed(
        tf.cast(starts, tf.float32), tf.cast(ends, tf.float32), bilinear
    )
    return loss, PairCounts(*pair_counts)


@dataclasses.dataclass(frozen=True)
class _Objective:
    """The inputs of the loss that are no function of the weights.

    Attributes:
        width: W, the maximum span width in tokens, int32 scalar.

    The others are arguments of `span_loss`.
    """

    cells: tf.Tensor
    counts: tf.Tensor
    pair_loss: PairLoss
    width: tf.Tensor
    keep_negatives: float
    seed: tf.Tensor | None
    soft: SoftTargets | None
    sentence_weights: tf.Tensor | None

    def evaluate(
        self, block: Block, logits: tf.Tensor
    ) -> tuple[tf.Tensor, PairCounts]:
        """Sums the pair losses of `[B, S, C, E]`, and counts correct pairs."""
        valid = pair_mask(self.counts, block, self.width)  # [B, S, E]
        labels = dense_matrix(self.cells, **block._asdict())  # [B, S, E]
        weights = tf.cast(valid & self._kept(block, labels), tf.float32)
        if self.sentence_weights is not None:
            weights *= self.sentence_weights[:, None, None]
        losses = self.pair_loss(logits, labels, class_axis=-2)
        if self.soft is None:
            loss = tf.reduce_sum(losses * weights)
            return loss, self._count_right(block, logits, valid)
        of_gold = self.soft.gold_weights
        loss = tf.reduce_sum(losses * weights * of_gold[:, None, None])
        loss += soft_loss(self.soft, block, logits, valid)
        valid &= self.soft.is_labelled[:, None, None]
        return loss, self._count_right(block, logits, valid)

    def _kept(self, block: Block, labels: tf.Tensor) -> tf.Tensor:
        """Marks the pairs that are positive or sampled, bool `[B, S, E]`."""
        if self.keep_negatives >= 1:
            return tf.constant(True)
        drawn = sample_pairs(
            self.keep_negatives,
            seed=self.seed,
            num_sentences=tf.shape(labels)[0],
            rows=block.first + tf.range(block.num_rows),
            columns=block.first + tf.range(block.num_columns),
        )
        return drawn | (labels > 0)

    def _count_right(
        self, block: Block, logits: tf.Tensor, valid: tf.Tensor
    ) -> PairCounts:
        """Counts correct pairs; of equal logits the lower class is best."""
        inside, where = locate(self.cells, **block._asdict())  # [B, N]
        inside &= tf.gather_nd(valid, where)
        gold_logits = classes_at(logits, where)  # [B, N, C]
        best = tf.argmax(gold_logits, axis=-1, output_type=tf.int32)
        # argmax over all pairs is too slow; "none" wins where it is greatest.
        none = valid & (logits[:, :, 0] >= tf.reduce_max(logits, axis=2))
        positives = _count(inside)
        return PairCounts(
            positives=positives,
            correct_positives=_count(inside & (best == self.cells[..., 2])),
            negatives=_count(valid) - positives,
            correct_negatives=_count(none) - _count(inside & (best == 0)),
        )


def _count(chosen: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(chosen, tf.float32))


def _add_block(
    sums: _Gradients, block: _Gradients, first: tf.Tensor
) -> _Gradients:
    """Adds the gradients of a block whose first row and column are `first`."""

    def add_at_first(total: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
        after = tf.shape(total)[1] - first - tf.shape(part)[1]
        part = tf.pad(part, [[0, 0], [first, after], [0, 0]])
        return tf.ensure_shape(total + part, total.shape)

    return (
        add_at_first(sums[0], block[0]),
        add_at_first(sums[1], block[1]),
        sums[2] + block[2],
    )

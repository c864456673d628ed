"""The loss of a batch without the tensor of its logits.

The sum over all pairs needs no more than one block of logits at a time. Because
it is a scalar, its gradient is the upstream scalar times a gradient that can be
computed in the same pass, while the block is there.
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
from biaffine_tf.losses import PairLoss, sample_pairs


class PairCounts(NamedTuple):
    """How many pairs the model has right; float32 scalars.

    Attributes:
        positives: Gold spans.
        correct_positives: Of these, those whose best class is their label.
        negatives: Other pairs that could be spans.
        correct_negatives: Of these, those whose best class is "none".
    """

    positives: tf.Tensor
    correct_positives: tf.Tensor
    negatives: tf.Tensor
    correct_negatives: tf.Tensor


# Of starts, ends and bilinear.
_Gradients = tuple[tf.Tensor, tf.Tensor, tf.Tensor]


class _Sums(NamedTuple):
    """What is summed over the blocks."""

    loss: tf.Tensor
    right: PairCounts
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
    max_floats: int | None = None,
) -> tuple[tf.Tensor, PairCounts]:
    """Sum of the pair losses over all spans that a batch could hold.

    Equals, in value and gradient, the sum over the pairs of
    `biaffine.call(...)`. All is in float32, so that nothing overflows before a
    loss scale can prevent it.

    Args:
        starts: `[B, L, D]`, from `Biaffine.project`.
        ends: `[B, L, D']`, likewise.
        bilinear: float32 `[D, C, D']`.
        cells: Gold spans, int32 `[B, N, 3]`, see `gold.locate`.
        counts: Tokens of each sentence, int32 `[B]`.
        pair_loss: Loss of each pair.
        max_span_width: Tokens of the widest span that counts as a pair; None
            for all pairs.
        keep_negatives: Share of the negative pairs that enters the loss, in
            (0, 1]. The kept ones are not scaled up, as in the original
            implementation.
        seed: int32 `[2]`, of the draw; needed if negatives are dropped.
        max_floats: Bound on the size of a block, see `blocks.divide`.

    Returns:
        The sum, a float32 scalar whose gradient reaches starts, ends and
        bilinear; and what the model has right, which has none.
    """
    blocks = divide(
        starts,
        bilinear,
        max_span_width=max_span_width,
        max_floats=max_floats,
    )
    objective = _Objective(
        cells, counts, pair_loss, blocks.width, keep_negatives, seed
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
                loss, right = objective.evaluate(block, logits)
            return _Sums(
                sums.loss + loss,
                PairCounts(*map(tf.add, sums.right, right)),
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

        return (sums.loss, *sums.right), backward

    loss, *right = summed(
        tf.cast(starts, tf.float32), tf.cast(ends, tf.float32), bilinear
    )
    return loss, PairCounts(*right)


@dataclasses.dataclass(frozen=True)
class _Objective:
    """All about the loss that is no function of the weights.

    Attributes:
        width: W, tokens of the widest span, int32 scalar.

    The others are arguments of `span_loss`.
    """

    cells: tf.Tensor
    counts: tf.Tensor
    pair_loss: PairLoss
    width: tf.Tensor
    keep_negatives: float
    seed: tf.Tensor | None

    def evaluate(
        self, block: Block, logits: tf.Tensor
    ) -> tuple[tf.Tensor, PairCounts]:
        """Sum of the pair losses of `[B, S, C, E]`, and what is right."""
        valid = pair_mask(self.counts, block, self.width)  # [B, S, E]
        labels = dense_matrix(self.cells, **block._asdict())  # [B, S, E]
        weights = tf.cast(valid & self._kept(block, labels), tf.float32)
        losses = self.pair_loss(logits, labels, class_axis=-2)
        loss = tf.reduce_sum(losses * weights)
        return loss, self._count_right(block, logits, valid)

    def _kept(self, block: Block, labels: tf.Tensor) -> tf.Tensor:
        """Which pairs are positive or drawn, bool `[B, S, E]`."""
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
        """Compares best classes; of equal logits the lower class is best."""
        inside, where = locate(self.cells, **block._asdict())  # [B, N]
        inside &= tf.gather_nd(valid, where)
        found = classes_at(logits, where)  # [B, N, C]
        best = tf.argmax(found, axis=-1, output_type=tf.int32)
        # All pairs are too many for argmax; "none" wins where it is greatest.
        none = valid & (logits[:, :, 0] >= tf.reduce_max(logits, axis=2))
        positives = _number(inside)
        return PairCounts(
            positives=positives,
            correct_positives=_number(inside & (best == self.cells[..., 2])),
            negatives=_number(valid) - positives,
            correct_negatives=_number(none) - _number(inside & (best == 0)),
        )


def _number(chosen: tf.Tensor) -> tf.Tensor:
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

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
from biaffine_tf.heads.biaffine.scores import (
    classes_at,
    map_starts,
    pair_logits,
)
from biaffine_tf.losses import PairLoss, sample_pairs
from biaffine_tf.records.span_schema import dense_matrix, locate


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


class _Gradients(NamedTuple):
    """Of the loss, in float32, each in the shape of what it belongs to."""

    starts: tf.Tensor
    ends: tf.Tensor
    bilinear: tf.Tensor


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
    most_floats: int | None = None,
) -> tuple[tf.Tensor, PairCounts]:
    """Sum of the pair losses over all spans that a batch could hold.

    Equals, in value and gradient, the sum over the pairs of
    `biaffine.call(...)`. Logits are computed in the dtype of the starts and
    ends; the loss and all that belongs to the gradient in float32, so that
    nothing overflows before a loss scale can prevent it.

    Args:
        starts: `[B, L, D]`, from `Biaffine.project`.
        ends: `[B, L, D']`, likewise.
        bilinear: float32 `[D, C, D']`.
        cells: Gold cells, int32 `[B, N, 3]`, see `schema.locate`.
        counts: Pieces of each sentence, int32 `[B]`.
        pair_loss: Loss of each pair.
        max_span_width: Pieces of the widest span that counts as a pair; None
            for all pairs.
        keep_negatives: Share of the negative pairs that enters the loss, in
            (0, 1]. The kept ones are not scaled up, as in the ancestor.
        seed: int32 `[2]`, of the draw; needed if negatives are dropped.
        most_floats: Bound on the size of a block, see `blocks.divide`.

    Returns:
        The sum, a float32 scalar whose gradient reaches starts, ends and
        bilinear; and what the model has right, which has none.
    """
    blocks = divide(
        starts,
        bilinear,
        max_span_width=max_span_width,
        most_floats=most_floats,
    )
    objective = _Objective(
        cells, counts, pair_loss, blocks.width, keep_negatives, seed
    )

    @tf.custom_gradient
    def summed(
        starts: tf.Tensor, ends: tf.Tensor, bilinear: tf.Tensor
    ) -> tuple:
        inputs = (starts, ends, bilinear)

        def add(block: Block, sums: _Sums) -> _Sums:
            rows, columns = block.rows_of(starts), block.columns_of(ends)
            mapped = map_starts(rows, tf.cast(bilinear, rows.dtype))
            logits = pair_logits(mapped, columns)  # [B, S, C, E]
            loss, upstream, right = objective.judge(
                block, tf.cast(logits, tf.float32)
            )
            gradients = _block_gradients(
                upstream, rows, columns, mapped, bilinear
            )
            return _Sums(
                sums.loss + loss,
                PairCounts(*map(tf.add, sums.right, right)),
                _add_block(sums.gradients, gradients, block.first),
            )

        zero = tf.constant(0.0)
        sums = blocks.walk(
            add,
            _Sums(
                zero,
                PairCounts(zero, zero, zero, zero),
                _Gradients(*(tf.zeros_like(x, tf.float32) for x in inputs)),
            ),
        )

        def backward(upstream: tf.Tensor, *_: tf.Tensor) -> list[tf.Tensor]:
            return [
                tf.cast(upstream * gradient, given.dtype)
                for gradient, given in zip(sums.gradients, inputs, strict=True)
            ]

        return (sums.loss, *sums.right), backward

    loss, *right = summed(starts, ends, bilinear)
    return loss, PairCounts(*right)


@dataclasses.dataclass(frozen=True)
class _Objective:
    """All about the loss that is no function of the weights.

    Attributes:
        width: W, pieces of the widest span, int32 scalar.

    The others are arguments of `span_loss`.
    """

    cells: tf.Tensor
    counts: tf.Tensor
    pair_loss: PairLoss
    width: tf.Tensor
    keep_negatives: float
    seed: tf.Tensor | None

    def judge(
        self, block: Block, logits: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, PairCounts]:
        """What the logits `[B, S, C, E]` of a block are worth.

        Returns:
            The sum of its pair losses, the gradient of that with respect to
            the logits, and how many pairs are right.
        """
        valid = pair_mask(self.counts, block, self.width)  # [B, S, E]
        labels = dense_matrix(self.cells, **block._asdict())  # [B, S, E]
        weights = tf.cast(valid & self._kept(block, labels), tf.float32)
        with tf.GradientTape() as tape:
            tape.watch(logits)
            losses = self.pair_loss(logits, labels, class_axis=-2)
            loss = tf.reduce_sum(losses * weights)
        return (
            loss,
            tape.gradient(loss, logits),
            self._count_right(block, logits, valid),
        )

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


def _block_gradients(
    upstream: tf.Tensor,
    rows: tf.Tensor,
    columns: tf.Tensor,
    mapped: tf.Tensor,
    bilinear: tf.Tensor,
) -> _Gradients:
    """The chain rule through `pair_logits` and `map_starts`, in float32.

    Args:
        upstream: Gradient with respect to the logits, `[B, S, C, E]`.
        rows: Starts of the block, `[B, S, D]`.
        columns: Ends of the block, `[B, E, D']`.
        mapped: `[B, S, C, D']`.
        bilinear: `[D, C, D']`.
    """
    size, num_classes, end_size = bilinear.shape
    batch, num_rows, _ = tf.unstack(tf.shape(rows))
    rows, columns, mapped = (
        tf.cast(x, tf.float32) for x in (rows, columns, mapped)
    )
    flat = [batch, num_rows * num_classes]
    upstream = tf.reshape(upstream, [*flat, tf.shape(columns)[1]])
    to_columns = tf.matmul(
        upstream, tf.reshape(mapped, [*flat, end_size]), transpose_a=True
    )  # [B, E, D']
    to_mapped = tf.reshape(
        tf.matmul(upstream, columns),
        [batch * num_rows, num_classes * end_size],
    )  # [B * S, C * D']
    to_rows = tf.matmul(
        to_mapped, tf.reshape(bilinear, [size, -1]), transpose_b=True
    )  # [B * S, D]
    to_bilinear = tf.matmul(
        tf.reshape(rows, [-1, size]), to_mapped, transpose_a=True
    )  # [D, C * D']
    return _Gradients(
        tf.reshape(to_rows, tf.shape(rows)),
        to_columns,
        tf.reshape(to_bilinear, bilinear.shape),
    )


def _add_block(
    sums: _Gradients, block: _Gradients, first: tf.Tensor
) -> _Gradients:
    """Adds the gradients of a block whose first row and column are `first`."""

    def add_at_first(total: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
        after = tf.shape(total)[1] - first - tf.shape(part)[1]
        part = tf.pad(part, [[0, 0], [first, after], [0, 0]])
        return tf.ensure_shape(total + part, total.shape)

    return _Gradients(
        add_at_first(sums.starts, block.starts),
        add_at_first(sums.ends, block.ends),
        sums.bilinear + block.bilinear,
    )

"""Loss of a block of logits, and counts of its correct pairs."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import tensorflow as tf

from biaffine_tf.heads.pairs.blocks import Block, pair_mask
from biaffine_tf.heads.pairs.gold import (
    dense_matrix,
    dense_targets,
    locate,
    near_gold,
)
from biaffine_tf.heads.pairs.logits import classes_at, mask_at
from biaffine_tf.heads.pairs.partial import merge_unlabelled
from biaffine_tf.heads.pairs.soft import SoftTargets, soft_loss
from biaffine_tf.losses import AnyLoss, MultiLabel, TargetLoss, sample_pairs
from biaffine_tf.losses.reductions import sum_over
from biaffine_tf.losses.targets import own_cells


class PairCounts(NamedTuple):
    """Counts of pairs and of correct predictions; float32 scalars.

    Attributes:
        positives: Number of gold spans.
        correct_positives: Gold spans whose best class is their label or, if a
            pair may have several labels, whose label has a positive margin.
        negatives: Number of other valid spans.
        correct_negatives: Other valid spans whose best class is "none".
    """

    positives: tf.Tensor
    correct_positives: tf.Tensor
    negatives: tf.Tensor
    correct_negatives: tf.Tensor


@dataclasses.dataclass(frozen=True, kw_only=True)
class Objective:
    """The inputs of the loss that are no function of the weights.

    Attributes:
        cells: Gold spans, int64 `[B, N, 3]`.
        counts: Number of tokens of each sentence, int64 `[B]`.
        width: W, the maximum span width in tokens, int32 scalar.

    The others are arguments of `loss.span_loss`.
    """

    cells: tf.Tensor
    counts: tf.Tensor
    loss: AnyLoss
    width: tf.Tensor
    keep_negatives: float
    keep_near_gold: int | None
    class_weights: tf.Tensor | None
    seed: tf.Tensor | None
    soft: SoftTargets | None
    sentence_weights: tf.Tensor | None
    labelled: tf.Tensor | None = None

    @property
    def is_multi_label(self) -> bool:
        """Whether a pair may have several labels."""
        return isinstance(self.loss, MultiLabel) or (
            isinstance(self.loss, TargetLoss) and self.loss.is_multi_label
        )

    def start(self, num_classes: int) -> Any:
        """Returns the sums over no block; None for losses of single pairs."""
        if not isinstance(self.loss, MultiLabel):
            return None
        return self.loss.start(tf.shape(self.cells)[0], num_classes)

    def add(self, sums: Any, block: Block, logits: tf.Tensor) -> Any:
        """Adds the sums of a block of logits `[B, S, C, E]`."""
        assert isinstance(self.loss, MultiLabel)
        return self.loss.add(sums, self._log_sums(block, self._merge(logits)))

    def value(self, totals: Any) -> tf.Tensor:
        """Returns the part of the loss that is known from all blocks."""
        if not isinstance(self.loss, MultiLabel):
            return tf.constant(0.0)
        return self._weigh(self.loss.value(totals))

    def evaluate(
        self, block: Block, logits: tf.Tensor, totals: Any
    ) -> tuple[tf.Tensor, PairCounts]:
        """Sums the losses of `[B, S, C, E]`, and counts correct pairs.

        The value leaves out what `value` gives; the gradient is whole.
        """
        valid = pair_mask(self.counts, block, self.width)  # [B, S, E]
        of_all, logits = logits, self._merge(logits)
        if isinstance(self.loss, MultiLabel):
            sums = self._log_sums(block, logits)
            loss = self._weigh(self.loss.tangent(sums, totals))
        elif isinstance(self.loss, TargetLoss):
            targets = self._targets(block, logits)
            is_gold = tf.reduce_any(targets > 0, axis=2)
            chosen = valid & self._kept(block, is_gold)
            losses = self.loss.loss(logits, targets)
            losses = sum_over(tf.where(chosen, losses, 0), [1, 2])
            loss = self._weigh(losses)
        else:
            loss = self._label_loss(block, logits, valid)
        if self.soft is not None:
            loss += soft_loss(
                self.soft,
                block,
                of_all,
                valid,
                is_multi_label=self.is_multi_label,
            )
            valid &= self.soft.is_labelled[:, None, None]
        if self.is_multi_label:
            return loss, self._count_labels(block, logits, valid)
        return loss, self._count_right(block, logits, valid)

    def _merge(self, logits: tf.Tensor) -> tf.Tensor:
        if self.labelled is None:
            return logits
        return merge_unlabelled(
            logits, self.labelled, is_multi_label=self.is_multi_label
        )

    def _label_loss(
        self, block: Block, logits: tf.Tensor, valid: tf.Tensor
    ) -> tf.Tensor:
        """Sums the losses of the labels of pairs."""
        assert not isinstance(self.loss, TargetLoss | MultiLabel)
        labels = dense_matrix(self.cells, **block._asdict())  # [B, S, E]
        chosen = valid & self._kept(block, labels > 0)
        weights = tf.cast(chosen, tf.float32)
        if self.class_weights is not None:
            weights *= tf.gather(self.class_weights, labels)
        losses = self.loss(logits, labels, class_axis=-2)
        for factors in self._factors:
            weights *= factors[:, None, None]
        return tf.reduce_sum(losses * weights)

    def _weigh(self, losses: tf.Tensor) -> tf.Tensor:
        """Sums the losses of sentences `[B]`, by their factors."""
        for factors in self._factors:
            losses *= factors
        return tf.reduce_sum(losses)

    @property
    def _factors(self) -> list[tf.Tensor]:
        """Factors of the losses of sentences, `[B]`."""
        shares = self.soft.gold_weights if self.soft is not None else None
        both = shares, self.sentence_weights
        return [factors for factors in both if factors is not None]

    def _targets(self, block: Block, logits: tf.Tensor) -> tf.Tensor:
        spread = own_cells
        if isinstance(self.loss, TargetLoss):
            spread = self.loss.spread
        cells, shares = spread(self.cells, self.counts, self.width)
        return dense_targets(
            cells, shares, num_classes=logits.shape[2], **block._asdict()
        )  # [B, S, C - 1, E]

    def _log_sums(self, block: Block, logits: tf.Tensor) -> Any:
        assert isinstance(self.loss, MultiLabel)
        targets = self._targets(block, logits)
        chosen = pair_mask(self.counts, block, self.width)
        chosen &= self._kept(block, tf.reduce_any(targets > 0, axis=2))
        return self.loss.log_sums(logits, targets, chosen)

    def _kept(self, block: Block, is_gold: tf.Tensor) -> tf.Tensor:
        """Marks the pairs that are positive or sampled, bool `[B, S, E]`."""
        if self.keep_negatives >= 1:
            return tf.constant(True)
        rows = block.first + tf.range(block.num_rows)
        columns = block.first + tf.range(block.num_columns)
        kept = is_gold | sample_pairs(
            self.keep_negatives,
            seed=self.seed,
            num_sentences=tf.shape(self.cells)[0],
            rows=rows,
            columns=columns,
        )
        if self.keep_near_gold is not None:
            kept |= near_gold(
                self.cells, self.keep_near_gold, rows=rows, columns=columns
            )
        return kept

    def _count_right(
        self, block: Block, logits: tf.Tensor, valid: tf.Tensor
    ) -> PairCounts:
        """Counts correct pairs; of equal logits the lower class is best."""
        inside, where = locate(self.cells, **block._asdict())  # [B, N]
        inside &= mask_at(valid, where)
        gold_logits = classes_at(logits, where)  # [B, N, C]
        best = tf.argmax(gold_logits, axis=-1, output_type=self.cells.dtype)
        # argmax over all pairs is too slow; "none" wins where it is greatest.
        none = valid & (logits[:, :, 0] >= tf.reduce_max(logits, axis=2))
        positives = _count(inside)
        return PairCounts(
            positives=positives,
            correct_positives=_count(inside & (best == self.cells[..., 2])),
            negatives=_count(valid) - positives,
            correct_negatives=_count(none) - _count(inside & (best == 0)),
        )

    def _count_labels(
        self, block: Block, logits: tf.Tensor, valid: tf.Tensor
    ) -> PairCounts:
        """Counts correct labels of gold spans, and other pairs without any."""
        inside, where = locate(self.cells, **block._asdict())  # [B, N]
        inside &= mask_at(valid, where)
        classes = classes_at(logits, where)  # [B, N, C]
        own = tf.gather(classes, self.cells[..., 2], batch_dims=2)
        is_gold = dense_matrix(self.cells, **block._asdict()) > 0
        other = valid & ~is_gold
        none = logits[:, :, 0] >= tf.reduce_max(logits[:, :, 1:], axis=2)
        return PairCounts(
            positives=_count(inside),
            correct_positives=_count(inside & (own > classes[..., 0])),
            negatives=_count(other),
            correct_negatives=_count(other & none),
        )


def _count(chosen: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(chosen, tf.float32))

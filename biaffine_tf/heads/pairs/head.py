"""Mixin of all heads of pairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from biaffine_tf.config import ClassWeights, HeadConfig, TrainingConfig
from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.head import Metrics, SoftCells
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.divergence import pair_divergence
from biaffine_tf.heads.pairs.initialization import class_log_priors
from biaffine_tf.heads.pairs.loss import span_loss
from biaffine_tf.heads.pairs.scorer import Pairs
from biaffine_tf.heads.pairs.search import find_candidates
from biaffine_tf.heads.pairs.soft import make_targets
from biaffine_tf.losses import make_loss
from biaffine_tf.records.span_records import Records


class PairHead:
    """Mixin of a Keras layer that scores pairs; see `heads.head.Head`.

    Holds the logits of one block of pairs at a time; see `blocks`. A layer
    gives `pairs` and the attributes.

    Attributes:
        num_classes: C, "none" included.
        max_span_width: Maximum span width in tokens; None for all pairs.
        multi_label: Whether a pair may have several labels.
    """

    metric_names = ("loss", "positive_accuracy", "negative_accuracy")

    name: str
    num_classes: int
    max_span_width: int | None
    multi_label: bool

    def pairs(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor | None = None,
        *,
        training: bool | tf.Tensor | None = None,
    ) -> Pairs:
        """Prepares the pairs of a batch.

        Args:
            vectors: `[B, L, H]`.
            counts: Number of tokens of each sentence, int32 `[B]`; None if all
                are real.
            training: Whether to apply dropout.
        """
        raise NotImplementedError

    def whole_logits(self, pairs: Pairs) -> tf.Tensor:
        """Computes the logits of all pairs, `[B, L, L, C]`."""
        length = tf.shape(pairs.rows[0])[1]
        block = Block(0, length, length)
        parts = pairs.cast(pairs.rows[0].dtype).parts(block)
        return tf.transpose(pairs.logits(block, parts), [0, 1, 3, 2])

    def batch_metrics(
        self,
        vectors: tf.Tensor,
        gold: tf.Tensor,
        counts: tf.Tensor,
        config: TrainingConfig,
        *,
        seed: tf.Tensor,
        training: bool = True,
        soft: SoftCells | None = None,
        weights: tf.Tensor | None = None,
        class_weights: np.ndarray | None = None,
        labelled: tf.Tensor | None = None,
    ) -> Metrics:
        """Computes the loss, and accuracies of gold spans and other pairs."""
        if config.class_weights is ClassWeights.NONE:
            class_weights = None
        loss, found = span_loss(
            self.pairs(vectors, counts, training=training),
            gold,
            counts,
            make_loss(config),
            max_span_width=self.max_span_width,
            keep_negatives=config.neg_sample,
            keep_near_gold=config.keep_near_gold,
            class_weights=class_weights,
            seed=seed,
            soft=None if soft is None else make_targets(soft, config),
            sentence_weights=weights,
            labelled=labelled,
        )
        return {
            "loss": (loss, tf.cast(tf.shape(vectors)[0], tf.float32)),
            "positive_accuracy": (found.correct_positives, found.positives),
            "negative_accuracy": (found.correct_negatives, found.negatives),
        }

    def candidates(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor,
        *,
        min_margin: tf.Tensor,
        force_one_entity: bool = False,
        every_label: bool = False,
    ) -> Candidates:
        """Finds the pairs whose best label has a sufficient margin.

        All such labels of a pair if it may have several.
        """
        return find_candidates(
            self.pairs(vectors, counts, training=False),
            counts,
            max_span_width=self.max_span_width,
            force_one_entity=force_one_entity,
            every_label=every_label,
            is_multi_label=self.multi_label,
            min_margin=min_margin,
        )

    def divergence(
        self,
        vectors: tf.Tensor,
        others: tf.Tensor,
        counts: tf.Tensor,
        *,
        first_is_fixed: bool,
        training: bool,
    ) -> tf.Tensor:
        """Compares the predictions for two passes over the same sentences.

        Args:
            vectors: Vectors of the first pass, `[B, L, H]`.
            others: Vectors of the second pass, `[B, L, H]`.
            counts: Number of tokens of each sentence, int32 `[B]`.
            first_is_fixed: Whether the predictions of the first pass are
                constants, made without dropout.
            training: Whether to apply dropout.

        Returns:
            Divergence summed over sentences and their spans, a differentiable
            float32 scalar; see `divergence.pair_divergence`.
        """
        return pair_divergence(
            self.pairs(
                vectors, counts, training=training and not first_is_fixed
            ),
            self.pairs(others, counts, training=training),
            counts,
            first_is_fixed=first_is_fixed,
            is_multi_label=self.multi_label,
            max_span_width=self.max_span_width,
        )

    def log_priors(
        self, records: Records, training: TrainingConfig
    ) -> np.ndarray:
        """Computes the log-odds of the classes among the pairs of the loss.

        Args:
            records: Training data.
            training: Settings of the loss.

        Returns:
            float64 `[C]`; see `initialization.class_log_priors`.
        """
        return class_log_priors(
            records.cells,
            records.scored_lengths,
            num_classes=self.num_classes,
            max_span_width=self.max_span_width,
            neg_sample=training.neg_sample,
            hidden=records.hidden,
        )

    def with_new_labels(
        self, stored: Mapping[str, np.ndarray], training: TrainingConfig
    ) -> Mapping[str, np.ndarray]:
        """Appends new labels to weights whose last axis is of labels."""
        del training
        extended = dict(stored)
        for weight in self.weights:  # type: ignore[attr-defined]
            path = weight.name.removesuffix(":0")
            name = path[path.rindex(f"{self.name}/") :]
            if name in stored:
                extended[name] = append(weight.numpy(), stored[name])
        return extended

    @staticmethod
    def describe_scores(config: HeadConfig, num_classes: int) -> str:
        """Describes shape and axes of the logits; see `Head`."""
        del config
        return (
            f"`[B, L, L, {num_classes}]`: first token, last token, class; "
            "class 0 is none, class n line n of `labels.txt`"
        )


def append(initial: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Extends a weight by the end of a longer one.

    Args:
        initial: Weight of a new head, `[..., C]`.
        known: Weight of the trained head, `[..., K]`.

    Returns:
        `[..., C]` if K < C and the other axes are equal; else `known`.
    """
    fits = initial.shape[:-1] == known.shape[:-1] if known.ndim else False
    if not fits or known.shape[-1] >= initial.shape[-1]:
        return known
    extended = initial.copy()
    extended[..., : known.shape[-1]] = known
    return extended

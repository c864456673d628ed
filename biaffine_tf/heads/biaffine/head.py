"""The biaffine layer as a head, for training and prediction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
import tensorflow as tf
import tf_keras

from biaffine_tf.config import (
    HeadConfig,
    HeadStart,
    ModelConfig,
    TrainingConfig,
)
from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.biaffine.initialization import (
    class_log_priors,
    draw_bilinear,
    has_room_for,
    init_new_labels,
)
from biaffine_tf.heads.biaffine.layer import Biaffine
from biaffine_tf.heads.biaffine.loss import span_loss
from biaffine_tf.heads.biaffine.search import find_candidates
from biaffine_tf.heads.biaffine.soft import make_targets
from biaffine_tf.heads.head import Metrics, SoftCells
from biaffine_tf.losses import make_loss
from biaffine_tf.records.span_records import Records

_NAME = "biaffine"
_BILINEAR = f"{_NAME}/bilinear"


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class BiaffineHead(Biaffine):
    """The default `Head`: scores every (first, last, label).

    Holds the logits of one block of pairs at a time; see `blocks`.
    """

    metric_names = ("loss", "positive_accuracy", "negative_accuracy")

    @classmethod
    def of(
        cls,
        config: HeadConfig,
        *,
        num_classes: int,
        initializer: Any = None,
    ) -> Self:
        """Builds the layer; see `Head`."""
        return cls(
            num_classes,
            projection_size=config.projection_size,
            dropout=config.dropout,
            max_span_width=config.max_span_width,
            kernel_initializer=initializer,
            name=_NAME,
        )

    def initialize(
        self, records: Records, model: ModelConfig, training: TrainingConfig
    ) -> None:
        """Sets the initial bilinear map.

        `HeadStart.PRIOR` sets the constant terms to the log-odds of each class
        among the pairs of the loss, so that no step is spent on learning that
        most pairs are no entity. The other terms are small random numbers, so
        that the projections learn from the first step on. `HeadStart.ZERO`
        leaves zeros.
        """
        if training.head_start is HeadStart.ZERO:
            return
        log_odds = class_log_priors(
            records.cells,
            records.scored_lengths,
            num_classes=self.num_classes,
            max_span_width=self.max_span_width,
            neg_sample=training.neg_sample,
        )
        self.bilinear.assign(draw_bilinear(self.bilinear.shape, log_odds))

    def with_new_labels(
        self, stored: Mapping[str, np.ndarray], training: TrainingConfig
    ) -> Mapping[str, np.ndarray]:
        """Adds new classes to a trained bilinear map; see `Head`."""
        known, initial = stored.get(_BILINEAR), self.bilinear.numpy()
        if known is None or not has_room_for(initial, known):
            return stored
        has_priors = training.head_start is HeadStart.PRIOR
        bilinear = init_new_labels(initial, known, has_priors=has_priors)
        return {**stored, _BILINEAR: bilinear}

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
    ) -> Metrics:
        """Computes the loss, and accuracies of gold spans and other pairs."""
        starts, ends = self.project(vectors, training=training)
        loss, pairs = span_loss(
            starts,
            ends,
            tf.convert_to_tensor(self.bilinear),
            gold,
            counts,
            make_loss(config),
            max_span_width=self.max_span_width,
            keep_negatives=config.neg_sample,
            seed=seed,
            soft=None if soft is None else make_targets(soft, config),
            sentence_weights=weights,
        )
        return {
            "loss": (loss, tf.cast(tf.size(counts), tf.float32)),
            "positive_accuracy": (pairs.correct_positives, pairs.positives),
            "negative_accuracy": (pairs.correct_negatives, pairs.negatives),
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
        """Finds the pairs whose best label has a sufficient margin."""
        starts, ends = self.project(vectors, training=False)
        return find_candidates(
            starts,
            ends,
            tf.convert_to_tensor(self.bilinear),
            counts,
            max_span_width=self.max_span_width,
            force_one_entity=force_one_entity,
            every_label=every_label,
            min_margin=min_margin,
        )

    @staticmethod
    def describe_scores(config: HeadConfig, num_classes: int) -> str:
        """Describes shape and axes of the logits; see `Head`."""
        bounded = config.max_span_width is not None
        axis, second = ("W", "width - 1") if bounded else ("L", "last token")
        return (
            f"`[B, L, {axis}, {num_classes}]`: first token, {second}, class; "
            "class 0 is none, class n line n of `labels.txt`"
        )

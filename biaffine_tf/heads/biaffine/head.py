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
    Position,
    TrainingConfig,
)
from biaffine_tf.heads.biaffine.initialization import (
    draw_bilinear,
    has_room_for,
    init_new_labels,
)
from biaffine_tf.heads.biaffine.layer import Biaffine
from biaffine_tf.heads.biaffine.scores import map_starts, pair_logits
from biaffine_tf.heads.pairs.activations import activation_of
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.head import PairHead
from biaffine_tf.heads.pairs.scorer import Pairs, Tensors
from biaffine_tf.heads.pairs.span_widths import add_widths
from biaffine_tf.records.span_records import Records

_NAME = "biaffine"
_BILINEAR = f"{_NAME}/bilinear"


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class BiaffineHead(PairHead, Biaffine):
    """The default `Head`: scores every (first, last, label).

    Args:
        num_classes: C, including the class "none".
        multi_label: Whether a pair may have several labels.
        **kwargs: Arguments of `Biaffine`.
    """

    def __init__(
        self, num_classes: int, *, multi_label: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(num_classes, **kwargs)
        self.multi_label = multi_label

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
            activation=activation_of(config),
            max_span_width=config.max_span_width,
            use_rotary=config.position is Position.ROTARY,
            use_width=config.position is Position.WIDTH,
            multi_label=config.multi_label,
            kernel_initializer=initializer,
            name=_NAME,
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {**super().get_config(), "multi_label": self.multi_label}

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
        log_odds = self.log_priors(records, training)
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
        if self.use_width:
            stored = super().with_new_labels(stored, training)
        return {**stored, _BILINEAR: bilinear}

    def pairs(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor | None = None,
        *,
        training: bool | tf.Tensor | None = None,
    ) -> Pairs:
        """Projects the vectors; see `PairHead`."""
        del counts
        starts, ends = self.project(vectors, training=training)
        weights = tf.convert_to_tensor(self.bilinear)
        if not self.use_width:
            return biaffine_pairs(starts, ends, weights)
        table = tf.convert_to_tensor(self.widths)
        return biaffine_pairs(starts, ends, weights, table)

    @staticmethod
    def describe_scores(config: HeadConfig, num_classes: int) -> str:
        """Describes shape and axes of the logits; see `Head`."""
        bounded = config.max_span_width is not None
        axis, second = ("W", "width - 1") if bounded else ("L", "last token")
        return (
            f"`[B, L, {axis}, {num_classes}]`: first token, {second}, class; "
            "class 0 is none, class n line n of `labels.txt`"
        )


def biaffine_pairs(
    starts: tf.Tensor, ends: tf.Tensor, bilinear: tf.Tensor, *widths: tf.Tensor
) -> Pairs:
    """Makes the pairs of a biaffine map.

    Args:
        starts: `[B, L, D]`, from `Biaffine.project`.
        ends: `[B, L, D']`, from `Biaffine.project`.
        bilinear: `[D, C, D']`.
        *widths: Scores of widths `[buckets, C]`, if there are any.
    """
    _, num_classes, end_size = bilinear.shape
    return Pairs(
        (starts,), (ends,), (bilinear, *widths), _score, num_classes, end_size
    )


def _score(
    block: Block, rows: Tensors, columns: Tensors, weights: Tensors
) -> tf.Tensor:
    bilinear, *widths = weights
    logits = pair_logits(map_starts(rows[0], bilinear), columns[0])
    return add_widths(logits, widths[0], block) if widths else logits

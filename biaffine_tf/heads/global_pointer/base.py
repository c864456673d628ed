"""Arguments and terms of both GlobalPointer heads."""

from __future__ import annotations

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
from biaffine_tf.heads.layer import HeadLayer
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.head import PairHead
from biaffine_tf.heads.pairs.scorer import Tensors
from biaffine_tf.heads.pairs.span_widths import add_widths
from biaffine_tf.heads.pairs.width_buckets import BOUNDS
from biaffine_tf.records.span_records import Records


class PointerHead(PairHead, HeadLayer):
    """Arguments and terms that both forms have."""

    def __init__(
        self,
        num_classes: int,
        *,
        pointer_size: int = 64,
        dropout: float = 0.1,
        max_span_width: int | None = None,
        use_width: bool = False,
        multi_label: bool = True,
        kernel_initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_classes < 2 or pointer_size < 2 or pointer_size % 2:
            raise ValueError(
                "num_classes must be at least 2, and pointer_size even and "
                f"positive, got {num_classes} and {pointer_size}"
            )
        if kernel_initializer is None:
            kernel_initializer = tf_keras.initializers.TruncatedNormal(
                stddev=0.02
            )
        self.num_classes = num_classes
        self.pointer_size = pointer_size
        self.dropout = dropout
        self.max_span_width = max_span_width
        self.use_width = use_width
        self.multi_label = multi_label
        self.kernel_initializer = tf_keras.initializers.get(kernel_initializer)
        self._input_dropout = self._make_dropout("input_dropout")

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
            pointer_size=config.pointer_size,
            dropout=config.dropout,
            max_span_width=config.max_span_width,
            use_width=config.position is Position.WIDTH,
            multi_label=config.multi_label,
            kernel_initializer=initializer,
            name=config.name,
        )

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the scores of widths, if there are any."""
        if self.use_width:
            self.widths = self.add_weight(
                name="widths",
                shape=[len(BOUNDS), self.num_classes],
                initializer="zeros",
            )
        super().build(input_shape)

    def initialize(
        self, records: Records, model: ModelConfig, training: TrainingConfig
    ) -> None:
        """Sets the biases to the log-odds of the labels; see `Head`.

        `HeadStart.ZERO` leaves zeros, as the paper.
        """
        if training.head_start is HeadStart.PRIOR:
            self._set_bias(self.log_priors(records, training)[1:])

    def _set_bias(self, log_odds: np.ndarray) -> None:
        raise NotImplementedError

    def _width_table(self) -> Tensors:
        if not self.use_width:
            return ()
        return (tf.convert_to_tensor(self.widths),)

    def call(
        self, inputs: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Scores all pairs of `[B, L, H]`: `[B, L, L, C]`."""
        logits = self.whole_logits(self.pairs(inputs, training=training))
        return tf.ensure_shape(
            logits, [*inputs.shape[:2], inputs.shape[1], self.num_classes]
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "pointer_size": self.pointer_size,
            "dropout": self.dropout,
            "max_span_width": self.max_span_width,
            "use_width": self.use_width,
            "multi_label": self.multi_label,
            "kernel_initializer": tf_keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def with_none(
    logits: tf.Tensor, widths: list[tf.Tensor], block: Block
) -> tf.Tensor:
    """Puts a logit of 0 for "none" before `[B, S, K, E]`."""
    logits = tf.pad(logits, [[0, 0], [0, 0], [1, 0], [0, 0]])
    return add_widths(logits, widths[0], block) if widths else logits

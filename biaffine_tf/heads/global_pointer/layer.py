"""GlobalPointer and its efficient form."""

from __future__ import annotations

import math
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
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.head import PairHead
from biaffine_tf.heads.pairs.initialization import class_log_priors
from biaffine_tf.heads.pairs.rotary import rotate
from biaffine_tf.heads.pairs.scorer import Pairs, Tensors
from biaffine_tf.heads.pairs.span_widths import add_widths
from biaffine_tf.heads.pairs.width_buckets import BOUNDS
from biaffine_tf.records.span_records import Records


class _Pointer(PairHead, tf_keras.layers.Layer):
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
        self._input_dropout = tf_keras.layers.Dropout(
            dropout, dtype=self._dtype_policy, name="input_dropout"
        )

    def _dense(self, size: int, name: str) -> tf_keras.layers.Layer:
        # Two layers must not draw equal values from one seeded initializer.
        initializer = type(self.kernel_initializer).from_config(
            self.kernel_initializer.get_config()
        )
        return tf_keras.layers.Dense(
            size,
            kernel_initializer=initializer,
            dtype=self._dtype_policy,
            name=name,
        )

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
            log_odds = class_log_priors(
                records.cells,
                records.scored_lengths,
                num_classes=self.num_classes,
                max_span_width=self.max_span_width,
                neg_sample=training.neg_sample,
            )
            self._set_bias(log_odds[1:])

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


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class GlobalPointer(_Pointer):
    """Scores a pair for a label by the product of its query and key.

    With R_i the rotation of position i, see `rotary.rotate`, and a bias,

        q_i^c = R_i (W_q^c x_i + b_q^c),  k_j^c = R_j (W_k^c x_j + b_k^c)
        logits[i, j, c] = q_i^c . k_j^c / sqrt(d) + b^c,  of "none" 0

    so that a label is found where its logit is above 0. The bias, which the
    paper does not have, starts at the frequency of the label; else a loss of
    single pairs would first spend hundreds of steps on it.

    Input shape: `[B, L, H]`, floating point.
    Output shape: `[B, L, L, C]`; also pairs with i > j, which the caller masks.

    Args:
        num_classes: C, including the class "none".
        pointer_size: d, the size of a query and of a key, even.
        dropout: Dropout rate on the input.
        max_span_width: Maximum number of positions of a span in training and
            search; None for all pairs.
        use_width: Whether to add a learned score of width and class.
        multi_label: Whether a pair may have several labels.
        kernel_initializer: Initializer of the projections.
        **kwargs: Keras layer arguments.

    Reference:
        Su et al. 2022 (https://arxiv.org/abs/2208.03054).
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(num_classes, **kwargs)
        labels = num_classes - 1
        self._pointers = self._dense(labels * 2 * self.pointer_size, "pointers")

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        with tf.name_scope(self._pointers.name):
            self._pointers.build(tf.TensorShape(input_shape))
        self.bias = self.add_weight(
            name="bias", shape=[self.num_classes - 1], initializer="zeros"
        )
        super().build(input_shape)

    def _set_bias(self, log_odds: np.ndarray) -> None:
        self.bias.assign(log_odds)

    def pairs(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor | None = None,
        *,
        training: bool | tf.Tensor | None = None,
    ) -> Pairs:
        """Computes queries and keys; see `PairHead`."""
        del counts
        vectors = self._input_dropout(vectors, training=training)
        batch, length, _ = tf.unstack(tf.shape(vectors))
        labels, size = self.num_classes - 1, self.pointer_size
        pointers = tf.reshape(
            self._pointers(vectors), [batch, length, labels, 2, size]
        )
        queries, keys = tf.unstack(rotate(pointers), axis=3)  # [B, L, K, d]
        bias = tf.convert_to_tensor(self.bias)
        return Pairs(
            (queries,),
            (keys,),
            (bias, *self._width_table()),
            _score,
            self.num_classes,
            floats=2 * size,
        )


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class EfficientGlobalPointer(_Pointer):
    """Finds spans by one product for all labels, and their labels by biases.

    With q_i = W_q x_i + b_q, k_i likewise and R_i the rotation of position i,

        logits[i, j, c] = R_i q_i . R_j k_j / sqrt(d)
                          + (u_c . [q_i; k_i] + v_c . [q_j; k_j]) / 2

    with a bias in u_c and v_c; of "none" 0. A label costs 4 d weights.

    Input shape: `[B, L, H]`, floating point.
    Output shape: `[B, L, L, C]`; also pairs with i > j, which the caller masks.

    Args:
        num_classes: C, including the class "none".
        pointer_size: d, the size of a query and of a key, even.
        dropout: Dropout rate on the input.
        max_span_width: Maximum number of positions of a span in training and
            search; None for all pairs.
        use_width: Whether to add a learned score of width and class.
        multi_label: Whether a pair may have several labels.
        kernel_initializer: Initializer of the projections.
        **kwargs: Keras layer arguments.

    Reference:
        Su et al. 2022 (https://arxiv.org/abs/2208.03054).
    """

    def __init__(self, num_classes: int, **kwargs: Any) -> None:
        super().__init__(num_classes, **kwargs)
        self._pointers = self._dense(2 * self.pointer_size, "pointers")
        self._labels = self._dense(2 * (num_classes - 1), "labels")

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        input_shape = tf.TensorShape(input_shape)
        for layer, size in (
            (self._pointers, input_shape[-1]),
            (self._labels, 2 * self.pointer_size),
        ):
            with tf.name_scope(layer.name):
                layer.build(tf.TensorShape([None, None, size]))
        super().build(input_shape)

    def _set_bias(self, log_odds: np.ndarray) -> None:
        self._labels.bias.assign(np.repeat(log_odds, 2))

    def pairs(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor | None = None,
        *,
        training: bool | tf.Tensor | None = None,
    ) -> Pairs:
        """Computes query, key and scores of labels; see `PairHead`."""
        del counts
        vectors = self._input_dropout(vectors, training=training)
        batch, length, _ = tf.unstack(tf.shape(vectors))
        pointers = self._pointers(vectors)
        labels = tf.reshape(
            self._labels(pointers) / 2,
            [batch, length, self.num_classes - 1, 2],
        )
        firsts, lasts = tf.unstack(labels, axis=3)  # [B, L, K]
        pointers = tf.reshape(pointers, [batch, length, 2, self.pointer_size])
        queries, keys = tf.unstack(rotate(pointers), axis=2)  # [B, L, d]
        return Pairs(
            (queries, firsts),
            (keys, lasts),
            self._width_table(),
            _efficient_score,
            self.num_classes,
        )


def _score(
    block: Block, rows: Tensors, columns: Tensors, weights: Tensors
) -> tf.Tensor:
    bias, *widths = weights
    queries = tf.transpose(rows[0], [0, 2, 1, 3])  # [B, K, S, d]
    keys = tf.transpose(columns[0], [0, 2, 3, 1])  # [B, K, d, E]
    scores = tf.matmul(queries, keys) / math.sqrt(queries.shape[-1])
    logits = tf.transpose(scores, [0, 2, 1, 3]) + bias[:, None]
    return _with_none(logits, widths, block)


def _efficient_score(
    block: Block, rows: Tensors, columns: Tensors, weights: Tensors
) -> tf.Tensor:
    (queries, firsts), (keys, lasts) = rows, columns
    spans = tf.matmul(queries, keys, transpose_b=True)  # [B, S, E]
    spans /= math.sqrt(queries.shape[-1])
    lasts = tf.transpose(lasts, [0, 2, 1])  # [B, K, E]
    logits = spans[:, :, None] + firsts[..., None] + lasts[:, None]
    return _with_none(logits, list(weights), block)


def _with_none(
    logits: tf.Tensor, widths: list[tf.Tensor], block: Block
) -> tf.Tensor:
    """Puts a logit of 0 for "none" before `[B, S, K, E]`."""
    logits = tf.pad(logits, [[0, 0], [0, 0], [1, 0], [0, 0]])
    return add_widths(logits, widths[0], block) if widths else logits

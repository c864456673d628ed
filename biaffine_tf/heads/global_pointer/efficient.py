"""The efficient GlobalPointer: one query and key for all labels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from biaffine_tf.heads.global_pointer.base import PointerHead, with_none
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.rotary import rotate
from biaffine_tf.heads.pairs.scorer import Pairs, Tensors


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class EfficientGlobalPointer(PointerHead):
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
        self._pointers = self._make_dense(2 * self.pointer_size, "pointers")
        self._labels = self._make_dense(2 * (num_classes - 1), "labels")

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
            _score,
            self.num_classes,
        )


def _score(
    block: Block, rows: Tensors, columns: Tensors, weights: Tensors
) -> tf.Tensor:
    (queries, firsts), (keys, lasts) = rows, columns
    spans = tf.matmul(queries, keys, transpose_b=True)  # [B, S, E]
    spans /= math.sqrt(queries.shape[-1])
    lasts = tf.transpose(lasts, [0, 2, 1])  # [B, K, E]
    logits = spans[:, :, None] + firsts[..., None] + lasts[:, None]
    return with_none(logits, list(weights), block)

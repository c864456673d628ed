"""GlobalPointer: a query and a key for each label."""

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
class GlobalPointer(PointerHead):
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
        self._pointers = self._make_dense(
            labels * 2 * self.pointer_size, "pointers"
        )

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


def _score(
    block: Block, rows: Tensors, columns: Tensors, weights: Tensors
) -> tf.Tensor:
    bias, *widths = weights
    queries = tf.transpose(rows[0], [0, 2, 1, 3])  # [B, K, S, d]
    keys = tf.transpose(columns[0], [0, 2, 3, 1])  # [B, K, d, E]
    scores = tf.matmul(queries, keys) / math.sqrt(queries.shape[-1])
    logits = tf.transpose(scores, [0, 2, 1, 3]) + bias[:, None]
    return with_none(logits, widths, block)

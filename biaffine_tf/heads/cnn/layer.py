"""Convolutions over the features of all pairs, after CNN-NER."""

from __future__ import annotations

from typing import Any, Self

import tensorflow as tf
import tf_keras

from biaffine_tf.config import (
    HeadConfig,
    HeadStart,
    ModelConfig,
    TrainingConfig,
)
from biaffine_tf.encoders.initializers import copied
from biaffine_tf.heads.layer import HeadLayer
from biaffine_tf.heads.pairs.activations import activation_of
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.head import PairHead
from biaffine_tf.heads.pairs.scorer import Pairs, Tensors
from biaffine_tf.records.span_records import Records

# Distances of end and start beyond it, on either side, have the same vector.
MAX_DISTANCE = 15
EPSILON = 1e-5
_MAX_GROUPS = 4
# Tensors of the size of the features that a training step holds for a block.
_MAPS_PER_BLOCK = 8


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class CnnHead(PairHead, HeadLayer):
    """Scores pairs by features to which neighbouring pairs contribute.

    Two projections give start and end vectors s and e. The features of a pair
    are a biaffine map in G groups of components, linear terms and a vector of
    the distance,

        f[i, j] = [s_i^g U_g e_j^g]_g + W_s s_i + W_e e_j + d[j - i]   # [r]

    Each block of the network adds a 3x3 convolution to its input, normalises
    the sum and applies GELU; logits are a linear map of the features plus the
    last block's output. Pairs with a padded token are set to 0 before every
    convolution, so that padding does not change the others. Pairs with i > j
    take part in the convolutions. Memory: some tensors `[B, L, L, r]`.

    Input shape: `[B, L, H]`, floating point.
    Output shape: `[B, L, L, C]`; the caller masks pairs with i > j.

    Args:
        num_classes: C, including the class "none".
        projection_size: D, the output size of both projections.
        channels: r, the number of features of a pair.
        depth: Number of blocks.
        dropout: Dropout rate on the input and on both projections.
        activation: Activation of both projections; None for linear.
        max_span_width: Maximum number of positions of a span in training and
            search; None for all pairs.
        multi_label: Whether a pair may have several labels.
        kernel_initializer: Initializer of all maps.
        **kwargs: Keras layer arguments.

    Reference:
        Yan et al. 2023, "An Embarrassingly Easy but Strong Baseline for Nested
        Named Entity Recognition" (https://arxiv.org/abs/2208.04534).
    """

    needs_counts = True

    def __init__(
        self,
        num_classes: int,
        *,
        projection_size: int = 150,
        channels: int = 120,
        depth: int = 3,
        dropout: float = 0.1,
        activation: Any = None,
        max_span_width: int | None = None,
        multi_label: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if min(num_classes, projection_size, channels, depth) < 1:
            raise ValueError(
                "num_classes, projection_size, channels and depth must be "
                f"positive, got {num_classes}, {projection_size}, {channels} "
                f"and {depth}"
            )
        self.num_classes = num_classes
        self.projection_size = projection_size
        self.channels = channels
        self.depth = depth
        self.dropout = dropout
        self.activation = tf_keras.activations.get(activation)
        self.max_span_width = max_span_width
        self.multi_label = multi_label
        self.kernel_initializer = tf_keras.initializers.get(kernel_initializer)
        self.groups = groups_of(projection_size, channels)
        self._input_dropout, self._start_dropout, self._end_dropout = (
            self._make_dropout(f"{name}_dropout")
            for name in ("input", "start", "end")
        )
        self._start, self._end = (
            self._make_dense(projection_size, name, activation=self.activation)
            for name in ("start", "end")
        )
        self._start_map, self._end_map = (
            self._make_dense(channels, name, use_bias=False)
            for name in ("start_map", "end_map")
        )
        self._convolutions = [
            tf_keras.layers.Conv2D(
                channels,
                3,
                padding="same",
                kernel_initializer=copied(self.kernel_initializer),
                dtype=self._dtype_policy,
                name=f"convolution_{number}",
            )
            for number in range(depth)
        ]
        self._norms = [
            tf_keras.layers.LayerNormalization(
                epsilon=EPSILON,
                dtype=self._dtype_policy,
                name=f"norm_{number}",
            )
            for number in range(depth)
        ]
        self._classify = self._make_dense(num_classes, "classify")

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
            channels=config.cnn_channels,
            depth=config.cnn_depth,
            dropout=config.dropout,
            activation=activation_of(config),
            max_span_width=config.max_span_width,
            multi_label=config.multi_label,
            kernel_initializer=initializer or "glorot_uniform",
            name="cnn",
        )

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        size, channels = self.projection_size, self.channels
        flat, pairs = [None, None], [None, None, None, channels]
        layers = {
            self._start: input_shape,
            self._end: input_shape,
            self._start_map: [*flat, size],
            self._end_map: [*flat, size],
            self._classify: pairs,
            **dict.fromkeys([*self._convolutions, *self._norms], pairs),
        }
        for layer, shape in layers.items():
            with tf.name_scope(layer.name):
                layer.build(tf.TensorShape(shape))
        groups = self.groups
        self.bilinear = self.add_weight(
            name="bilinear",
            shape=[groups, size // groups, channels // groups, size // groups],
            initializer=copied(self.kernel_initializer),
        )
        self.distances = self.add_weight(
            name="distances",
            shape=[2 * MAX_DISTANCE + 1, channels],
            initializer=copied(self.kernel_initializer),
        )
        super().build(input_shape)

    def initialize(
        self, records: Records, model: ModelConfig, training: TrainingConfig
    ) -> None:
        """Sets the biases to the log-odds of the classes; see `Head`."""
        if training.head_start is HeadStart.PRIOR:
            self._classify.bias.assign(self.log_priors(records, training))

    def map_floats(self, length: int) -> int:
        """Returns the number of floats of the features of a sentence."""
        return length * length * self.channels

    @property
    def training_maps(self) -> int:
        """Number of tensors of that size in a training step, roughly."""
        return _MAPS_PER_BLOCK * self.depth

    def pairs(
        self,
        vectors: tf.Tensor,
        counts: tf.Tensor | None = None,
        *,
        training: bool | tf.Tensor | None = None,
    ) -> Pairs:
        """Computes the logits of all pairs; see `PairHead`."""
        vectors = self._input_dropout(vectors, training=training)
        starts = self._start_dropout(self._start(vectors), training=training)
        ends = self._end_dropout(self._end(vectors), training=training)
        mask = None
        if counts is not None:
            # int64, since TensorFlow compares int32 on the host.
            places = tf.cast(tf.range(tf.shape(vectors)[1]), tf.int64)
            real = places < tf.cast(counts, tf.int64)[:, None]
            real = tf.cast(real, starts.dtype)
            mask = (real[:, :, None] * real[:, None])[..., None]
        features = self._features(starts, ends)  # [B, L, L, r]
        values = features
        for convolution, norm in zip(
            self._convolutions, self._norms, strict=True
        ):
            if mask is not None:
                values *= mask
            values = norm(values + convolution(values))
            values = tf.nn.gelu(values)
        logits = self._classify(features + values)
        logits = tf.transpose(logits, [0, 1, 3, 2])  # [B, L, C, L]
        return Pairs((logits,), (), (), _score, self.num_classes)

    def _features(self, starts: tf.Tensor, ends: tf.Tensor) -> tf.Tensor:
        """Computes the features of all pairs, `[B, L, L, r]`."""
        batch, length, _ = tf.unstack(tf.shape(starts))
        size = self.projection_size // self.groups
        grouped = [batch, length, self.groups, size]
        mapped = tf.einsum(
            "bigd,gdre->bigre",
            tf.reshape(starts, grouped),
            tf.cast(self.bilinear, starts.dtype),
        )
        products = tf.einsum(
            "bigre,bjge->bijgr", mapped, tf.reshape(ends, grouped)
        )
        features = tf.reshape(products, [batch, length, length, self.channels])
        features += self._start_map(starts)[:, :, None]
        features += self._end_map(ends)[:, None]
        places = tf.range(length)
        distance = tf.clip_by_value(
            places - places[:, None], -MAX_DISTANCE, MAX_DISTANCE
        )
        chosen = tf.one_hot(
            distance + MAX_DISTANCE, 2 * MAX_DISTANCE + 1, dtype=starts.dtype
        )  # a product, to be deterministic
        return features + tf.einsum(
            "ijd,dr->ijr", chosen, tf.cast(self.distances, starts.dtype)
        )

    def call(
        self,
        inputs: tf.Tensor,
        counts: tf.Tensor | None = None,
        training: bool | tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Scores all pairs.

        Args:
            inputs: `[B, L, H]`.
            counts: Number of real tokens, int32 `[B]`; None for all.
            training: Whether to apply dropout.

        Returns:
            `[B, L, L, C]`.
        """
        pairs = self.pairs(inputs, counts, training=training)
        logits = tf.transpose(pairs.rows[0], [0, 1, 3, 2])
        return tf.ensure_shape(
            logits, [*inputs.shape[:2], inputs.shape[1], self.num_classes]
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "projection_size": self.projection_size,
            "channels": self.channels,
            "depth": self.depth,
            "dropout": self.dropout,
            "activation": tf_keras.activations.serialize(self.activation),
            "max_span_width": self.max_span_width,
            "multi_label": self.multi_label,
            "kernel_initializer": tf_keras.initializers.serialize(
                self.kernel_initializer
            ),
        }


def groups_of(projection_size: int, channels: int) -> int:
    """Returns G: at most 4, a divisor of both sizes."""
    return next(
        groups
        for groups in range(_MAX_GROUPS, 0, -1)
        if projection_size % groups == channels % groups == 0
    )


def _score(
    block: Block, rows: Tensors, columns: Tensors, weights: Tensors
) -> tf.Tensor:
    """Takes the columns of a block from the rows of all logits."""
    del columns, weights
    return rows[0][..., block.first : block.first + block.num_columns]

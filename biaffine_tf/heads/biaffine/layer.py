"""The biaffine layer."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.heads.biaffine.band import band_logits
from biaffine_tf.heads.biaffine.scores import map_starts, pair_logits
from biaffine_tf.heads.layer import HeadLayer
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.rotary import rotate
from biaffine_tf.heads.pairs.span_widths import add_widths, width_scores
from biaffine_tf.heads.pairs.width_buckets import BOUNDS


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class Biaffine(HeadLayer):
    """Scores every ordered pair of positions for every class.

    Two projections give each vector `x` a start and an end representation; a
    biaffine map scores each pair for each class:

        s_i = W_s x_i + b_s,  e_j = W_e x_j + b_e
        logits[i, j, c] = [s_i; 1]^T U_c [e_j; 1]

    The appended ones give the linear and constant terms. All pairs are scored,
    also those with `i > j`; the caller masks invalid spans. With
    `max_span_width` only the band `0 <= j - i < W` is scored, with work and
    memory linear in L.

    Input shape: `[B, L, H]`, floating point.
    Output shape: `[B, L, L, C]` in the layer's compute dtype; axis 1 is the
    first position, axis 2 the last. With `max_span_width`: `[B, L, W, C]`,
    W = min(max_span_width, L); axis 2 is last - first, and the caller masks
    pairs that reach beyond L.

    A Keras mask `[B, L]` becomes the pair mask of the output, `[B, L, L]` or
    `[B, L, W]`.

    Args:
        num_classes: C, including the class "none".
        projection_size: D, the output size of both projections.
        dropout: Dropout rate on the input and on both projections.
        use_start_bias: Whether to append a one to the start vectors.
        use_end_bias: Whether to append a one to the end vectors.
        activation: Activation of both projections; None for linear.
        max_span_width: Maximum number of positions of a scored span; None
            scores all pairs.
        use_rotary: Whether to rotate both projections by their positions, see
            `rotary`; D is even then.
        use_width: Whether to add a learned score of the width of the span and
            the class, see `span_widths`.
        kernel_initializer: Initializer of the projections.
        bilinear_initializer: Initializer of U. With zeros all classes are
            equally likely at first, and the projections learn from the second
            step on.
        **kwargs: Keras layer arguments.

    Example:
        >>> vectors = tf.random.normal([2, 7, 32])
        >>> Biaffine(num_classes=5)(vectors).shape
        TensorShape([2, 7, 7, 5])

    Reference:
        Yu et al. 2020, "Named Entity Recognition as Dependency Parsing"
        (https://aclanthology.org/2020.acl-main.577), after Dozat and Manning
        2017 (https://arxiv.org/abs/1611.01734).
    """

    def __init__(
        self,
        num_classes: int,
        *,
        projection_size: int = 150,
        dropout: float = 0.1,
        use_start_bias: bool = True,
        use_end_bias: bool = True,
        activation: Any = None,
        max_span_width: int | None = None,
        use_rotary: bool = False,
        use_width: bool = False,
        kernel_initializer: Any = None,
        bilinear_initializer: Any = "zeros",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if num_classes < 1 or projection_size < 1:
            raise ValueError(
                "num_classes and projection_size must be positive, got "
                f"{num_classes} and {projection_size}"
            )
        if max_span_width is not None and max_span_width < 1:
            raise ValueError(
                f"max_span_width must be positive, got {max_span_width}"
            )
        if use_rotary and projection_size % 2:
            raise ValueError(
                "projection_size must be even with use_rotary, got "
                f"{projection_size}"
            )
        if kernel_initializer is None:
            kernel_initializer = tf_keras.initializers.TruncatedNormal(
                stddev=0.02
            )
        self.num_classes = num_classes
        self.projection_size = projection_size
        self.dropout = dropout
        self.use_start_bias = use_start_bias
        self.use_end_bias = use_end_bias
        self.max_span_width = max_span_width
        self.use_rotary = use_rotary
        self.use_width = use_width
        self.activation = tf_keras.activations.get(activation)
        self.kernel_initializer = tf_keras.initializers.get(kernel_initializer)
        self.bilinear_initializer = tf_keras.initializers.get(
            bilinear_initializer
        )
        self.supports_masking = True
        self._input_dropout = self._make_dropout("input_dropout")
        self._start, self._end = (
            self._make_dense(projection_size, name, activation=self.activation)
            for name in ("start", "end")
        )
        self._start_dropout = self._make_dropout("start_dropout")
        self._end_dropout = self._make_dropout("end_dropout")

    def build(self, input_shape: tf.TensorShape) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        input_shape = tf.TensorShape(input_shape)
        for projection in (self._start, self._end):
            with tf.name_scope(projection.name):
                projection.build(input_shape)
        self.bilinear = self.add_weight(
            name="bilinear",
            shape=[
                self.projection_size + self.use_start_bias,
                self.num_classes,
                self.projection_size + self.use_end_bias,
            ],
            initializer=self.bilinear_initializer,
        )
        if self.use_width:
            self.widths = self.add_weight(
                name="widths",
                shape=[len(BOUNDS), self.num_classes],
                initializer="zeros",
            )
        super().build(input_shape)

    def project(
        self, inputs: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Projects the vectors to start and end representations.

        Args:
            inputs: `[B, L, H]`.
            training: Whether to apply dropout.

        Returns:
            `[s; 1]` and `[e; 1]`, each `[B, L, D + 1]`, or D without the
            appended one, in the compute dtype.
        """
        inputs = self._input_dropout(inputs, training=training)
        starts = self._start_dropout(self._start(inputs), training=training)
        ends = self._end_dropout(self._end(inputs), training=training)
        if self.use_rotary:
            starts, ends = rotate(starts), rotate(ends)
        if self.use_start_bias:
            starts = _append_one(starts)  # [B, L, D + 1]
        if self.use_end_bias:
            ends = _append_one(ends)  # [B, L, D + 1]
        return starts, ends

    def call(
        self, inputs: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Scores all pairs, or those up to the maximum width.

        Args:
            inputs: `[B, L, H]`.
            training: Whether to apply dropout.

        Returns:
            Logits `[B, L, L, C]`, or `[B, L, W, C]` with `max_span_width`, in
            the compute dtype.
        """
        starts, ends = self.project(inputs, training=training)
        bilinear = tf.cast(self.bilinear, starts.dtype)
        if self.max_span_width is None:
            logits = pair_logits(map_starts(starts, bilinear), ends)
            if self.use_width:
                length = tf.shape(inputs)[1]
                table = tf.cast(self.widths, logits.dtype)
                logits = add_widths(logits, table, Block(0, length, length))
        else:
            width = tf.minimum(self.max_span_width, tf.shape(inputs)[1])
            logits = band_logits(starts, ends, bilinear, width)
            if self.use_width:
                table = tf.cast(self.widths, logits.dtype)
                logits += width_scores(table, tf.range(width))
        logits = tf.transpose(logits, [0, 1, 3, 2])  # [B, L, L or W, C]
        logits.set_shape(self.compute_output_shape(inputs.shape))
        return logits

    def compute_mask(
        self, inputs: tf.Tensor, mask: tf.Tensor | None = None
    ) -> tf.Tensor | None:
        """Computes the pair mask from a position mask `[B, L]`.

        Returns `[B, L, L]`, or `[B, L, W]` with `max_span_width`.
        """
        if mask is None:
            return None
        if self.max_span_width is None:
            return mask[:, :, None] & mask[:, None, :]
        length = tf.shape(mask)[1]
        width = tf.minimum(self.max_span_width, length)
        longer = tf.pad(mask, [[0, 0], [0, width - 1]])  # [B, L + W - 1]
        last = tf.range(length)[:, None] + tf.range(width)  # [L, W]
        return mask[:, :, None] & tf.gather(longer, last, axis=1)

    def compute_output_shape(
        self, input_shape: tf.TensorShape
    ) -> tf.TensorShape:
        """Returns `[B, L, L, C]` or `[B, L, W, C]` for `[B, L, H]`."""
        batch, length, _ = tf.TensorShape(input_shape)
        width = length
        if length is not None and self.max_span_width is not None:
            width = min(length, self.max_span_width)
        return tf.TensorShape([batch, length, width, self.num_classes])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "num_classes": self.num_classes,
            "projection_size": self.projection_size,
            "dropout": self.dropout,
            "use_start_bias": self.use_start_bias,
            "use_end_bias": self.use_end_bias,
            "activation": tf_keras.activations.serialize(self.activation),
            "max_span_width": self.max_span_width,
            "use_rotary": self.use_rotary,
            "use_width": self.use_width,
            "kernel_initializer": tf_keras.initializers.serialize(
                self.kernel_initializer
            ),
            "bilinear_initializer": tf_keras.initializers.serialize(
                self.bilinear_initializer
            ),
        }


def _append_one(vectors: tf.Tensor) -> tf.Tensor:
    # Not by `pad`, which takes the constant from the host.
    return tf.concat([vectors, tf.ones_like(vectors[..., :1])], axis=-1)

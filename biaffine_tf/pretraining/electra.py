"""ELECTRA: a generator, and a discriminator that detects its tokens.

Reference:
    Clark et al. 2020 (https://arxiv.org/abs/2003.10555).
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.encoder import activation


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class ReplacedTokenDetection(tf_keras.layers.Layer):
    """Output layer of the discriminator, which detects replaced tokens.

    `f(x W + b) v + c`, one logit for each position. Float32 under any policy,
    as it is a small part of the work.

    Args:
        hidden_act: Name of the activation f, as in `EncoderConfig`.
        initializer_range: Standard deviation of the initial W and v.
        **kwargs: Keras layer arguments.
    """

    def __init__(
        self,
        *,
        hidden_act: str = "gelu",
        initializer_range: float = 0.02,
        name: str = "rtd",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, **{"dtype": "float32", **kwargs})
        self._hidden_act = hidden_act
        self._initializer_range = initializer_range

    @classmethod
    def of(cls, config: EncoderConfig) -> ReplacedTokenDetection:
        """Builds the output layer for an encoder."""
        return cls(
            hidden_act=config.hidden_act,
            initializer_range=config.initializer_range,
        )

    def build(self, input_shape: Any) -> None:
        """Creates the weights for inputs `[..., H]`."""
        with tf.name_scope(self.name):
            width = input_shape[-1]
            self.kernel = self.add_weight(
                "dense/kernel", [width, width], initializer=self._normal()
            )
            self.bias = self.add_weight(
                "dense/bias", [width], initializer="zeros"
            )
            self.direction = self.add_weight(
                "prediction/kernel", [width, 1], initializer=self._normal()
            )
            self.output_bias = self.add_weight(
                "prediction/bias", [1], initializer="zeros"
            )
        super().build(input_shape)

    def _normal(self) -> tf_keras.initializers.Initializer:
        return tf_keras.initializers.TruncatedNormal(
            stddev=self._initializer_range
        )

    def call(self, vectors: tf.Tensor) -> tf.Tensor:
        """Returns logits `[B, L]` of `[B, L, H]`; positive for replaced."""
        shape = tf.shape(vectors)
        x = tf.reshape(vectors, [-1, vectors.shape[-1]])
        x = activation(self._hidden_act)(tf.matmul(x, self.kernel) + self.bias)
        logits = tf.matmul(x, self.direction) + self.output_bias
        return tf.reshape(logits, shape[:2])

    def canonical_variables(self) -> dict[str, tf.Variable]:
        """Returns the weights by their names in checkpoints."""
        return {
            "rtd/dense/kernel": self.kernel,
            "rtd/dense/bias": self.bias,
            "rtd/prediction/kernel": self.direction,
            "rtd/prediction/bias": self.output_bias,
        }

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "hidden_act": self._hidden_act,
            "initializer_range": self._initializer_range,
        }


def put_samples(
    original_ids: tf.Tensor,
    positions: tf.Tensor,
    is_masked: tf.Tensor,
    samples: tf.Tensor,
) -> tf.Tensor:
    """Replaces masked tokens by the generator's samples.

    Args:
        original_ids: Unmasked ids, int32 `[B, L]`.
        positions: Masked positions, int32 `[B, P]`; arbitrary for padding.
        is_masked: Mask of `positions`, bool `[B, P]`, false for padding.
        samples: Ids drawn by the generator, int32 `[B, P]`.

    Returns:
        The input of the discriminator, int32 `[B, L]`.
    """
    originals = tf.gather(original_ids, positions, batch_dims=1)
    rows = tf.range(tf.shape(positions)[0])[:, None]
    cells = tf.stack([rows + tf.zeros_like(positions), positions], axis=-1)
    # Padding adds zero, also where its position is a masked one.
    change = tf.where(is_masked, samples - originals, 0)
    return tf.tensor_scatter_nd_add(original_ids, cells, change)

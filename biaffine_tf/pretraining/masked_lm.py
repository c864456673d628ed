"""Output layer and loss of masked language modelling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import EncoderConfig
from biaffine_tf.encoders.encoder import activation
from biaffine_tf.encoders.fused_encoder import FusedBertEncoder
from biaffine_tf.encoders.fused_ops import layer_norm


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class MaskedLM(tf_keras.layers.Layer):
    """Logits over the vocabulary, from the transposed word embeddings.

    `norm(f(x W + b)) E^T + c`, as in BERT, ALBERT and ELECTRA's generator.
    Matrix products are in the compute dtype of the layer's policy, all else is
    in float32.

    Args:
        vocab_size: V, the number of tokens in the vocabulary.
        embedding_width: E, the size of the word embeddings.
        hidden_act: Name of the activation f, as in `EncoderConfig`.
        initializer_range: Standard deviation of the initial W.
        layer_norm_eps: Epsilon of the layer norm.
        **kwargs: Keras layer arguments.

    Reference:
        Devlin et al. 2019 (https://arxiv.org/abs/1810.04805).
    """

    def __init__(
        self,
        *,
        vocab_size: int,
        embedding_width: int,
        hidden_act: str = "gelu",
        initializer_range: float = 0.02,
        layer_norm_eps: float = 1e-12,
        name: str = "mlm",
        **kwargs: Any,
    ) -> None:
        super().__init__(name=name, autocast=False, **kwargs)
        self._vocab_size = vocab_size
        self._embedding_width = embedding_width
        self._hidden_act = hidden_act
        self._initializer_range = initializer_range
        self._layer_norm_eps = layer_norm_eps

    @classmethod
    def of(cls, config: EncoderConfig) -> MaskedLM:
        """Builds the output layer for an encoder."""
        return cls(
            vocab_size=config.vocab_size,
            embedding_width=config.embedding_width,
            hidden_act=config.hidden_act,
            initializer_range=config.initializer_range,
            layer_norm_eps=config.layer_norm_eps,
        )

    def build(self, input_shape: Any) -> None:
        """Creates the weights for inputs `[..., H]`."""
        with tf.name_scope(self.name):
            normal = tf_keras.initializers.TruncatedNormal(
                stddev=self._initializer_range
            )
            width = self._embedding_width
            self.kernel = self._weight(
                "dense/kernel", [input_shape[-1], width], normal
            )
            self.bias = self._weight("dense/bias", [width])
            self.gamma = self._weight("layer_norm/gamma", [width], "ones")
            self.beta = self._weight("layer_norm/beta", [width])
            self.output_bias = self._weight("output/bias", [self._vocab_size])
        super().build(input_shape)

    def _weight(
        self, name: str, shape: list[int], initializer: Any = "zeros"
    ) -> tf.Variable:
        """Creates a weight that Keras does not cast."""
        return self.add_weight(
            name, shape, initializer=initializer, autocast=False
        )

    def call(self, vectors: tf.Tensor, embeddings: tf.Tensor) -> tf.Tensor:
        """Scores every token of the vocabulary.

        Args:
            vectors: Vectors of the masked positions, float32 `[N, H]`.
            embeddings: Word embeddings of the encoder, float32 `[V, E]`.

        Returns:
            float32 `[N, V]`.
        """
        x = activation(self._hidden_act)(
            self._product(vectors, self.kernel) + self.bias
        )
        x = layer_norm(
            x,
            self.gamma,
            self.beta,
            epsilon=self._layer_norm_eps,
            training=True,
        )
        logits = self._product(x, embeddings, transpose_b=True)
        return tf.nn.bias_add(logits, self.output_bias)

    def _product(
        self, a: tf.Tensor, b: tf.Tensor, *, transpose_b: bool = False
    ) -> tf.Tensor:
        product = tf.matmul(
            tf.cast(a, self.compute_dtype),
            tf.cast(tf.convert_to_tensor(b), self.compute_dtype),
            transpose_b=transpose_b,
        )
        return tf.cast(product, tf.float32)

    def canonical_variables(self) -> dict[str, tf.Variable]:
        """Returns the weights by their names in checkpoints."""
        return {
            "mlm/dense/kernel": self.kernel,
            "mlm/dense/bias": self.bias,
            "mlm/layer_norm/gamma": self.gamma,
            "mlm/layer_norm/beta": self.beta,
            "mlm/output_bias": self.output_bias,
        }

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "vocab_size": self._vocab_size,
            "embedding_width": self._embedding_width,
            "hidden_act": self._hidden_act,
            "initializer_range": self._initializer_range,
            "layer_norm_eps": self._layer_norm_eps,
        }


def word_embeddings(encoder: FusedBertEncoder) -> tf.Variable:
    """Returns the encoder's word embeddings, `[V, E]`."""
    return encoder._embedding_layer.embeddings


@tf.custom_gradient
def sparse_cross_entropy(
    logits: tf.Tensor, labels: tf.Tensor
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, None]]]:
    """Computes `-log p[label]` of each row, in few passes over many classes.

    Args:
        logits: float32 `[N, V]`.
        labels: int `[N]`, each in [0, V).

    Returns:
        float32 `[N]`.
    """
    greatest = tf.reduce_max(logits, axis=-1, keepdims=True)
    exponentials = tf.exp(logits - greatest)
    total = tf.reduce_sum(exponentials, axis=-1, keepdims=True)
    own = tf.gather(logits, labels, batch_dims=1)
    losses = (greatest + tf.math.log(total))[:, 0] - own

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, None]:
        slopes = exponentials * (upstream[:, None] / total)
        cells = tf.stack([tf.range(tf.size(labels)), labels], axis=1)
        return tf.tensor_scatter_nd_sub(slopes, cells, upstream), None

    return losses, gradient


def is_correct(logits: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Whether no class scores higher than the label, bool `[N]`.

    Args:
        logits: float32 `[N, V]`.
        labels: int `[N]`.
    """
    own = tf.gather(logits, labels, batch_dims=1)
    return own >= tf.reduce_max(logits, axis=-1)

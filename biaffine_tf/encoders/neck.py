"""The neck: layers between encoder and head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import LayerMix
from biaffine_tf.encoders.lstm import BiLstm


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class Neck(tf_keras.layers.Layer):
    """Mixes the layers of an encoder and reads the mix with a BiLSTM.

    Computes in float32 under every policy: recurrence adds up roundings, and
    these layers take little of the time.

    Input shape: vectors of each layer of the encoder, from the embeddings to
    the last, a list of float32 `[B, L, H]`; with `LayerMix.LAST` only the last
    is used. The number of positions without padding, int32 `[B]`.
    Output shape: float32 `[B, L, H]`, or `[B, L, 2 * lstm_size]`. Vectors of
    positions without padding do not depend on the padding.

    Args:
        layer_mix: Layers to mix, see `LayerMix`.
        lstm_size: Units per direction of the BiLSTM; 0 for none.
        spatial_dropout: Fraction of the features of the mix that are zeroed in
            training, each at all positions of a sentence.
        initializer: Initializer of the kernels of the BiLSTM; None for Glorot's
            uniform one.
        **kwargs: Keras layer arguments.

    Reference:
        Peters et al. 2018, equation 1 (https://arxiv.org/abs/1802.05365), for
        the learned mix; Tompson et al. 2015 (https://arxiv.org/abs/1411.4280)
        for spatial dropout.
    """

    def __init__(
        self,
        *,
        layer_mix: LayerMix | str = LayerMix.LAST,
        lstm_size: int = 0,
        spatial_dropout: float = 0.0,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.layer_mix = LayerMix(layer_mix)
        self.lstm_size = lstm_size
        self.spatial_dropout = spatial_dropout
        self.initializer = tf_keras.initializers.get(initializer)
        self._dropout = self._lstm = None
        if spatial_dropout:
            self._dropout = tf_keras.layers.SpatialDropout1D(
                spatial_dropout, dtype="float32", name="spatial_dropout"
            )
        if lstm_size:
            self._lstm = BiLstm(lstm_size, self.initializer, name="lstm")

    def build(self, input_shape: Sequence[Any]) -> None:
        """Creates the weights for a list of shapes `[B, L, H]`."""
        if self.layer_mix is LayerMix.LEARNED:
            self.mix = self.add_weight(
                name="mix/weights",
                shape=[len(input_shape)],
                initializer="zeros",
            )
            self.gamma = self.add_weight(
                name="mix/gamma", shape=[1], initializer="ones"
            )
        if self._lstm is not None:
            with tf.name_scope(self._lstm.name):
                self._lstm.build([None, None, input_shape[-1][-1]])
        super().build(input_shape)

    def call(
        self,
        inputs: Sequence[tf.Tensor],
        lengths: tf.Tensor,
        training: bool | tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Mixes and reads the layers; see the class."""
        vectors = self._mix(inputs)
        if self._dropout is not None:
            vectors = self._dropout(vectors, training=training)
        if self._lstm is not None:
            by_place = tf.transpose(vectors, [1, 0, 2])
            vectors = tf.transpose(self._lstm(by_place, lengths), [1, 0, 2])
        return vectors

    def _mix(self, layers: Sequence[tf.Tensor]) -> tf.Tensor:
        if self.layer_mix is LayerMix.LAST:
            return layers[-1]
        if self.layer_mix is LayerMix.FIRST_LAST:
            return (layers[1] + layers[-1]) / 2  # 0 are the embeddings
        shares = tf.unstack(tf.nn.softmax(self.mix))
        mixed = [
            share * layer for share, layer in zip(shares, layers, strict=True)
        ]
        return self.gamma * tf.add_n(mixed)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "layer_mix": str(self.layer_mix),
            "lstm_size": self.lstm_size,
            "spatial_dropout": self.spatial_dropout,
            "initializer": tf_keras.initializers.serialize(self.initializer),
        }

"""The neck: layers between encoder and head."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import LayerMix


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
            and orthogonal ones.
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
            self._lstm = BiLstm(
                lstm_size, initializer=self.initializer, name="lstm"
            )

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
                self._lstm.build(input_shape[-1])
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
            vectors = self._lstm(vectors, lengths)
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


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class BiLstm(tf_keras.layers.Layer):
    """A bidirectional LSTM over padded sentences; both directions in one loop.

    Equals `tf_keras.layers.Bidirectional` of an LSTM with the mask of the
    padding, in half of the steps.

    Input shape: float32 `[B, L, H]`, padded at the end, and the number of
    positions without padding, int32 `[B]`.
    Output shape: float32 `[B, L, 2 * units]`, forward before backward. Vectors
    of padding have no meaning.

    Args:
        units: Units per direction.
        initializer: Initializer of the kernels; None for Glorot's of the inputs
            and orthogonal ones of the recurrence.
        **kwargs: Keras layer arguments.

    Reference:
        Hochreiter and Schmidhuber 1997; Gers et al. 2000 for the forget gate,
        Jozefowicz et al. 2015 for its bias of one.
    """

    def __init__(
        self, units: int, *, initializer: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        if units < 1:
            raise ValueError(f"units must be positive, got {units}")
        self.units = units
        self.initializer = tf_keras.initializers.get(initializer)

    def build(self, input_shape: Any) -> None:
        """Creates the weights for inputs `[B, L, H]`."""
        size, gates = tf.TensorShape(input_shape)[-1], 4 * self.units
        self._directions = [
            [
                self.add_weight(
                    name=f"{direction}/kernel",
                    shape=[size, gates],
                    initializer=self._kernel_initializer("GlorotUniform"),
                ),
                self.add_weight(
                    name=f"{direction}/recurrent_kernel",
                    shape=[self.units, gates],
                    initializer=self._kernel_initializer("Orthogonal"),
                ),
                self.add_weight(
                    name=f"{direction}/bias",
                    shape=[gates],
                    initializer=_one_for_forgetting,
                ),
            ]
            for direction in ("forward", "backward")
        ]
        super().build(input_shape)

    def _kernel_initializer(self, name: str) -> Any:
        # Two weights must not draw equal values from one seeded initializer.
        known = self.initializer
        if known is None:
            return tf_keras.initializers.get(name)
        return type(known).from_config(known.get_config())

    def call(self, inputs: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Reads the sentences in both directions; see the class."""
        batch = tf.shape(inputs)[0]
        backward = tf.reverse_sequence(inputs, lengths, seq_axis=1)
        gates = tf.stack(
            [
                tf.tensordot(x, kernel, 1) + bias
                for x, (kernel, _, bias) in zip(
                    (inputs, backward), self._directions, strict=True
                )
            ]
        )  # [2, B, L, 4 * units]
        recurrent = tf.stack([one for _, one, _ in self._directions])

        def step(
            state: tuple[tf.Tensor, tf.Tensor], gates: tf.Tensor
        ) -> tuple[tf.Tensor, tf.Tensor]:
            output, cell = state  # [2, B, units]
            gates += tf.matmul(output, recurrent)
            into, forget, new, out = tf.split(gates, 4, axis=-1)
            cell = tf.sigmoid(forget) * cell
            cell += tf.sigmoid(into) * tf.tanh(new)
            return tf.sigmoid(out) * tf.tanh(cell), cell

        zeros = tf.zeros([2, batch, self.units])
        outputs, _ = tf.scan(
            step, tf.transpose(gates, [2, 0, 1, 3]), (zeros, zeros)
        )  # [L, 2, B, units]
        forward, backward = tf.unstack(tf.transpose(outputs, [1, 2, 0, 3]))
        backward = tf.reverse_sequence(backward, lengths, seq_axis=1)
        outputs = tf.concat([forward, backward], axis=-1)
        return tf.ensure_shape(outputs, [*inputs.shape[:2], 2 * self.units])

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "initializer": tf_keras.initializers.serialize(self.initializer),
        }


def _one_for_forgetting(
    shape: Sequence[int], dtype: Any = None, **_: Any
) -> tf.Tensor:
    """Initial bias of the gates: one for the forget gate, else zero."""
    units = shape[0] // 4
    return tf.repeat(tf.constant([0, 1, 0, 0], dtype), units)

"""LSTM layers over padded sentences."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.encoders.initializers import copied


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class Lstm(tf_keras.layers.Layer):
    """LSTM in one operation, in float32, with a forget bias of 1.

    Input: float32 `[L, B, E]`. Output: hidden states, float32 `[L, B, units]`.
    The kernel has rows for inputs, then for states; its columns are the gates
    input, cell, forget and output.

    Args:
        units: Number of hidden units.
        initializer: Initializer of the kernel; None for Glorot's uniform one.
        **kwargs: Keras layer arguments.

    Reference:
        Gers et al. 2000 (https://doi.org/10.1162/089976600300015015).
    """

    def __init__(
        self, units: int, initializer: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units = units
        self.initializer = tf_keras.initializers.get(initializer)

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "initializer": _serialized(self.initializer),
        }

    def build(self, input_shape: Any) -> None:
        """Creates kernel and bias."""
        initializer = self.initializer or tf_keras.initializers.GlorotUniform()
        self.kernel = self.add_weight(
            name="kernel",
            shape=[input_shape[-1] + self.units, 4 * self.units],
            initializer=initializer,
        )
        self.bias = self.add_weight(
            name="bias", shape=[4 * self.units], initializer="zeros"
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Computes the hidden states."""
        zeros = tf.zeros([tf.shape(inputs)[1], self.units])
        unused = tf.zeros([self.units])
        # TensorFlow's gradient of BlockLSTMV2 is wrong: it is that of this one,
        # whose gates have another order.
        states = tf.raw_ops.BlockLSTM(
            seq_len_max=tf.shape(inputs, tf.int64)[0],
            x=inputs,
            cs_prev=zeros,
            h_prev=zeros,
            w=tf.convert_to_tensor(self.kernel),
            wci=unused,
            wcf=unused,
            wco=unused,
            b=tf.convert_to_tensor(self.bias),
            forget_bias=1.0,
            cell_clip=0.0,
            use_peephole=False,
        ).h
        return tf.ensure_shape(states, [*inputs.shape[:2], self.units])


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class BiLstm(tf_keras.layers.Layer):
    """Bidirectional LSTM over sentences that are padded at the end.

    Input: float32 `[L, B, E]`, and the number of positions without padding,
    int32 `[B]`. Output: float32 `[L, B, 2 * units]`, forward before backward.
    Vectors of padding have no meaning; others do not depend on it.

    Args:
        units: Number of hidden units of each direction.
        initializer: Initializer of the kernels; None for Glorot's uniform one.
        **kwargs: Keras layer arguments.

    Reference:
        Graves and Schmidhuber 2005
        (https://doi.org/10.1016/j.neunet.2005.06.042).
    """

    def __init__(
        self, units: int, initializer: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.units = units
        self.initializer = tf_keras.initializers.get(initializer)
        self._forward, self._backward = (
            Lstm(units, copied(self.initializer), name=direction)
            for direction in ("forward", "backward")
        )

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        return {
            **super().get_config(),
            "units": self.units,
            "initializer": _serialized(self.initializer),
        }

    def build(self, input_shape: Any) -> None:
        """Creates the weights for inputs `[L, B, E]`."""
        for layer in (self._forward, self._backward):
            with tf.name_scope(layer.name):
                layer.build(input_shape)
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
        """Computes the hidden states of both directions."""
        behind = self._backward(_reversed(inputs, lengths))
        return tf.concat(
            [self._forward(inputs), _reversed(behind, lengths)], axis=-1
        )


def _reversed(x: tf.Tensor, lengths: tf.Tensor) -> tf.Tensor:
    """Reverses `[L, B, E]` within the lengths."""
    return tf.reverse_sequence(x, lengths, seq_axis=0, batch_axis=1)


def _serialized(initializer: Any) -> Any:
    return initializer and tf_keras.initializers.serialize(initializer)

"""Base class of the layers of heads."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.encoders.initializers import copied


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class FlatDense(tf_keras.layers.Dense):
    """Dense layer that multiplies the vectors of all axes as one matrix.

    tf_keras multiplies more than two axes by `tensordot`, which computes their
    shape by operations that a GPU has: the host would wait for each of them.

    Args:
        *args: See `tf_keras.layers.Dense`.
        **kwargs: Likewise.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        """Projects vectors, floating-point `[..., H]`, to `[..., units]`."""
        rows = tf.reshape(inputs, [-1, inputs.shape[-1]])
        shape = tf.concat([tf.shape(inputs)[:-1], [self.units]], axis=0)
        outputs = tf.reshape(super().call(rows), shape)
        return tf.ensure_shape(outputs, [*inputs.shape[:-1], self.units])


class HeadLayer(tf_keras.layers.Layer):
    """Keras layer whose sublayers have its dtype policy and initializer.

    Attributes:
        dropout: Rate of all dropouts.
        kernel_initializer: Initializer of all kernels.
    """

    dropout: float
    kernel_initializer: Any

    def _make_dense(
        self, size: int, name: str, **options: Any
    ) -> tf_keras.layers.Layer:
        return FlatDense(
            size,
            kernel_initializer=copied(self.kernel_initializer),
            dtype=self._dtype_policy,
            name=name,
            **options,
        )

    def _make_dropout(self, name: str) -> tf_keras.layers.Layer:
        return tf_keras.layers.Dropout(
            self.dropout, dtype=self._dtype_policy, name=name
        )

    @contextlib.contextmanager
    def computing_in(self, policy: Any) -> Iterator[None]:
        """Traces the sublayers under a mixed-precision policy."""
        layers = list(self._flatten_layers(include_self=False))
        before = [layer.dtype_policy for layer in layers]
        for layer in layers:
            layer._set_dtype_policy(policy)
        try:
            yield
        finally:
            for layer, own in zip(layers, before, strict=True):
                layer._set_dtype_policy(own)

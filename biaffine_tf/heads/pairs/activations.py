"""Activations of the projections, in TensorFlow."""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf
import tf_keras

from biaffine_tf.config import Activation, HeadConfig

LEAK = 0.1


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
def leaky_relu(x: tf.Tensor) -> tf.Tensor:
    """Computes the leaky ReLU with a slope of 0.1 below 0."""
    return tf.nn.leaky_relu(x, LEAK)


def activation_of(
    config: HeadConfig,
) -> Callable[[tf.Tensor], tf.Tensor] | str | None:
    """Returns the activation of the settings, as Keras takes it."""
    if config.projection_activation is Activation.LEAKY_RELU:
        return leaky_relu
    if config.projection_activation is Activation.NONE:
        return None
    return str(config.projection_activation)

"""Operations between the matrix products of an encoder, in few passes.

On a CPU these operations are bound by memory, not by arithmetic: each saves as
little as possible for its gradient, which is written out. Prediction uses
TensorFlow's gradients: a custom gradient that a `tf.function` was traced with
keeps the weights of the model in memory until the process ends.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

_SQRT_HALF = math.sqrt(0.5)
_NORMAL_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
# Constants of the approximation of the normal distribution by tanh.
_LINEAR = math.sqrt(2 / math.pi)
_CUBIC = 0.044715 * _LINEAR


def normal_distribution(x: tf.Tensor) -> tf.Tensor:
    """Computes the normal distribution function for any floating type.

    Written in the form in which TensorFlow's graph optimizer fuses a matrix
    product, its bias, and `x` times this.
    """
    return 0.5 * (1.0 + tf.math.erf(x * _SQRT_HALF))


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Computes exact GELU, `x Phi(x)`, for any floating type.

    Reference:
        Hendrycks and Gimpel 2016 (https://arxiv.org/abs/1606.08415).
    """
    probability = normal_distribution(x)

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        density = tf.exp(-0.5 * x * x) * _NORMAL_DENSITY_AT_0
        return upstream * (probability + x * density)

    return x * probability, gradient


def layer_norm(
    x: tf.Tensor,
    gain: tf.Tensor,
    bias: tf.Tensor,
    *,
    epsilon: float,
    training: bool,
) -> tf.Tensor:
    """Normalises the last axis.

    Args:
        x: float32 `[..., H]`.
        gain: float32 `[H]`.
        bias: float32 `[H]`.
        epsilon: Constant added to the variance.
        training: Whether to use the written-out gradient.

    Returns:
        float32 `[..., H]`.

    Reference:
        Ba et al. 2016 (https://arxiv.org/abs/1607.06450).
    """
    # Weights under a strategy are no tensors, which these operations need.
    gain, bias = tf.convert_to_tensor(gain), tf.convert_to_tensor(bias)
    if not training:
        return _normalize(x, epsilon)[0] * gain + bias

    @tf.custom_gradient
    def compute(
        x: tf.Tensor, gain: tf.Tensor, bias: tf.Tensor
    ) -> tuple[tf.Tensor, Callable[[tf.Tensor], tuple[tf.Tensor, ...]]]:
        normal, scale = _normalize(x, epsilon)

        def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, ...]:
            slope = upstream * gain
            mean = tf.reduce_mean(slope, axis=-1, keepdims=True)
            along = tf.reduce_mean(slope * normal, axis=-1, keepdims=True)
            rows = list(range(len(x.shape) - 1))
            return (
                scale * (slope - mean - normal * along),
                tf.reduce_sum(upstream * normal, axis=rows),
                tf.reduce_sum(upstream, axis=rows),
            )

        return normal * gain + bias, gradient

    return compute(x, gain, bias)


def _normalize(x: tf.Tensor, epsilon: float) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns standard scores of `[..., H]`, and row scales `[..., 1]`."""
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
    scale = tf.math.rsqrt(variance + epsilon)
    return centred * scale, scale


def dropout(x: tf.Tensor, rate: float, *, seed: tf.Tensor) -> tf.Tensor:
    """Zeroes a random fraction of the elements and scales up the others.

    An element takes 16 random bits, so the fraction is rounded to a multiple of
    2^-16; the others are divided by the exact fraction kept.

    Args:
        x: Floating-point tensor of known rank.
        rate: Fraction of elements to zero, in [0, 1).
        seed: Random seed, int `[2]`; equal seeds and shapes give equal masks.

    Returns:
        Tensor like `x`.
    """
    threshold = round(rate * 2**16)
    if threshold == 0:
        return x
    size = tf.size(x)
    bits = tf.random.stateless_uniform(
        [(size + 1) // 2],
        seed,
        minval=None,
        maxval=None,
        dtype=tf.uint32,
        alg="philox",  # the default depends on the device and XLA
    )
    bits = tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size]
    factor = 2**16 / (2**16 - threshold)
    factors = tf.where(
        bits >= threshold, tf.constant(factor, x.dtype), tf.constant(0, x.dtype)
    )
    # Not of the booleans, whose shape TensorFlow checks on the host alone.
    factors = tf.ensure_shape(tf.reshape(factors, tf.shape(x)), x.shape)
    return x * factors


@tf.custom_gradient
def tanh_gelu(
    x: tf.Tensor,
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Computes GELU's approximation by tanh, for any floating type.

    Reference:
        Hendrycks and Gimpel 2016 (https://arxiv.org/abs/1606.08415), section 2.
    """
    tanh = tf.tanh(x * (_LINEAR + _CUBIC * x * x))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        inner = x * (1 - tanh * tanh) * (_LINEAR + 3 * _CUBIC * x * x)
        return upstream * (0.5 * (1 + tanh + inner))

    return 0.5 * x * (1 + tanh), gradient

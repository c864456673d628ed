"""What an encoder does between its matrix products, in few passes.

On a CPU these operations wait for memory, not for arithmetic: each saves the
least it needs for its gradient, and computes that gradient by hand. Prediction
does without: TensorFlow keeps a custom gradient that a `tf.function` was traced
with, and with it the weights of the model, until the process ends.
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
    """Probability that a standard normal variable is below x.

    Of any shape and floating type. Written as TensorFlow's graph optimizer
    expects it: it joins a matrix product, its bias and `x` times this.
    """
    return 0.5 * (1.0 + tf.math.erf(x * _SQRT_HALF))


@tf.custom_gradient
def gelu(x: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """Exact GELU, `x Phi(x)`, of any shape and floating type.

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
        epsilon: Added to the variance.
        training: Whether its gradient is written out.

    Returns:
        float32 `[..., H]`.

    Reference:
        Ba et al. 2016 (https://arxiv.org/abs/1607.06450).
    """
    # Under a strategy the weights are no tensors, and these ask for tensors.
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
    """Standard scores of `[..., H]`, and the factor of each row `[..., 1]`."""
    centred = x - tf.reduce_mean(x, axis=-1, keepdims=True)
    variance = tf.reduce_mean(centred * centred, axis=-1, keepdims=True)
    scale = tf.math.rsqrt(variance + epsilon)
    return centred * scale, scale


def dropout(x: tf.Tensor, rate: float, *, seed: tf.Tensor) -> tf.Tensor:
    """Zeroes a share of the elements and scales up the others.

    An element takes 16 random bits, so that the share is the nearest multiple
    of 2^-16; the others are divided by what is exactly kept.

    Args:
        x: Any shape of known rank, floating.
        rate: Share of the elements that is zeroed, in [0, 1).
        seed: int `[2]`; the same seed and shape give the same mask.

    Returns:
        Like `x`.
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
        alg="philox",  # XLA and other devices would choose others
    )
    bits = tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size]
    kept = tf.reshape(bits >= threshold, tf.shape(x))
    kept = tf.ensure_shape(kept, x.shape)
    factor = 2**16 / (2**16 - threshold)
    return x * tf.where(
        kept, tf.constant(factor, x.dtype), tf.constant(0, x.dtype)
    )


@tf.custom_gradient
def tanh_gelu(
    x: tf.Tensor,
) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
    """GELU's approximation by tanh, of any shape and floating type.

    Reference:
        Hendrycks and Gimpel 2016 (https://arxiv.org/abs/1606.08415), section 2.
    """
    tanh = tf.tanh(x * (_LINEAR + _CUBIC * x * x))

    def gradient(upstream: tf.Tensor) -> tf.Tensor:
        inner = x * (1 - tanh * tanh) * (_LINEAR + 3 * _CUBIC * x * x)
        return upstream * (0.5 * (1 + tanh + inner))

    return 0.5 * x * (1 + tanh), gradient

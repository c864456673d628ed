"""The encoder's operations against float64 numpy, in value and gradient."""

import math

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.encoders.fused_ops import (
    dropout,
    gelu,
    layer_norm,
    tanh_gelu,
)

erf = np.vectorize(math.erf)


def _slope(function, x, step=1e-5):
    """Derivative of a function of each element alone, float64."""
    return (function(x + step) - function(x - step)) / (2 * step)


def _exact(x):
    return 0.5 * x * (1 + erf(x / math.sqrt(2)))


def _by_tanh(x):
    inner = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    return 0.5 * x * (1 + np.tanh(inner))


@pytest.mark.parametrize(
    ("function", "truth"), [(gelu, _exact), (tanh_gelu, _by_tanh)]
)
def test_gelu_and_its_gradient(function, truth):
    x = np.concatenate([np.linspace(-9, 9, 181), [-80.0, 80.0, 0.0]])
    tensor = tf.constant(x, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(tensor)
        value = function(tensor)
    np.testing.assert_allclose(value, truth(x), atol=1e-6)
    gradient = tape.gradient(value, tensor)
    np.testing.assert_allclose(gradient, _slope(truth, x), atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_layer_norm_and_its_gradients(training):
    rng = np.random.default_rng(0)
    x, upstream = rng.normal(size=(2, 5, 7)) * 3 + 1
    gain, bias = rng.normal(size=(2, 7))
    epsilon = 1e-3

    def truth(x, gain, bias):
        centred = x - x.mean(-1, keepdims=True)
        variance = (centred**2).mean(-1, keepdims=True)
        return centred / np.sqrt(variance + epsilon) * gain + bias

    tensors = [tf.constant(v, tf.float32) for v in (x, gain, bias)]
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        value = layer_norm(*tensors, epsilon=epsilon, training=training)
        loss = tf.reduce_sum(value * upstream)
    np.testing.assert_allclose(value, truth(x, gain, bias), atol=1e-5)
    gradients = tape.gradient(loss, tensors)
    for index, gradient in enumerate(gradients):
        want = np.zeros(tensors[index].shape)
        for place in np.ndindex(*want.shape):
            step = np.zeros_like(want)
            step[place] = 1e-5
            sides = []
            for sign in (1, -1):
                moved = [x, gain, bias]
                moved[index] = moved[index] + sign * step
                sides.append((truth(*moved) * upstream).sum())
            want[place] = (sides[0] - sides[1]) / 2e-5
        np.testing.assert_allclose(gradient, want, atol=1e-4)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("shape", [(400, 301), (7, 11, 13, 101)])
def test_dropout_keeps_the_mean_and_the_share(rate, shape):
    kept = dropout(tf.ones(shape), rate, seed=tf.constant([3, 4])).numpy()
    size = kept.size
    deviation = math.sqrt(rate * (1 - rate) / size)
    assert abs((kept == 0).mean() - rate) < 5 * deviation
    assert len(np.unique(kept)) == 2
    assert kept.max() == pytest.approx(1 / (1 - rate), rel=1e-3)


def test_dropout_masks_are_the_seeds_and_independent():
    ones = tf.ones([100_000])
    one, same, other = (
        dropout(ones, 0.5, seed=tf.constant(seed)).numpy() > 0
        for seed in ([1, 2], [1, 2], [1, 3])
    )
    np.testing.assert_array_equal(one, same)
    assert abs((one == other).mean() - 0.5) < 0.01
    # Neighbours share a random number, each with bits of its own.
    assert abs((one[::2] == one[1::2]).mean() - 0.5) < 0.01


def test_dropout_has_the_gradient_of_its_mask():
    x = tf.random.stateless_normal([50], seed=[0, 1])
    with tf.GradientTape() as tape:
        tape.watch(x)
        value = dropout(x, 0.3, seed=tf.constant([5, 6]))
    gradient = tape.gradient(value, x)
    np.testing.assert_allclose(gradient * x, value, rtol=1e-6)
    assert dropout(x, 0.0, seed=tf.constant([5, 6])) is x

"""The LSTM layers against loops in numpy and against Keras's."""

import numpy as np
import tensorflow as tf
import tf_keras
from numpy_lstm import lstm

from biaffine_tf.encoders.lstm import BiLstm, Lstm

RNG = np.random.default_rng(0)
LENGTHS = tf.constant([5, 7, 1])
VECTORS = tf.constant(RNG.normal(size=[7, 3, 4]), tf.float32)  # [L, B, E]
REAL = tf.transpose(tf.sequence_mask(LENGTHS, 7))


def test_gradients_are_those_of_finite_differences():
    """The gradient of BlockLSTMV2, for one, is wrong in TensorFlow 2.20."""
    rng = np.random.default_rng(0)
    layer = Lstm(3)
    inputs = tf.Variable(rng.normal(size=(5, 2, 4)), dtype=tf.float32)
    layer(inputs)
    layer.kernel.assign(rng.normal(size=layer.kernel.shape))
    weights = tf.constant(rng.normal(size=(5, 2, 3)), tf.float32)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(weights * layer(tf.convert_to_tensor(inputs)))
    sources = [inputs, layer.kernel, layer.bias]

    def reference():
        x, kernel, bias = (one.numpy().astype(float) for one in sources)
        states = [lstm(x[:, row], kernel, bias) for row in range(2)]
        return (weights.numpy() * np.stack(states, axis=1)).sum()

    for source, got in zip(sources, tape.gradient(loss, sources), strict=True):
        value, want = source.numpy(), np.zeros(source.shape)
        for place in np.ndindex(*value.shape):
            for sign in (1, -1):
                moved = value.copy()
                moved[place] += sign * 2**-10
                source.assign(moved)
                want[place] += sign * reference() * 2**9
        source.assign(value)
        np.testing.assert_allclose(got, want, atol=1e-3)


def _for_keras(kernel, bias):
    """Kernel, recurrent kernel and bias with the gates in Keras's order."""
    parts = [np.split(w, 4, axis=-1) for w in (kernel, bias)]
    kernel, bias = (
        np.concatenate([part[gate] for gate in (0, 2, 1, 3)], axis=-1)
        for part in parts
    )
    units = len(bias) // 4
    bias[units : 2 * units] += 1
    return kernel[:-units], kernel[-units:], bias


def test_both_directions_are_those_of_keras():
    """Output and gradients of the positions that are no padding."""
    layer = BiLstm(5)
    layer(VECTORS, LENGTHS)
    keras = tf_keras.layers.Bidirectional(
        tf_keras.layers.LSTM(5, return_sequences=True)
    )
    keras(VECTORS)
    for weight in layer.weights:
        weight.assign(0.5 * RNG.normal(size=weight.shape))
    own = [w.numpy() for w in layer.weights]
    keras.set_weights([*_for_keras(*own[:2]), *_for_keras(*own[2:])])
    pull = tf.constant(RNG.normal(size=[7, 3, 10]), tf.float32)

    def with_keras():
        output = keras(
            tf.transpose(VECTORS, [1, 0, 2]), mask=tf.transpose(REAL)
        )
        return tf.transpose(output, [1, 0, 2])

    results = []
    for call in (lambda: layer(VECTORS, LENGTHS), with_keras):
        with tf.GradientTape() as tape:
            tape.watch(VECTORS)
            output = tf.boolean_mask(call(), REAL)
            value = tf.reduce_sum(output * tf.boolean_mask(pull, REAL))
        results.append([output, tape.gradient(value, VECTORS)])
    for one, other in zip(*results, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_directions_begin_with_different_weights():
    """Also from one seeded initializer, as a model hands it on."""
    for initializer in (None, tf_keras.initializers.GlorotUniform(seed=None)):
        layer = BiLstm(5, initializer)
        layer(VECTORS, LENGTHS)
        forward, _, backward, _ = (w.numpy() for w in layer.weights)
        assert (forward != backward).mean() > 0.9

"""The start of a head: the prior, and weights that let all of it learn."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.heads.biaffine.initialization import draw_bilinear
from biaffine_tf.heads.biaffine.layer import Biaffine
from biaffine_tf.losses import cross_entropy, dice, focal

PRIOR = np.array([0.99, 0.009, 0.001])


@pytest.fixture
def head():
    tf.random.set_seed(1)
    layer = Biaffine(num_classes=3, projection_size=20, dropout=0.0)
    layer.build(tf.TensorShape([None, None, 64]))
    layer.bilinear.assign(
        draw_bilinear(layer.bilinear.shape, np.log(PRIOR / PRIOR[0]))
    )
    return layer


@pytest.fixture
def vectors():
    return tf.random.stateless_normal([4, 9, 64], seed=[1, 2])


def test_first_probabilities_are_the_prior(head, vectors):
    mean = tf.reduce_mean(tf.nn.softmax(head(vectors)), axis=[0, 1, 2])
    np.testing.assert_allclose(mean, PRIOR, rtol=0.02)


@pytest.mark.parametrize("loss", [cross_entropy, focal, dice])
def test_everything_learns_from_the_first_step(head, vectors, loss):
    """With zeros the projections would stand still; see the second head."""
    labels = tf.zeros([4, 9, 9], tf.int32)
    labels = tf.tensor_scatter_nd_update(labels, [[1, 2, 3]], [2])
    zeros = Biaffine(num_classes=3, projection_size=20, dropout=0.0)
    zeros.build(tf.TensorShape([None, None, 64]))
    for layer, learns in ((head, True), (zeros, False)):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(loss(layer(vectors), labels))
        weights = [layer._start.kernel, layer._end.kernel]
        for gradient in tape.gradient(total, weights):
            assert (tf.norm(gradient) > 1e-3) == learns


@pytest.mark.parametrize("loss", [cross_entropy, focal, dice])
def test_rare_classes_pull_as_hard_as_if_they_were_likely(loss):
    """The slope of a positive pair does not vanish with its prior."""
    for prior in (0.1, 1e-3, 1e-6):
        logits = tf.constant([[0.0, float(np.log(prior))]])
        with tf.GradientTape() as tape:
            tape.watch(logits)
            value = loss(logits, [1])
        assert tape.gradient(value, logits)[0, 1] < -0.3

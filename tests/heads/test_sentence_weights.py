"""Weights of sentences in the losses of all heads."""

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf import heads
from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.span_model import _sentence_weights

CELLS = tf.constant(
    [[[0, 1, 1], [2, 2, 2]], [[1, 1, 3], [0, 0, 0]], [[0, 0, 0], [0, 0, 0]]]
)
COUNTS = tf.constant([4, 3, 2])


def _loss(model, vectors, config, rows, weights):
    """Loss of some sentences, and its gradients."""
    vectors, cells, counts = (
        tf.gather(one, rows) for one in (vectors, CELLS, COUNTS)
    )
    with tf.GradientTape() as tape:
        metrics = model.head.batch_metrics(
            vectors,
            cells,
            counts,
            config,
            seed=tf.constant([1, 2]),
            training=False,
            weights=weights,
        )
        loss = metrics["loss"][0]
    variables = model.head.trainable_variables
    return [loss, *tape.gradient(loss, variables)], metrics


@pytest.mark.parametrize(
    ("name", "loss"),
    [
        ("biaffine", "cross_entropy"),
        ("biaffine", "multi_label"),
        ("global_pointer", "multi_label"),
        ("efficient_global_pointer", "focal"),
        ("cnn", "binary"),
        ("softmax", "cross_entropy"),
        ("crf", "cross_entropy"),
    ],
)
def test_the_loss_is_the_weighted_sum_of_sentences(name, loss):
    assert heads.weighs(name)
    model = tiny.model(name=name)
    rng = np.random.default_rng(0)
    vectors = tf.constant(rng.normal(size=(3, 4, 16)), tf.float32)
    config = TrainingConfig(loss=loss)
    weights = [0.25, 1.0, 0.6]
    whole, metrics = _loss(
        model, vectors, config, [0, 1, 2], tf.constant(weights)
    )
    alone = [_loss(model, vectors, config, [row], None)[0] for row in range(3)]
    for index, value in enumerate(whole):
        want = sum(
            weight * one[index].numpy()
            for weight, one in zip(weights, alone, strict=True)
        )
        np.testing.assert_allclose(value, want, rtol=1e-4, atol=5e-5)
    assert metrics["loss"][1] == 3
    positives = 4 if heads.head_source(name).is_tagger else 3  # tokens, spans
    assert metrics["positive_accuracy"][1] == positives


def test_pseudo_labels_weigh_less_and_gold_ones_one():
    config = TrainingConfig(pseudo_weight=0.5)
    weights = _sentence_weights(tf.constant([0.0, 1.0, 0.6]), config)
    np.testing.assert_allclose(weights, [1, 0.5, 0.3])

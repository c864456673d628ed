"""The output layer of masked language modelling, against float64 numpy."""

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.pretraining.masked_lm import (
    MaskedLM,
    is_correct,
    sparse_cross_entropy,
    word_embeddings,
)

RNG = np.random.default_rng(0)


def reference_losses(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    return np.array(
        [
            np.log(np.sum(np.exp(row - row.max()))) + row.max() - row[label]
            for row, label in zip(logits, labels, strict=True)
        ]
    )


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_cross_entropy_is_that_of_numpy(scale):
    logits = (RNG.normal(size=(7, 50)) * scale).astype(np.float32)
    labels = RNG.integers(50, size=7)
    got = sparse_cross_entropy(tf.constant(logits), tf.constant(labels))
    np.testing.assert_allclose(
        got, reference_losses(logits, labels), rtol=1e-5, atol=1e-4
    )


def test_gradient_of_cross_entropy_is_tensorflows():
    logits = tf.Variable(RNG.normal(size=(9, 30)).astype(np.float32))
    labels = tf.constant(RNG.integers(30, size=9), tf.int32)
    weights = tf.constant(RNG.normal(size=9).astype(np.float32))

    def gradient(losses):
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(
                weights * losses(labels=labels, logits=logits)
            )
        return tape.gradient(total, logits)

    np.testing.assert_allclose(
        gradient(sparse_cross_entropy),
        gradient(tf.nn.sparse_softmax_cross_entropy_with_logits),
        atol=1e-6,
    )


def test_logits_are_by_the_embeddings():
    config = tiny.encoder_config(embedding_size=8)
    encoder = build_encoder(config)
    ids = tf.constant(RNG.integers(5, config.vocab_size, size=(3, 6)))
    inputs = {
        "input_word_ids": ids,
        "input_mask": tf.ones_like(ids),
        "input_type_ids": tf.zeros_like(ids),
    }
    vectors = encoder(inputs)["sequence_output"][:, 2]  # [B, H]
    head = MaskedLM.of(config)
    head.build(vectors.shape)
    for variable in head.weights:
        variable.assign(RNG.normal(size=variable.shape))

    logits = head(vectors, word_embeddings(encoder))

    w = {k: v.numpy() for k, v in head.canonical_variables().items()}
    x = vectors.numpy().astype(np.float64) @ w["mlm/dense/kernel"]
    x = x + w["mlm/dense/bias"]
    x = x * np.vectorize(lambda v: 0.5 * (1 + tf.math.erf(v / 2**0.5)))(x)
    x = (x - x.mean(-1, keepdims=True)) / np.sqrt(
        x.var(-1, keepdims=True) + config.layer_norm_eps
    )
    x = x * w["mlm/layer_norm/gamma"] + w["mlm/layer_norm/beta"]
    want = x @ word_embeddings(encoder).numpy().T + w["mlm/output_bias"]
    assert logits.shape == (3, config.vocab_size)
    np.testing.assert_allclose(logits, want, rtol=1e-4, atol=1e-4)


def test_right_is_the_greatest():
    logits = tf.constant([[0.0, 2.0, 1.0], [3.0, 2.0, 1.0]])
    assert is_correct(logits, tf.constant([1, 1])).numpy().tolist() == [
        True,
        False,
    ]

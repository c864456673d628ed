"""The whole model against numpy, and its invariances."""

import numpy as np
import pytest
import tensorflow as tf
import tiny
from numpy_bert import encode

from biaffine_tf.config import Position
from biaffine_tf.heads.span_model import token_counts

IDS = [2, 7, 9, 5, 22, 11, 6, 3]


def _numpy_logits(model, ids, gelu):
    weights = {k: v.numpy() for k, v in model.saved_weights().items()}
    vectors = encode(weights, np.array(ids), num_layers=2, gelu=gelu)[1:-1]
    if model.config.head.position is Position.JOINED:
        table = weights["encoder/position_embedding/embeddings"]
        positions = table[1 : len(vectors) + 1]
        vectors = np.concatenate([vectors, positions], axis=-1)
    sides = []
    for side in ("start", "end"):
        kernel, bias = (
            weights[f"biaffine/{side}/{part}"] for part in ("kernel", "bias")
        )
        projected = vectors @ kernel + bias
        sides.append(
            np.concatenate([projected, np.ones([len(projected), 1])], axis=-1)
        )
    return np.einsum(
        "id,dce,je->ijc", sides[0], weights["biaffine/bilinear"], sides[1]
    )


@pytest.mark.parametrize("position", [Position.NONE, Position.JOINED])
@pytest.mark.parametrize("gelu", ["gelu", "gelu_new"])
def test_equals_an_independent_numpy_forward(position, gelu):
    model = tiny.model(position=position, encoder={"hidden_act": gelu})
    got = model(tf.constant([IDS])).numpy()[0]
    want = _numpy_logits(model, IDS, gelu)
    np.testing.assert_allclose(got, want, atol=2e-4 * np.abs(want).max())


@pytest.mark.parametrize("position", [Position.NONE, Position.JOINED])
def test_same_logits_alone_in_a_batch_and_in_a_longer_bucket(position):
    model = tiny.model(position=position)
    rng = np.random.default_rng(0)
    rows = [
        [2, *rng.integers(5, 25, size=length).tolist(), 3]
        for length in (1, 4, 9, 20)
    ]
    width = 30
    batch = np.zeros([len(rows), width], np.int32)
    for row, ids in zip(batch, rows, strict=True):
        row[: len(ids)] = ids
    together = model(tf.constant(batch)).numpy()
    for index, ids in enumerate(rows):
        alone = model(tf.constant([ids])).numpy()[0]
        tokens = len(ids) - 2
        np.testing.assert_allclose(
            together[index, :tokens, :tokens], alone, atol=1e-4
        )


@pytest.mark.parametrize("position", [Position.NONE, Position.JOINED])
def test_encode_gives_what_the_head_reads(position):
    model = tiny.model(position=position)
    vectors = model.encode(tf.constant([IDS]), training=False)
    assert vectors.shape == [1, len(IDS) - 2, model.vector_size]
    np.testing.assert_array_equal(
        model.head(vectors), model(tf.constant([IDS]))
    )


def test_a_model_of_bounded_width_gives_the_band():
    full, band = tiny.model(), tiny.model(max_span_width=3)
    ids = tf.constant([IDS])
    want, got = full(ids).numpy(), band(ids).numpy()
    assert got.shape == (1, 6, 3, 4)
    for first in range(6):
        for last in range(first, min(first + 3, 6)):
            np.testing.assert_allclose(
                got[0, first, last - first], want[0, first, last], atol=1e-4
            )


def test_token_counts():
    ids = tf.constant([[2, 9, 9, 3, 0], [2, 3, 0, 0, 0]])
    assert token_counts(ids).numpy().tolist() == [2, 0]


def test_the_head_does_not_move_joined_positions():
    model = tiny.model(position=Position.JOINED)
    table = model.saved_weights()["encoder/position_embedding/embeddings"]
    with tf.GradientTape() as tape:
        joined = model._join_positions(tf.zeros([1, 6, 16]))
        value = tf.reduce_sum(joined**2)
    assert tape.gradient(value, table) is None
    np.testing.assert_array_equal(joined[0, :, 16:], table[1:7])


def test_pooler_is_neither_trained_nor_saved():
    model = tiny.model()
    assert not any("pooler" in w.name for w in model.trainable_variables)
    assert not any("pooler" in name for name in model.saved_weights())
    assert len(model.saved_weights()) == len(model.trainable_variables)

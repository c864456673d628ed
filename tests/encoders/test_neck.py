"""The layers between encoder and head, and their dropout."""

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.config import LayerMix, Precision
from biaffine_tf.encoders.neck import Neck

RNG = np.random.default_rng(0)
ROWS = [
    [2, *RNG.integers(5, 25, size=length).tolist(), 3]
    for length in (1, 4, 9, 20)
]


@pytest.mark.parametrize("mix", list(LayerMix))
def test_mixes_of_layers(mix):
    layers = [tf.constant(RNG.normal(size=[2, 3, 4])) for _ in range(4)]
    layers = [tf.cast(x, tf.float32) for x in layers]
    neck = Neck(layer_mix=mix)
    neck(layers, tf.constant([3, 2]))
    shares = np.exp([0.3, -1.0, 0.0, 2.0])
    shares /= shares.sum()
    if mix is LayerMix.LEARNED:
        want = sum(x / 4 for x in layers)  # at first all weigh the same
        np.testing.assert_allclose(neck(layers, None), want, rtol=1e-5)
        neck.mix.assign([0.3, -1.0, 0.0, 2.0])
        neck.gamma.assign([1.7])
    want = {
        LayerMix.LAST: layers[3],
        LayerMix.FIRST_LAST: (layers[1] + layers[3]) / 2,
        LayerMix.LEARNED: 1.7
        * sum(s * x.numpy() for s, x in zip(shares, layers, strict=True)),
    }[mix]
    np.testing.assert_allclose(neck(layers, None), want, rtol=1e-5, atol=1e-6)


def _padded(rows, width):
    batch = np.zeros([len(rows), width], np.int32)
    for row, ids in zip(batch, rows, strict=True):
        row[: len(ids)] = ids
    return tf.constant(batch)


@pytest.mark.parametrize("mix", list(LayerMix))
def test_the_model_does_not_see_padding(mix):
    model = tiny.model(layer_mix=mix, lstm_size=3)
    vectors = model.encode(_padded(ROWS, 30), training=False)
    assert vectors.shape[-1] == model.vector_size == 6
    for row, ids in zip(vectors, ROWS, strict=True):
        alone = model.encode(tf.constant([ids]), training=False)[0]
        np.testing.assert_allclose(row[: len(alone)], alone, atol=1e-4)


def test_layers_are_those_of_shallower_encoders():
    """The vectors of layer 1 are those of an encoder with one layer."""
    deep, flat = tiny.model(), tiny.model(encoder={"num_hidden_layers": 1})
    for name, weight in flat.saved_weights().items():
        weight.assign(deep.saved_weights()[name])
    ids = _padded(ROWS, 22)
    inputs = {
        "input_word_ids": ids,
        "input_mask": tf.cast(ids > 0, tf.int32),
        "input_type_ids": tf.zeros_like(ids),
    }
    embedded, first, last = deep.encoder(inputs, every_layer=True)["layers"]
    np.testing.assert_allclose(
        first, flat.encoder(inputs)["sequence_output"], atol=1e-5
    )
    np.testing.assert_array_equal(last, deep.encoder(inputs)["sequence_output"])
    assert embedded.shape == last.shape


def test_prediction_in_lower_precision_is_close():
    model = tiny.model(layer_mix=LayerMix.LEARNED, lstm_size=4)
    ids = tf.constant([ROWS[2]])
    want = model.encode(ids, training=False)
    with model.computing_in(Precision.BFLOAT16):
        got = model.encode(ids, training=False)
    assert got.dtype == tf.float32 and (got != want).numpy().any()
    np.testing.assert_allclose(got, want, atol=0.1)


def test_gradients_with_checkpointing_are_the_same():
    found = []
    for checkpointing in (False, True):
        model = tiny.model(layer_mix=LayerMix.LEARNED, lstm_size=3, dropout=0.0)
        model.encoder.gradient_checkpointing = checkpointing
        model.encoder._generator.reset_from_seed(1)
        weights = model.saved_weights()
        with tf.GradientTape() as tape:
            vectors = model.encode(_padded(ROWS, 22), training=True)
            value = tf.reduce_sum(tf.sin(vectors))
        slopes = tape.gradient(value, weights)
        found.append([s for n, s in slopes.items() if not n.startswith("bia")])
    for one, other in zip(*found, strict=True):
        one, other = map(tf.convert_to_tensor, (one, other))
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


def test_embedding_dropout_zeroes_words_at_all_their_places():
    model = tiny.model(
        embedding_dropout=0.4,
        encoder={
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
        },
    )
    ids = RNG.integers(5, 15, size=[400, 12])
    factors = model.encoder._kept_words(
        tf.constant(ids), tf.constant([3, 7])
    ).numpy()[..., 0]
    np.testing.assert_allclose(np.unique(factors), [0, 1 / 0.6], rtol=1e-3)
    for row, own in zip(ids, factors, strict=True):
        for word in set(row):
            assert len(set(own[row == word])) == 1
    assert abs((factors == 0).mean() - 0.4) < 0.05
    zeroed = {w: (factors[ids == w] == 0).mean() for w in range(5, 15)}
    assert min(zeroed.values()) > 0 and max(zeroed.values()) < 1
    # In training they are the factors of the words of the table.
    ids, generator = tf.constant(ids[:5]), model.encoder._generator
    generator.reset_from_seed(5)
    kept = model.encoder._kept_words(ids, generator.make_seeds()[:, 0])
    words = tf.gather(model.encoder.embeddings[0].embeddings, ids)
    want = model.encode(ids, training=False, word_offsets=words * (kept - 1))
    generator.reset_from_seed(5)
    got = model.encode(ids, training=True)
    np.testing.assert_allclose(got, want, atol=1e-4)
    assert (got != model.encode(ids, training=False)).numpy().any()


def test_spatial_dropout_zeroes_features_of_sentences():
    neck = Neck(spatial_dropout=0.5)
    ones = tf.ones([6, 9, 64])
    got = neck([ones], tf.fill([6], 9), training=True).numpy()
    np.testing.assert_array_equal(got, got[:, :1].repeat(9, axis=1))
    assert set(np.unique(got)) == {0, 2}
    assert 0.3 < (got == 0).mean() < 0.7
    assert (got[0, 0] != got[1, 0]).any()
    np.testing.assert_array_equal(neck([ones], None), ones)


def test_a_plain_model_has_no_neck():
    assert tiny.model().neck is None
    assert not any(n.startswith("neck") for n in tiny.model().saved_weights())
    named = tiny.model(layer_mix="learned", lstm_size=2).saved_weights()
    assert {n for n in named if n.startswith("neck")} == {
        "neck/mix/weights",
        "neck/mix/gamma",
        *(
            f"neck/lstm/{direction}/{part}"
            for direction in ("forward", "backward")
            for part in ("kernel", "bias")
        ),
    }

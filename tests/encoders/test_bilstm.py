"""The BiLSTM encoder against numpy, and its invariances."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny
from numpy_lstm import lstm

from biaffine_tf.commands.scratch import initialization_from_scratch
from biaffine_tf.config import (
    AnyEncoderConfig,
    BilstmConfig,
    EncoderConfig,
    Position,
)
from biaffine_tf.encoders.encoder import build_any_encoder
from biaffine_tf.errors import ConfigError

ENCODER = {
    "kind": "bilstm",
    "num_hidden_layers": 2,
    "ngram_size": 5,
    "num_ngram_rows": 89,
}
IDS = [2, 7, 9, 5, 22, 11, 6, 3]


def _encode(weights, ids, config):
    """The encoder on a sentence, in loops."""
    tokens, pairs = (
        weights[f"encoder/{table}_embeddings/embeddings"].astype(float)
        for table in ("token", "bigram")
    )
    rows, factor = config.num_bigram_rows, config.pair_factor
    padded = [0, *ids, 0]
    x = []
    for place, token in enumerate(ids, start=1):
        before = padded[place - 1] * factor + token
        behind = token * factor + padded[place + 1]
        x.append([*tokens[token], *pairs[before % rows], *pairs[behind % rows]])
    x = np.array(x)
    for number in range(2):
        name = f"encoder/bilstm/layer_{number}"
        (k1, b1), (k2, b2) = (
            (weights[f"{name}/{way}/kernel"], weights[f"{name}/{way}/bias"])
            for way in ("forward", "backward")
        )
        x = np.concatenate(
            [lstm(x, k1, b1), lstm(x[::-1], k2, b2)[::-1]], axis=1
        )
    x = x - x.mean(axis=1, keepdims=True)
    x = x / np.sqrt((x**2).mean(axis=1, keepdims=True) + config.layer_norm_eps)
    gamma, beta = (
        weights[f"encoder/bilstm/layer_norm/{n}"] for n in ("gamma", "beta")
    )
    return x * gamma + beta + _ngrams(weights, ids, config)


def _ngrams(weights, ids, config):
    """The mapped sum of the n-grams around each token."""
    table, kernel = (
        weights[f"encoder/{name}"].astype(float)
        for name in ("ngram_embeddings/embeddings", "ngram_map/kernel")
    )
    padded, sums = [0, 0, *ids, 0, 0], np.zeros([len(ids), table.shape[1]])
    windows = [(n, k) for n in (1, 2, 3) for k in range(6 - n)]
    for place in range(len(ids)):
        for site, (size, begin) in enumerate(windows):
            key = 0
            for token in padded[place + begin :][:size]:
                key = (key + token + 1) * config.ngram_factor
                key %= config.num_ngram_rows
            key += site * config.num_ngram_rows // len(windows)
            sums[place] += table[key % config.num_ngram_rows]
    return sums @ kernel


def test_equals_loops_in_numpy():
    model = tiny.model(encoder=ENCODER)
    weights = {k: v.numpy() for k, v in model.saved_weights().items()}
    want = _encode(weights, IDS, model.config.encoder)[1:-1]
    got = model.encode(tf.constant([IDS])).numpy()[0]
    np.testing.assert_allclose(got, want, atol=1e-4)


def test_padding_changes_nothing():
    model = tiny.model(encoder=ENCODER)
    rng = np.random.default_rng(0)
    rows = [[2, *rng.integers(5, 25, size=n), 3] for n in (1, 4, 9, 20)]
    batch = np.zeros([len(rows) + 1, 30], np.int32)  # the last is empty
    for row, ids in zip(batch, rows, strict=False):
        row[: len(ids)] = ids
    together = model.encode(tf.constant(batch)).numpy()
    for got, ids in zip(together, rows, strict=False):
        alone = model.encode(tf.constant([ids], tf.int32)).numpy()[0]
        np.testing.assert_allclose(got[: len(alone)], alone, atol=1e-5)
        assert not got[len(ids) - 1 :].any()
    assert not together[-1].any()


def test_frequent_pairs_have_rows_of_their_own():
    """Rows of all pairs of the 100 most frequent tokens."""
    config = BilstmConfig(vocab_size=9)
    rows, factor = config.num_bigram_rows, config.pair_factor
    first, second = np.divmod(np.arange(100 * 100), 100)
    taken = np.bincount((first * factor + second) % rows, minlength=rows)
    assert taken.max() == 1


def test_ngrams_are_read_where_there_are_many_sentences():
    few, many = (
        initialization_from_scratch(["天地ab"] * count)
        for count in (4_999, 5_000)
    )
    assert few.config.ngram_size == 0 and "without n-grams" in few.origins
    assert many.config.ngram_size > 0 and "with n-grams" in many.origins
    assert many.config.num_ngram_rows >= 5_000 * 4 * 12


@pytest.mark.slow
def test_dropout_is_of_training_and_seeded():
    def outputs(training):
        tf_keras.utils.set_random_seed(3)
        encoder = build_any_encoder(
            tiny.encoder_config(**ENCODER, token_dropout=0.3)
        )
        inputs = {
            "input_word_ids": tf.constant([IDS]),
            "input_mask": tf.ones([1, len(IDS)], tf.int32),
        }
        return [
            encoder(inputs, training=training)["sequence_output"].numpy()
            for _ in range(2)
        ]

    one, other = outputs(True)
    assert (one != other).any()
    np.testing.assert_array_equal([one, other], outputs(True))
    one, other = outputs(False)
    np.testing.assert_array_equal(one, other)


def test_directions_and_layers_start_differently():
    encoder = build_any_encoder(tiny.encoder_config(**ENCODER))
    encoder.build(None)
    kernels = {
        w.name.removesuffix("/kernel:0"): w.numpy()
        for w in encoder.weights
        if "kernel" in w.name
    }
    for number in range(2):
        forward, backward = (
            kernels[f"bilstm/layer_{number}/{way}"]
            for way in ("forward", "backward")
        )
        assert (forward != backward).any()


def test_config_is_stored_by_kind():
    config = tiny.encoder_config(**ENCODER)
    again = AnyEncoderConfig.from_dict(config.to_dict())
    assert again == config
    bert = tiny.encoder_config()
    assert "kind" not in bert.to_dict()
    assert AnyEncoderConfig.from_dict(bert.to_dict()) == bert
    assert isinstance(bert, EncoderConfig)
    with pytest.raises(ConfigError, match="'rnn' is no kind of encoder"):
        AnyEncoderConfig.from_dict({"kind": "rnn"})


def test_it_has_no_positions():
    with pytest.raises(ConfigError, match="--position is joined, but"):
        tiny.model_config(encoder=ENCODER, position=Position.JOINED)


def test_a_neck_reads_its_vectors():
    model = tiny.model(
        encoder={"kind": "bilstm"}, lstm_size=3, spatial_dropout=0.2
    )
    ids = tf.constant([[2, 6, 7, 9, 3], [2, 8, 3, 0, 0]])
    vectors = model.encode(ids, training=False)
    assert vectors.shape == [2, 3, 6]
    alone = model.encode(ids[1:, :3], training=False)
    np.testing.assert_allclose(vectors[1:, :1], alone, atol=1e-6)

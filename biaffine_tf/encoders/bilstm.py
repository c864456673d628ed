"""Encoder that is good without pretraining: n-grams and BiLSTM layers."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config.bilstm import (
    NGRAM_REACH,
    NGRAM_SIZES,
    ngram_shifts,
    ngram_sites,
)
from biaffine_tf.encoders.fused_ops import dropout, layer_norm
from biaffine_tf.encoders.lstm import BiLstm

_FIRST_SITE = 3  # dropouts of tokens, pairs and embeddings come before
_NGRAM_SITE = 1_000  # behind those of all layers


@tf_keras.utils.register_keras_serializable(package="biaffine_tf")
class BilstmEncoder(tf_keras.layers.Layer):
    """Embeddings of tokens and of both their pairs, and BiLSTM layers.

    A token is read as its own embedding beside those of the pairs that it
    forms with the token before and the one behind it; pairs share
    `num_bigram_rows` embeddings by hash. To the output of the layers is added
    a linear map of the sum of embeddings of the n-grams around a token: single
    tokens, pairs and triples up to two tokens away, each by its place, as a
    linear-chain CRF has features. Padding does not change the vectors. The
    output is float32 under every policy.

    Args:
        vocab_size: Number of tokens.
        embedding_size: Width of the embeddings of tokens.
        bigram_size: Width of the embeddings of pairs.
        num_bigram_rows: Number of embeddings of pairs.
        pair_factor: Factor of the first id in the hash of a pair.
        ngram_size: Width of the embeddings of n-grams; 0 for none.
        num_ngram_rows: Number of embeddings of n-grams.
        ngram_factor: Factor of each id in the hash of an n-gram.
        hidden_size: Width of the output, half of it for each direction.
        num_layers: Number of BiLSTM layers.
        token_dropout: Fraction of tokens and pairs without an embedding.
        ngram_dropout: Fraction of n-grams without an embedding.
        input_dropout: Dropout of the embeddings.
        hidden_dropout: Dropout behind each layer.
        norm_epsilon: Epsilon of the layer norm of the output.
        initializer: Initializer of kernels and embeddings; None for Glorot's
            kernels and embeddings that are uniform in [-0.5, 0.5].
        **kwargs: Keras layer arguments.

    References:
        Lample et al. 2016 (https://arxiv.org/abs/1603.01360), Yang et al. 2017
        for the pairs (https://arxiv.org/abs/1708.07279).
    """

    # Settings of BERT encoders, which this one lacks.
    gradient_checkpointing = False
    xla = False

    def __init__(
        self,
        *,
        vocab_size: int,
        embedding_size: int,
        bigram_size: int,
        num_bigram_rows: int,
        pair_factor: int,
        hidden_size: int,
        num_layers: int,
        ngram_size: int = 0,
        num_ngram_rows: int = 1,
        ngram_factor: int = 1,
        token_dropout: float = 0.0,
        ngram_dropout: float = 0.0,
        input_dropout: float = 0.0,
        hidden_dropout: float = 0.0,
        norm_epsilon: float = 1e-6,
        initializer: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**{**kwargs, "dtype": "float32"})
        self.vocab_size = vocab_size
        self.embedding_size = embedding_size
        self.bigram_size = bigram_size
        self.num_bigram_rows = num_bigram_rows
        self.pair_factor = pair_factor
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.ngram_size = ngram_size
        self.num_ngram_rows = num_ngram_rows
        self.ngram_factor = ngram_factor
        self.token_dropout = token_dropout
        self.ngram_dropout = ngram_dropout
        self.input_dropout = input_dropout
        self.hidden_dropout = hidden_dropout
        self.norm_epsilon = norm_epsilon
        self.initializer = tf_keras.initializers.get(initializer)
        self._layers = [
            BiLstm(hidden_size // 2, initializer, name=f"bilstm/layer_{k}")
            for k in range(num_layers)
        ]
        # Also seeded by tf_keras.utils.set_random_seed.
        self._generator = tf.random.Generator.from_seed(random.randrange(2**31))

    def get_config(self) -> dict[str, Any]:
        """Returns the constructor's arguments."""
        serialize = tf_keras.initializers.serialize
        return {
            **super().get_config(),
            "vocab_size": self.vocab_size,
            "embedding_size": self.embedding_size,
            "bigram_size": self.bigram_size,
            "num_bigram_rows": self.num_bigram_rows,
            "pair_factor": self.pair_factor,
            "hidden_size": self.hidden_size,
            "num_layers": self.num_layers,
            "ngram_size": self.ngram_size,
            "num_ngram_rows": self.num_ngram_rows,
            "ngram_factor": self.ngram_factor,
            "token_dropout": self.token_dropout,
            "ngram_dropout": self.ngram_dropout,
            "input_dropout": self.input_dropout,
            "hidden_dropout": self.hidden_dropout,
            "norm_epsilon": self.norm_epsilon,
            "initializer": self.initializer and serialize(self.initializer),
        }

    @contextlib.contextmanager
    def computing_in(self, dtype: str) -> Iterator[None]:
        """Changes nothing: this encoder computes in float32."""
        del dtype
        yield

    def build(self, input_shape: Any) -> None:
        """Creates all weights."""
        del input_shape
        uniform = tf_keras.initializers.RandomUniform
        self._tokens = self.add_weight(
            name="token_embeddings/embeddings",
            shape=[self.vocab_size, self.embedding_size],
            initializer=self.initializer or uniform(-0.5, 0.5),
        )
        self._pairs = self.add_weight(
            name="bigram_embeddings/embeddings",
            shape=[self.num_bigram_rows, self.bigram_size],
            initializer=self.initializer or uniform(-0.5, 0.5),
        )
        if self.ngram_size:
            self._ngrams = self.add_weight(
                name="ngram_embeddings/embeddings",
                shape=[self.num_ngram_rows, self.ngram_size],
                initializer=self.initializer or "zeros",
            )
            self._ngram_kernel = self.add_weight(
                name="ngram_map/kernel",
                shape=[self.ngram_size, self.hidden_size],
                initializer=self.initializer or "glorot_uniform",
            )
        width = self.embedding_size + 2 * self.bigram_size
        for layer in self._layers:
            with tf.name_scope(layer.name):
                layer.build([None, None, width])
            width = self.hidden_size
        self._gamma, self._beta = (
            self.add_weight(
                name=f"bilstm/layer_norm/{name}",
                shape=[self.hidden_size],
                initializer=start,
            )
            for name, start in (("gamma", "ones"), ("beta", "zeros"))
        )
        super().build(None)

    def call(
        self,
        inputs: dict[str, tf.Tensor],
        training: bool | tf.Tensor | None = None,
    ) -> dict[str, tf.Tensor]:
        """Encodes a batch.

        Args:
            inputs: `input_word_ids` and `input_mask`, each int `[B, L]`.
            training: Whether to apply dropout; a Python value.

        Returns:
            `sequence_output`: float32 `[B, L, H]`, zeros at padding.
        """
        seed = self._generator.make_seeds()[:, 0] if training else None
        mask = tf.cast(inputs["input_mask"], tf.int32)
        ids = tf.cast(inputs["input_word_ids"], tf.int32) * mask
        x = self._embed(ids, seed)
        lengths = tf.reduce_sum(mask, axis=1)
        x = tf.transpose(x, [1, 0, 2])  # [L, B, E]
        for number, layer in enumerate(self._layers):
            x = layer(x, lengths)
            if number == self.num_layers - 1:
                x = layer_norm(
                    x,
                    self._gamma,
                    self._beta,
                    epsilon=self.norm_epsilon,
                    training=seed is not None,
                )
            x = _dropout(x, self.hidden_dropout, seed, _FIRST_SITE + number)
        x = tf.transpose(x, [1, 0, 2])
        if self.ngram_size:
            x += self._map_ngrams(ids, seed)
        x *= tf.cast(mask, tf.float32)[..., None]
        x = tf.ensure_shape(x, [*ids.shape, self.hidden_size])
        return {"sequence_output": x}

    def _embed(self, ids: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Looks up a token and its two pairs, `[B, L, E]`."""
        padded = tf.pad(ids, [[0, 0], [1, 1]])
        rows = tf.cast(padded, tf.int64)
        rows = rows[:, :-1] * self.pair_factor + rows[:, 1:]
        rows %= self.num_bigram_rows
        tokens = tf.gather(self._tokens, ids)
        pairs = tf.gather(self._pairs, rows)  # [B, L + 1, E]
        if seed is not None and self.token_dropout:
            tokens = self._drop_rows(tokens, seed, 0)
            pairs = self._drop_rows(pairs, seed, 1)
        x = tf.concat([tokens, pairs[:, :-1], pairs[:, 1:]], axis=-1)
        return _dropout(x, self.input_dropout, seed, 2)

    def _map_ngrams(self, ids: tf.Tensor, seed: tf.Tensor | None) -> tf.Tensor:
        """Sums and maps the n-grams around each token, `[B, L, H]`."""
        ngrams = tf.gather(self._ngrams, self._ngram_rows(ids))
        if seed is not None and self.ngram_dropout:
            ones = tf.ones_like(ngrams[..., :1])
            ngrams *= _dropout(ones, self.ngram_dropout, seed, _NGRAM_SITE)
        return tf.matmul(tf.reduce_sum(ngrams, axis=2), self._ngram_kernel)

    def _ngram_rows(self, ids: tf.Tensor) -> tf.Tensor:
        """Hashes the n-grams around each token, int64 `[B, L, N]`."""
        length, rows = tf.shape(ids)[1], self.num_ngram_rows
        pads = [NGRAM_REACH, NGRAM_REACH]
        tokens = tf.cast(tf.pad(ids, [[0, 0], pads]), tf.int64) + 1
        keys = tf.zeros_like(tokens)  # of what begins at each token
        keys_of = {}
        for size in NGRAM_SIZES:
            last = tokens[:, size - 1 :]
            keys = (keys[:, : tf.shape(last)[1]] + last) * self.ngram_factor
            keys %= rows
            keys_of[size] = keys
        found = [
            keys_of[size][:, begin : begin + length]
            for size, begin in ngram_sites()
        ]
        shifts = tf.constant(ngram_shifts(rows), tf.int64)
        return (tf.stack(found, axis=2) + shifts) % rows

    def _drop_rows(self, x: tf.Tensor, seed: tf.Tensor, site: int) -> tf.Tensor:
        ones = tf.ones_like(x[..., :1])
        return x * tf.cast(
            _dropout(ones, self.token_dropout, seed, site) > 0, x.dtype
        )


def _dropout(
    x: tf.Tensor, rate: float, seed: tf.Tensor | None, site: int
) -> tf.Tensor:
    if seed is None:
        return x
    return dropout(x, rate, seed=seed + tf.constant([0, site], seed.dtype))

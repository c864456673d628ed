"""Encoder and biaffine head as one model from piece ids to logits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import ModelConfig, Position, Precision
from biaffine_tf.encoders.encoder import (
    build_encoder,
    position_embeddings,
)
from biaffine_tf.heads.biaffine.layer import Biaffine


class SpanModel(tf_keras.Model):
    """From `[CLS] pieces [SEP]` to a logit for every span and label.

    Input: `input_ids`, int32 `[B, L + 2]`, padded at the end with `pad_id`;
    0-padding of any length gives the same logits. Ids of context, which the
    encoder alone sees, are negative (see `tokenization.context`); L is then
    that of the longest sentence without its context.
    Output: logits `[B, L, L, C]` over the L pieces, [CLS] and [SEP] apart; row
    = first piece, column = last piece, class 0 = none. With a
    `max_span_width`, the band `[B, L, W, C]`; see `Biaffine`. Only pairs of
    `blocks.pair_mask` mean anything. Training and prediction do not make this
    tensor: they take `encode` and walk over blocks of it.

    Args:
        config: Encoder, head and tokenizer settings.
        num_classes: C, "none" included.
        pad_id: Id of the padding piece.
        random_weights: Whether weights are drawn. If not, they are zeros to be
            loaded into: sooner, and TensorFlow keeps something of each draw.
        **kwargs: Keras model arguments.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        num_classes: int,
        pad_id: int = 0,
        random_weights: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        initializer = None if random_weights else tf_keras.initializers.Zeros()
        self.config = config
        self.num_classes = num_classes
        self.pad_id = pad_id
        self.encoder = build_encoder(config.encoder, initializer=initializer)
        self.biaffine = Biaffine(
            num_classes,
            projection_size=config.head.projection_size,
            dropout=config.head.dropout,
            max_span_width=config.head.max_span_width,
            kernel_initializer=initializer,
            name="biaffine",
        )

    def call(
        self, inputs: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Logits `[B, L, L or W, C]` of `input_ids` `[B, L + 2]`."""
        vectors = self.encode(inputs, training=training)
        return self.biaffine(vectors, training=training)

    @property
    def vector_size(self) -> int:
        """Size of the vectors that the head reads."""
        encoder = self.config.encoder
        joined = self.config.head.position is Position.JOINED
        return encoder.hidden_size + joined * encoder.embedding_width

    @contextlib.contextmanager
    def computing_in(self, precision: Precision) -> Iterator[None]:
        """Traces the model in this precision, whatever its own is.

        Of `encode` and `biaffine.project`; the weights are float32 under each.
        """
        policy = tf_keras.mixed_precision.Policy(str(precision))
        with (
            self.encoder.computing_in(policy.compute_dtype),
            self.biaffine.computing_in(policy),
        ):
            yield

    def encode(
        self, input_ids: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """What the head reads: a vector for each piece.

        Args:
            input_ids: int32 `[B, L + 2]`.
            training: Whether dropout is on.

        Returns:
            `[B, L, vector_size]`: the encoder's vectors, joined by those of
            their positions if the settings say so.
        """
        has_context = self.config.context_pieces > 0
        word_ids = input_ids
        if has_context:
            word_ids = tf.where(input_ids < 0, -1 - input_ids, input_ids)
        encoded = self.encoder(
            {
                "input_word_ids": word_ids,
                "input_mask": tf.cast(input_ids != self.pad_id, tf.int32),
                "input_type_ids": tf.zeros_like(input_ids),
            },
            training=training,
        )
        vectors = encoded["sequence_output"][:, 1:-1]  # [B, L, H]
        if self.config.head.position is Position.JOINED:
            vectors = self._join_positions(vectors)  # [B, L, H + E]
        if has_context:
            vectors = self._without_context(vectors, input_ids)
        return vectors

    def _without_context(
        self, vectors: tf.Tensor, input_ids: tf.Tensor
    ) -> tf.Tensor:
        """The vectors of the sentences, from the first place on."""
        is_inner = tf.cast(input_ids[:, 1:-1] >= 0, tf.int32)
        begins = tf.argmax(is_inner, axis=1, output_type=tf.int32)  # [B]
        longest = tf.reduce_max(piece_counts(input_ids, pad_id=self.pad_id))
        longest = tf.maximum(longest, 1)  # also of nothing but padding
        places = begins[:, None] + tf.range(longest)  # [B, L]
        places = tf.minimum(places, tf.shape(vectors)[1] - 1)
        return tf.gather(vectors, places, batch_dims=1)

    def _join_positions(self, vectors: tf.Tensor) -> tf.Tensor:
        length = tf.shape(vectors)[1]
        table = position_embeddings(self.encoder)
        # As in the ancestor, positions inform the head but are not moved by it.
        table = tf.stop_gradient(tf.cast(table, vectors.dtype))
        table = table[None, 1 : length + 1]  # [1, L, E]; 0 is [CLS]
        joined = tf.concat(
            [vectors, tf.repeat(table, tf.shape(vectors)[0], axis=0)], axis=-1
        )
        return tf.ensure_shape(joined, [*vectors.shape[:2], self.vector_size])

    def build_weights(self) -> None:
        """Creates all weights by a forward pass on a tiny batch."""
        self(tf.zeros([1, 3], tf.int32), training=False)

    def saved_weights(self) -> dict[str, tf.Variable]:
        """The weights worth keeping, by name.

        The unused pooler and the states of random generators are not.
        """
        return {
            weight.name.removeprefix(f"{self.name}/").removesuffix(":0"): weight
            for weight in self.weights
            if weight.dtype.is_floating
            and "pooler_transform" not in weight.name
        }


def piece_counts(input_ids: tf.Tensor, *, pad_id: int = 0) -> tf.Tensor:
    """Number of pieces of each sentence, `[B]`, of `input_ids` `[B, L + 2]`.

    Those of its context, which are negative, do not count.
    """
    is_real = (input_ids != pad_id) & (input_ids >= 0)
    return tf.reduce_sum(tf.cast(is_real, tf.int32), axis=1) - 2

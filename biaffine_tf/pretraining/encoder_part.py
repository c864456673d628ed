"""Encoders in pretraining, and what the objectives have in common."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

from biaffine_tf.config import EncoderConfig, PretrainingConfig
from biaffine_tf.encoders.checkpoints import encoder_variables
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.encoders.fused_encoder import FusedBertEncoder
from biaffine_tf.pretraining.electra import ReplacedTokenDetection
from biaffine_tf.pretraining.masked_lm import (
    MaskedLM,
    is_correct,
    sparse_cross_entropy,
    word_embeddings,
)
from biaffine_tf.training.objective import Batch, Metrics

Head = MaskedLM | ReplacedTokenDetection


class EncoderPart(tf.Module):
    """An encoder, maybe with an output layer, with all weights created.

    Args:
        config: Config of the encoder.
        encoder: Encoder, not built.
        head: Output layer, not built; None for none.
        pad_id: Id of the padding token.
    """

    def __init__(
        self,
        config: EncoderConfig,
        encoder: FusedBertEncoder,
        head: Head | None,
        *,
        pad_id: int,
    ) -> None:
        super().__init__()
        self.config = config
        self.head = head
        self.encoder = encoder
        self._pad_id = pad_id
        ids = tf.ones([1, 1], tf.int32)
        vectors = self.encode(ids, ids, training=False)
        if head is not None:
            head.build(vectors.shape)

    def encode(
        self,
        input_ids: tf.Tensor,
        original_ids: tf.Tensor,
        *,
        training: bool,
        positions: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Encodes a batch.

        Args:
            input_ids: Ids with masks or samples, int32 `[B, L]`.
            original_ids: Unmasked ids, int32 `[B, L]`, which tell the padding:
                a sampled token may be [PAD] as well.
            training: Whether to apply dropout.
            positions: Positions to return, int32 `[B, P]`; None for all.

        Returns:
            float32 `[B, L, H]`, or `[B, P, H]`.
        """
        inputs = {
            "input_word_ids": input_ids,
            "input_mask": tf.cast(original_ids != self._pad_id, tf.int32),
            "input_type_ids": tf.zeros_like(input_ids),
        }
        encoded = self.encoder(inputs, training=training, positions=positions)
        return encoded["sequence_output"]

    def masked_logits(self, batch: Batch, *, training: bool) -> tf.Tensor:
        """Returns logits `[B * P, V]` of the masked positions."""
        return self.token_logits(
            self.encode(
                batch["input_ids"],
                batch["original_ids"],
                training=training,
                positions=batch["positions"],
            )
        )

    def token_logits(self, vectors: tf.Tensor) -> tf.Tensor:
        """Returns logits `[B * P, V]` of vectors `[B, P, H]`."""
        assert isinstance(self.head, MaskedLM)
        vectors = tf.reshape(vectors, [-1, vectors.shape[-1]])
        return self.head(vectors, word_embeddings(self.encoder))

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """Weights of encoder and output layer, without the pooler."""
        head = self.head.trainable_variables if self.head else []
        return [*self.encoder.trainable_variables, *head]

    def variables_by_name(self) -> dict[str, tf.Variable]:
        """Returns all weights by their names in checkpoints."""
        head = self.head.canonical_variables() if self.head else {}
        return {**encoder_variables(self.encoder), **head}


class PretrainingObjective(tf.Module):
    """An encoder with an output layer, and a generator in ELECTRA.

    Args:
        encoder_part: Encoder to train.
        generator_part: Generator; None if there is none.
        pad_id: Id of the padding token.
    """

    metric_names: tuple[str, ...]
    losses: dict[str, float]
    unit = "tokens"

    def __init__(
        self,
        encoder_part: EncoderPart,
        generator_part: EncoderPart | None = None,
        *,
        pad_id: int,
    ) -> None:
        super().__init__()
        self.encoder_part = encoder_part
        self.generator_part = generator_part
        self._pad_id = pad_id

    def trained_weights(self) -> dict[str, tf.Variable]:
        """Returns the weights of all parts; encoders may share embeddings."""
        parts = [self.encoder_part, self.generator_part]
        return {
            variable.name.removesuffix(":0"): variable
            for part in parts
            if part
            for variable in part.trainable_variables
        }

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Computes initial values from the first training batches."""

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the metrics of a batch.

        Args:
            batch: `input_ids` and `original_ids` int32 `[B, L]`, `positions`
                and `labels` int32 `[B, P]`, `weights` float32 `[B, P]`; see
                `batches.epoch_batches`.
            training: Whether to apply dropout.
            seed: Random seed, int32 `[2]`.
        """
        raise NotImplementedError

    def count(self, batch: Batch) -> tf.Tensor:
        """Counts the tokens, without padding."""
        real = tf.cast(batch["original_ids"] != self._pad_id, tf.float32)
        return tf.reduce_sum(real)


def build_encoder_of(
    encoder: EncoderConfig, run: PretrainingConfig, **options: Any
) -> FusedBertEncoder:
    """Builds an encoder with settings of the run that are not stored in it."""
    if run.dropout is not None:
        encoder = dataclasses.replace(
            encoder,
            hidden_dropout_prob=run.dropout,
            attention_probs_dropout_prob=run.dropout,
        )
    return build_encoder(
        encoder,
        gradient_checkpointing=run.gradient_checkpointing,
        xla=run.xla,
        **options,
    )


def masked_metrics(logits: tf.Tensor, batch: Batch, name: str) -> Metrics:
    """Computes cross-entropy and accuracy at the masked positions.

    Args:
        logits: float32 `[B * P, V]`.
        batch: Batch with `labels` and `weights`.
        name: Beginning of the metrics' names.
    """
    labels = tf.reshape(batch["labels"], [-1])
    weights = tf.reshape(batch["weights"], [-1])
    count = tf.reduce_sum(weights)
    losses = sparse_cross_entropy(logits, labels)
    correct = tf.cast(is_correct(logits, labels), tf.float32)
    return {
        f"{name}_loss": (tf.reduce_sum(losses * weights), count),
        f"{name}_accuracy": (tf.reduce_sum(correct * weights), count),
    }

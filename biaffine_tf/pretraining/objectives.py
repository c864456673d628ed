"""Pretraining objectives: masked language modelling and ELECTRA.

Their batches come from `batches.epoch_batches`.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import tensorflow as tf

from biaffine_tf.config import (
    EncoderConfig,
    Objective,
    PretrainingConfig,
    generator_config,
)
from biaffine_tf.encoders.checkpoints import encoder_variables
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.encoders.fused_encoder import FusedBertEncoder
from biaffine_tf.pretraining.electra import (
    ReplacedTokenDetection,
    put_samples,
)
from biaffine_tf.pretraining.masked_lm import (
    MaskedLM,
    is_correct,
    sparse_cross_entropy,
    word_embeddings,
)
from biaffine_tf.training.objective import Batch, Metrics


class EncoderPart(tf.Module):
    """An encoder with an output layer, with all weights created.

    Args:
        config: Config of the encoder.
        encoder: Encoder, not built.
        head: Output layer, not built.
        pad_id: Id of the padding token.
    """

    def __init__(
        self,
        config: EncoderConfig,
        encoder: FusedBertEncoder,
        head: MaskedLM | ReplacedTokenDetection,
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
        vectors = self.encode(
            batch["input_ids"],
            batch["original_ids"],
            training=training,
            positions=batch["positions"],
        )
        vectors = tf.reshape(vectors, [-1, vectors.shape[-1]])
        return self.head(vectors, word_embeddings(self.encoder))

    @property
    def trainable_variables(self) -> list[tf.Variable]:
        """Weights of encoder and output layer, without the pooler."""
        return [
            *self.encoder.trainable_variables,
            *self.head.trainable_variables,
        ]

    def variables_by_name(self) -> dict[str, tf.Variable]:
        """Returns all weights by their names in checkpoints."""
        return {
            **encoder_variables(self.encoder),
            **self.head.canonical_variables(),
        }


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

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the metrics of a batch.

        Args:
            batch: `input_ids` and `original_ids` int32 `[B, L]`, `positions`
                and `labels` int32 `[B, P]`, `weights` float32 `[B, P]`.
            training: Whether to apply dropout.
            seed: Random seed, int32 `[2]`.
        """
        raise NotImplementedError

    def count(self, batch: Batch) -> tf.Tensor:
        """Counts the tokens, without padding."""
        real = tf.cast(batch["original_ids"] != self._pad_id, tf.float32)
        return tf.reduce_sum(real)


class MaskedLanguageModel(PretrainingObjective):
    """BERT's masked language modelling, without next-sentence prediction.

    Args:
        config: Settings of the run.
        pad_id: Id of the padding token.
    """

    metric_names = ("mlm_loss", "mlm_accuracy")

    def __init__(self, config: PretrainingConfig, *, pad_id: int) -> None:
        part = EncoderPart(
            config.encoder,
            _build_encoder(config.encoder, config),
            MaskedLM.of(config.encoder),
            pad_id=pad_id,
        )
        super().__init__(part, pad_id=pad_id)
        self.losses = {"mlm_loss": 1.0}

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes cross-entropy and accuracy at the masked positions."""
        del seed
        logits = self.encoder_part.masked_logits(batch, training=training)
        return _masked_metrics(logits, batch, "mlm")


class Electra(PretrainingObjective):
    """ELECTRA: a generator fills masked positions; the encoder detects them.

    Args:
        config: Settings of the run.
        pad_id: Id of the padding token.

    Reference:
        Clark et al. 2020 (https://arxiv.org/abs/2003.10555).
    """

    metric_names = (
        "generator_loss",
        "generator_accuracy",
        "discriminator_loss",
        "discriminator_accuracy",
        "replaced_precision",
        "replaced_recall",
    )

    def __init__(self, config: PretrainingConfig, *, pad_id: int) -> None:
        encoder_part = EncoderPart(
            config.encoder,
            _build_encoder(config.encoder, config),
            ReplacedTokenDetection.of(config.encoder),
            pad_id=pad_id,
        )
        small = generator_config(config.encoder, config.generator_size)
        generator_part = EncoderPart(
            small,
            _build_encoder(
                small,
                config,
                name="generator",
                embeddings=encoder_part.encoder.embeddings,
            ),
            MaskedLM.of(small),
            pad_id=pad_id,
        )
        super().__init__(encoder_part, generator_part, pad_id=pad_id)
        self._generator = generator_part
        self.losses = {
            "generator_loss": 1.0,
            "discriminator_loss": config.discriminator_weight,
        }

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes losses, accuracies, and the detection of replacements."""
        logits = self._generator.masked_logits(batch, training=training)
        metrics = _masked_metrics(logits, batch, "generator")
        samples = tf.random.stateless_categorical(
            tf.stop_gradient(logits), 1, seed, dtype=tf.int32
        )
        original_ids = batch["original_ids"]
        input_ids = put_samples(
            original_ids,
            batch["positions"],
            batch["weights"] > 0,
            tf.reshape(samples, tf.shape(batch["positions"])),
        )
        vectors = self.encoder_part.encode(
            input_ids, original_ids, training=training
        )
        metrics.update(
            _detection_metrics(
                self.encoder_part.head(vectors),
                replaced=input_ids != original_ids,
                is_real=original_ids != self._pad_id,
            )
        )
        return metrics


def make_objective(
    config: PretrainingConfig, *, pad_id: int
) -> PretrainingObjective:
    """Builds the objective of a run, with initial weights.

    Args:
        config: Settings of the run.
        pad_id: Id of the padding token.
    """
    if config.objective is Objective.ELECTRA:
        return Electra(config, pad_id=pad_id)
    return MaskedLanguageModel(config, pad_id=pad_id)


def _build_encoder(
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


def _masked_metrics(logits: tf.Tensor, batch: Batch, name: str) -> Metrics:
    labels = tf.reshape(batch["labels"], [-1])
    weights = tf.reshape(batch["weights"], [-1])
    count = tf.reduce_sum(weights)
    losses = sparse_cross_entropy(logits, labels)
    correct = tf.cast(is_correct(logits, labels), tf.float32)
    return {
        f"{name}_loss": (tf.reduce_sum(losses * weights), count),
        f"{name}_accuracy": (tf.reduce_sum(correct * weights), count),
    }


def _detection_metrics(
    logits: tf.Tensor, *, replaced: tf.Tensor, is_real: tf.Tensor
) -> Metrics:
    real = tf.cast(is_real, tf.float32)
    truth = tf.cast(replaced, tf.float32)
    predicted = tf.cast(logits > 0, tf.float32) * real
    losses = tf.nn.sigmoid_cross_entropy_with_logits(truth, logits)
    correct = tf.cast(tf.equal(predicted, truth), tf.float32)
    detected = tf.reduce_sum(predicted * truth)
    count = tf.reduce_sum(real)
    return {
        "discriminator_loss": (tf.reduce_sum(losses * real), count),
        "discriminator_accuracy": (tf.reduce_sum(correct * real), count),
        "replaced_precision": (detected, tf.reduce_sum(predicted)),
        "replaced_recall": (detected, tf.reduce_sum(truth)),
    }

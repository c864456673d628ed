"""Pretraining objectives: masked language modelling and ELECTRA.

Distillation is in `distillation`; `make_objective` builds any of them. Their
batches come from `batches.epoch_batches`.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.config import (
    Objective,
    PretrainingConfig,
    generator_config,
)
from biaffine_tf.pretraining.distillation import Distillation, Teacher
from biaffine_tf.pretraining.electra import (
    ReplacedTokenDetection,
    put_samples,
)
from biaffine_tf.pretraining.encoder_part import (
    EncoderPart,
    PretrainingObjective,
    build_encoder_of,
    masked_metrics,
)
from biaffine_tf.pretraining.masked_lm import MaskedLM
from biaffine_tf.training.objective import Batch, Metrics


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
            build_encoder_of(config.encoder, config),
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
        return masked_metrics(logits, batch, "mlm")


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
            build_encoder_of(config.encoder, config),
            ReplacedTokenDetection.of(config.encoder),
            pad_id=pad_id,
        )
        small = generator_config(config.encoder, config.generator_size)
        generator_part = EncoderPart(
            small,
            build_encoder_of(
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
        metrics = masked_metrics(logits, batch, "generator")
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
        head = self.encoder_part.head
        assert isinstance(head, ReplacedTokenDetection)
        metrics.update(
            _detection_metrics(
                head(vectors),
                replaced=input_ids != original_ids,
                is_real=original_ids != self._pad_id,
            )
        )
        return metrics


def make_objective(
    config: PretrainingConfig, *, pad_id: int, teacher: Teacher | None = None
) -> PretrainingObjective:
    """Builds the objective of a run, with initial weights.

    Args:
        config: Settings of the run.
        pad_id: Id of the padding token.
        teacher: Teacher of a distillation.
    """
    if config.objective is Objective.DISTIL:
        assert teacher is not None
        return Distillation(config, teacher, pad_id=pad_id)
    if config.objective is Objective.ELECTRA:
        return Electra(config, pad_id=pad_id)
    return MaskedLanguageModel(config, pad_id=pad_id)


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

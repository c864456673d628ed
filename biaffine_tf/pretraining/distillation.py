"""Distillation of an encoder into a student of any shape, on unlabelled text.

Reference:
    Wang et al. 2021, MiniLMv2 (https://arxiv.org/abs/2012.15828).
"""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf
import tf_keras

from biaffine_tf.config import DistilMatch, EncoderConfig, PretrainingConfig
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import Source
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.pretraining.distil_losses import (
    hidden_losses,
    mean_of_ranges,
    relation_heads,
    relation_losses,
)
from biaffine_tf.pretraining.encoder_part import (
    EncoderPart,
    PretrainingObjective,
    build_encoder_of,
    masked_metrics,
)
from biaffine_tf.pretraining.masked_lm import MaskedLM
from biaffine_tf.training.objective import Batch, Metrics


class Teacher:
    """A frozen encoder, read without dropout.

    No `tf.Module`, so that checkpoints of a run do not hold it.

    Args:
        config: Config of the encoder.
        pad_id: Id of its padding token.
        is_aligned: Whether it reads tokens of its own, `teacher_ids`.
        xla: Whether to compile it.

    Attributes:
        config: Config of the encoder.
        encoder: The encoder, with initial weights.
    """

    def __init__(
        self,
        config: EncoderConfig,
        *,
        pad_id: int,
        is_aligned: bool = False,
        xla: bool = False,
    ) -> None:
        self.config = config
        self.encoder = build_encoder(
            config, name="teacher", initializer="zeros", xla=xla
        )
        self.encoder.trainable = False
        self._pad_id = pad_id
        self._is_aligned = is_aligned
        self._encode(tf.ones([1, 1], tf.int32))

    def load(self, source: Source) -> checkpoints.LoadReport:
        """Loads the weights."""
        return checkpoints.load(
            source,
            checkpoints.encoder_variables(self.encoder),
            config=self.config,
        )

    def targets(self, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Computes the vectors that the student has to match.

        Args:
            batch: See `batches.epoch_batches`.

        Returns:
            Vectors float32 `[B, L, T]`, and 1 where there is one, else 0,
            float32 `[B, L]`.
        """
        if not self._is_aligned:
            ids = batch["original_ids"]
            return self._encode(ids), tf.cast(ids != self._pad_id, tf.float32)
        vectors = self._encode(batch["teacher_ids"])  # [B, M, T]
        return mean_of_ranges(
            vectors, batch["target_begins"], batch["target_ends"]
        )

    def _encode(self, ids: tf.Tensor) -> tf.Tensor:
        inputs = {
            "input_word_ids": ids,
            "input_mask": tf.cast(ids != self._pad_id, tf.int32),
            "input_type_ids": tf.zeros_like(ids),
        }
        encoded = self.encoder(inputs, training=False)
        return tf.stop_gradient(encoded["sequence_output"])


class Distillation(PretrainingObjective):
    """Matches the last hidden states of a teacher.

    Either the vectors themselves, through a projection to the teacher's width
    (`hidden_losses`), or the relations between them (`relation_losses`).

    The mean vector of each encoder, before training, is subtracted. Encoders
    that were trained to compare sentences, such as E5, give all tokens much the
    same vector; a student would learn that one first, and give no other for
    long.

    The relations are those of the last hidden states, not of the last layer's
    queries, keys and values as in MiniLMv2: those would leave all of the
    student's last layer behind them untrained, and the encoder computes them
    within one compiled and recomputed block.

    With masked language modelling beside it, the student reads masked text.

    Args:
        config: Settings of the run.
        teacher: The teacher.
        pad_id: Id of the student's padding token.
    """

    def __init__(
        self, config: PretrainingConfig, teacher: Teacher, *, pad_id: int
    ) -> None:
        encoder = config.encoder
        reads_masks = config.mlm_weight > 0
        part = EncoderPart(
            encoder,
            build_encoder_of(encoder, config),
            MaskedLM.of(encoder) if reads_masks else None,
            pad_id=pad_id,
        )
        super().__init__(part, pad_id=pad_id)
        self._teacher = teacher
        self._reads_masks = reads_masks
        self.losses = {"distil_loss": 1.0}
        if reads_masks:
            self.losses["mlm_loss"] = config.mlm_weight
        self.metric_names = (
            *self.losses,
            *(["mlm_accuracy"] if reads_masks else []),
        )
        widths = encoder.hidden_size, teacher.config.hidden_size
        self._heads = relation_heads(*widths)
        self._projection = None
        if config.distil_match is DistilMatch.HIDDEN:
            self._projection = Projection(*widths)
        self._means = [
            tf.Variable(tf.zeros([width]), trainable=False, name="mean")
            for width in widths
        ]

    def trained_weights(self) -> dict[str, tf.Variable]:
        """Returns the weights of the student, and the projection."""
        weights = super().trained_weights()
        if self._projection is not None:
            weights |= self._projection.weights()
        return weights

    def prepare(self, batches: Iterable[Batch]) -> None:
        """Computes the mean vectors of student and teacher."""
        totals, number = [tf.zeros_like(mean) for mean in self._means], 0.0
        for batch in batches:
            ids = batch["original_ids"]
            own = self.encoder_part.encode(ids, ids, training=False)
            targets, has_target = self._teacher.targets(batch)
            totals = [
                total + tf.reduce_sum(x * has_target[..., None], [0, 1])
                for total, x in zip(totals, (own, targets), strict=True)
            ]
            number += tf.reduce_sum(has_target)
        for mean, total in zip(self._means, totals, strict=True):
            mean.assign(tf.math.divide_no_nan(total, number))

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the loss, and that of masked language modelling."""
        del seed
        ids = batch["input_ids" if self._reads_masks else "original_ids"]
        vectors = self.encoder_part.encode(
            ids, batch["original_ids"], training=training
        )
        targets, has_target = self._teacher.targets(batch)
        own, wanted = vectors - self._means[0], targets - self._means[1]
        if self._projection is not None:
            losses = hidden_losses(self._projection(own), wanted)
        else:
            losses = relation_losses(own, wanted, has_target, heads=self._heads)
        metrics = {
            "distil_loss": (
                tf.reduce_sum(losses * has_target),
                tf.reduce_sum(has_target),
            )
        }
        if self._reads_masks:
            masked = tf.gather(vectors, batch["positions"], batch_dims=1)
            logits = self.encoder_part.token_logits(masked)
            metrics |= masked_metrics(logits, batch, "mlm")
        return metrics


class Projection(tf.Module):
    """`x W + b` to the teacher's width; the identity at first if it is square.

    Args:
        width: Width of the student.
        teacher_width: Width of the teacher.
    """

    def __init__(self, width: int, teacher_width: int) -> None:
        super().__init__()
        kernel = tf.eye(width)
        if width != teacher_width:
            initializer = tf_keras.initializers.GlorotUniform()
            kernel = initializer([width, teacher_width])
        self._kernel = tf.Variable(kernel, name="distil/projection/kernel")
        self._bias = tf.Variable(
            tf.zeros([teacher_width]), name="distil/projection/bias"
        )

    def weights(self) -> dict[str, tf.Variable]:
        """Returns the variables by name."""
        return {
            "distil/projection/kernel": self._kernel,
            "distil/projection/bias": self._bias,
        }

    def __call__(self, vectors: tf.Tensor) -> tf.Tensor:
        """Projects float32 `[B, L, H]` to `[B, L, T]`."""
        return tf.tensordot(vectors, self._kernel, 1) + self._bias

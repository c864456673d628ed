"""What one training step does."""

from __future__ import annotations

import tensorflow as tf
import tf_keras

from biaffine_tf.config import Precision, TrainingConfig
from biaffine_tf.heads.biaffine.loss import PairCounts, span_loss
from biaffine_tf.heads.span_model import SpanModel, piece_counts
from biaffine_tf.losses import make_loss
from biaffine_tf.seeds import small_seed
from biaffine_tf.training.divergence import FigureBuffer, apply_and_note


class SpanTrainer(tf_keras.Model):
    """Trains a `SpanModel` on batches of `records.span_batches`.

    The loss is the sum of the pair losses divided by the number of sentences
    of the batch over all replicas, as the ancestor's.

    Args:
        model: The model, built.
        config: The objective.

    Attributes:
        figures: Of the latest steps.
    """

    def __init__(self, model: SpanModel, config: TrainingConfig) -> None:
        super().__init__(name="span_trainer")
        self.model = model
        self._config = config
        self._pair_loss = make_loss(config)
        self._loss = tf_keras.metrics.Mean(name="loss")
        self._positive = tf_keras.metrics.Mean(name="positive_accuracy")
        self._negative = tf_keras.metrics.Mean(name="negative_accuracy")
        self._sentences = tf_keras.metrics.Sum(name="sentences")
        self.figures = FigureBuffer()

    @property
    def metrics(self) -> list[tf_keras.metrics.Metric]:
        """Reset at the start of each epoch."""
        return [self._loss, self._positive, self._negative, self._sentences]

    def call(
        self, inputs: tf.Tensor, training: bool | tf.Tensor | None = None
    ) -> tf.Tensor:
        """Logits of the model."""
        return self.model(inputs, training=training)

    # Keras would have AutoGraph rewrite all the source that a step runs.
    @tf.autograph.experimental.do_not_convert
    def train_step(self, data: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        """One update from a batch; returns the running metrics."""
        input_ids = data["input_ids"]
        with tf.GradientTape() as tape:
            total, right = self._sum_losses(input_ids, data["cells"])
            loss = total / self._global_batch_size(input_ids)
            scaled = self._scale(loss)
        variables = self.model.trainable_variables
        gradients = tape.gradient(scaled, variables)
        if self._config.precision is Precision.FLOAT16:
            gradients = self.optimizer.get_unscaled_gradients(gradients)
        apply_and_note(
            self.optimizer,
            gradients,
            variables,
            self.figures,
            max_norm=self._config.max_gradient_norm,
            loss=loss,
            examples=tf.shape(input_ids)[0],
        )
        self._update_metrics(total, tf.shape(input_ids)[0], right)
        return {metric.name: metric.result() for metric in self.metrics}

    def _sum_losses(
        self, input_ids: tf.Tensor, cells: tf.Tensor
    ) -> tuple[tf.Tensor, PairCounts]:
        biaffine = self.model.biaffine
        vectors = self.model.encode(input_ids, training=True)  # [B, L, H]
        starts, ends = biaffine.project(vectors, training=True)
        return span_loss(
            starts,
            ends,
            tf.convert_to_tensor(biaffine.bilinear),
            cells,
            piece_counts(input_ids, pad_id=self.model.pad_id),
            self._pair_loss,
            max_span_width=biaffine.max_span_width,
            keep_negatives=self._config.neg_sample,
            seed=self._step_seed(),
        )

    def _step_seed(self) -> tf.Tensor:
        step = tf.cast(self.optimizer.iterations, tf.int32)
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        replica = tf.convert_to_tensor(replica, tf.int32)
        seed = small_seed(self._config.seed)
        return tf.stack([seed + 7919 * replica, step])

    @staticmethod
    def _global_batch_size(input_ids: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        size = tf.cast(tf.shape(input_ids)[0], tf.float32)
        if context.num_replicas_in_sync == 1:
            return size
        return context.all_reduce(tf.distribute.ReduceOp.SUM, size)

    def _scale(self, loss: tf.Tensor) -> tf.Tensor:
        if self._config.precision is Precision.FLOAT16:
            return self.optimizer.get_scaled_loss(loss)
        return loss

    def _update_metrics(
        self, total: tf.Tensor, num_sentences: tf.Tensor, right: PairCounts
    ) -> None:
        sentences = tf.cast(num_sentences, tf.float32)
        self._sentences.update_state(sentences)
        for metric, amount, count in (
            (self._loss, total, sentences),
            (self._positive, right.correct_positives, right.positives),
            (self._negative, right.correct_negatives, right.negatives),
        ):
            # A replica can get no sentence of a small batch.
            mean = tf.math.divide_no_nan(amount, count)
            metric.update_state(mean, sample_weight=count)

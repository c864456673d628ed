"""Loss of the head of a span model, as an objective of the training loop."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.training.objective import Batch, Metrics


class SpanObjective(tf.Module):
    """Loss of the head of a span model, as an objective.

    It is divided by the number of sentences per batch, as in the original
    implementation.

    Args:
        model: Model with initial weights.
        config: Settings of loss and sampling.
        class_weights: Factor of the loss of each class, float32 `[C]`; None
            without `TrainingConfig.class_weights`.
    """

    losses = {"loss": 1.0}  # noqa: RUF012 (never changed)
    unit = "sentences"

    def __init__(
        self,
        model: SpanModel,
        config: TrainingConfig,
        class_weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._options: dict[str, Any] = {}
        if class_weights is not None:
            self._options["class_weights"] = class_weights
        self.metric_names = model.head.metric_names
        self._config = config
        # Keras would leave these out of checkpoints.
        self.random_states = [
            layer._random_generator._generator
            for layer in model.submodules
            if isinstance(layer, tf_keras.layers.Dropout)
        ]

    def trained_weights(self) -> dict[str, tf.Variable]:
        """Returns all weights of the model."""
        return self.model.saved_weights()

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the metrics of the head."""
        vectors = self.model.encode_batch(batch, training=training)
        return self.metrics_of(vectors, batch, training=training, seed=seed)

    def metrics_of(
        self,
        vectors: tf.Tensor,
        batch: Batch,
        *,
        training: bool,
        seed: tf.Tensor,
    ) -> Metrics:
        """Computes the metrics of vectors from `SpanModel.encode_batch`."""
        return self.model.metrics_of(
            vectors,
            batch,
            self._config,
            seed=seed,
            training=training,
            **self._options,
        )

    def count(self, batch: Batch) -> tf.Tensor:
        """Counts the sentences of a batch."""
        return tf.shape(batch["input_ids"])[0]

"""Initialization from a trained model, head included: `--init_model`."""

from __future__ import annotations

from biaffine_tf import model_directory
from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.span_model import SpanModel


def load_initial_model(
    directory: str, model: SpanModel, training: TrainingConfig
) -> None:
    """Loads all weights of a trained model into one that may have more labels.

    Args:
        directory: Directory of the trained model.
        model: Built model with the same encoder and head, whose first labels
            are those of the trained model.
        training: Training settings that initialized its head.

    Raises:
        ConfigError: If the weights are incomplete or do not fit.
    """
    stored = model.head.with_new_labels(
        model_directory.read_weights(directory), training
    )
    model_directory.load_weights(directory, model, stored)

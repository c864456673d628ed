"""Span-based named entity recognition on TensorFlow 2.

Importing this package is instant: TensorFlow is loaded by the first thing that
needs it (`load`), never by reading, scoring or converting data.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from biaffine_tf.inference.predictor import Predictor

__version__ = "0.1.0"


def load(model_dir: str, **options: Any) -> Predictor:
    """Loads a trained model for prediction.

    Example:
        >>> ner = biaffine_tf.load("model_dir")
        >>> ner("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]

    Args:
        model_dir: A directory written by `run_classifier.py`.
        **options: Of `Predictor.from_directory`: `nested=True`,
            `decoder="exact"`, `thresholds=False`, `batch_size=16` and others.

    Returns:
        A callable from a text, or an iterable of texts, to entities.

    Raises:
        ConfigError: If the directory is not a complete model directory, or an
            option is unknown or out of range.
    """
    from biaffine_tf.inference.predictor import Predictor

    return Predictor.from_directory(model_dir, **options)

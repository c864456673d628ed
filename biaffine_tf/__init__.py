"""Span-based named entity recognition on TensorFlow 2.

Importing this package is instant: TensorFlow is loaded on first use (`load`,
`train`), never for reading, scoring or converting data.
"""

from __future__ import annotations

import os
import sys

# A console command, or `python -m biaffine_tf.COMMAND`, is starting.
if (sys.argv and os.path.basename(sys.argv[0]).startswith("biaffine-")) or (
    sys.argv[:1] == ["-m"]
    and any(arg.startswith("biaffine_tf.") for arg in sys.orig_argv)
):
    import biaffine_tf.starting  # noqa: F401 (must come first: see there)

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from biaffine_tf.commands.from_python import TrainingResult
    from biaffine_tf.inference.base import BasePredictor
    from biaffine_tf.spans import Entity

    FilePatterns = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]

__all__ = ["Entity", "__version__", "load", "train"]

__version__ = "0.1.0"


def load(
    model_dir: str, *, verify: bool = True, **options: Any
) -> BasePredictor:
    """Loads a model, an export of one, or an ensemble, for prediction.

    Example:
        >>> ner = biaffine_tf.load("model_dir")
        >>> ner("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]

    Args:
        model_dir: A directory written by `run_classifier.py`, by
            `run_predict.py --export_dir` or by `biaffine_tf.ensemble`.
        verify: Whether to compare the weights with their digest while
            loading; all smaller files are compared anyway.
        **options: Keywords of the predictor's `from_directory`: `nested=True`,
            `decoder="exact"`, `thresholds=False`, `batch_size=16` and others.
            Exports accept fewer; a SavedModel decodes as it was exported.

    Returns:
        A predictor: call it with a text, or an iterable of texts.

    Raises:
        ConfigError: If the directory is incomplete or was changed, or an
            option is out of range or unknown to the predictor.
    """
    from biaffine_tf.inference import loading

    predictor = loading.load(model_dir, options, verify=verify)
    for note in predictor.notes:
        warnings.warn(note, stacklevel=2)
    return predictor


def train(
    train_data: FilePatterns,
    output_dir: str | os.PathLike[str],
    **settings: Any,
) -> TrainingResult:
    """Trains a model, as `run_classifier.py` does.

    The settings are the flags of that command, by name; its `--help` describes
    them. Settings that are not given are chosen from encoder and data, and
    printed with the reason. Calling again after an interruption resumes the
    run. Sets the seed, the determinism and the precision policy of the process.

    Example:
        >>> result = biaffine_tf.train(
        ...     "train.jsonl", "model_dir", eval_data="dev.jsonl",
        ...     encoder_dir="bert-base-chinese", num_train_epochs=10)
        >>> result.scores["micro"]["f1"]
        0.8118
        >>> result.predictor("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]

    Args:
        train_data: Labelled files to train on: paths or globs, one or several.
        output_dir: Model directory to write.
        **settings: Values by the names of the flags: `eval_data`,
            `encoder_dir`, `learning_rate`, `nested` and others.

    Returns:
        The dev scores, and a predictor of the trained model.

    Raises:
        ConfigError: If a setting is unknown or out of range, or settings
            contradict each other, the data or the machine.
        DataError: If data cannot be read, or not be trained on.
    """
    from biaffine_tf.commands import from_python

    return from_python.run_training(
        {"train_data": train_data, "output_dir": output_dir, **settings}
    )


def __getattr__(name: str) -> Any:
    """Loads `Entity` on first access."""
    if name == "Entity":
        from biaffine_tf.spans import Entity

        return Entity
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

"""Span-based named entity recognition on TensorFlow 2.

Importing this package is instant: TensorFlow is loaded by the first thing that
needs it (`load`), never by reading, scoring or converting data.
"""

from __future__ import annotations

import os
import sys

# One of our console commands, or `python -m biaffine_tf.COMMAND`, is loading.
if (sys.argv and os.path.basename(sys.argv[0]).startswith("biaffine-")) or (
    sys.argv[:1] == ["-m"]
    and any(one.startswith("biaffine_tf.") for one in sys.orig_argv)
):
    import biaffine_tf.starting  # noqa: F401 (before all else: see there)

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
    """Loads a trained model, or an export of one, for prediction.

    Example:
        >>> ner = biaffine_tf.load("model_dir")
        >>> ner("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]

    Args:
        model_dir: A directory written by `run_classifier.py`, or by
            `run_predict.py --export_dir`.
        verify: Whether to compare the weights with their digest while they
            are loaded; all smaller files are compared anyway.
        **options: Of `from_directory` of its predictor: `nested=True`,
            `decoder="exact"`, `thresholds=False`, `batch_size=16` and others.
            Exports know fewer; a SavedModel decodes as it was exported.

    Returns:
        A callable from a text, or an iterable of texts, to entities.

    Raises:
        ConfigError: If the directory is not complete or not as it was
            written, or an option is out of range or unknown to its predictor.
    """
    from biaffine_tf.inference import loading

    made = loading.load(model_dir, options, verify=verify)
    for note in made.notes:
        warnings.warn(note, stacklevel=2)
    return made


def train(
    train_data: FilePatterns,
    output_dir: str | os.PathLike[str],
    **settings: Any,
) -> TrainingResult:
    """Trains a model, as `run_classifier.py` does.

    The settings are the flags of that command, under their names; its `--help`
    describes them. What is not given is chosen from encoder and data, and
    printed with its reason. A call that was interrupted continues when it is
    made again. It sets the seed, the determinism and the precision policy of
    the process.

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
        The scores, and a predictor of the model.

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
    """`Entity`, which is loaded when it is asked for."""
    if name == "Entity":
        from biaffine_tf.spans import Entity

        return Entity
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

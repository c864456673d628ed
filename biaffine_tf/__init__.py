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
    from biaffine_tf.inference.base import BasePredictor
    from biaffine_tf.spans import Entity

__all__ = ["Entity", "__version__", "load"]

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


def __getattr__(name: str) -> Any:
    """`Entity`, which is loaded when it is asked for."""
    if name == "Entity":
        from biaffine_tf.spans import Entity

        return Entity
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

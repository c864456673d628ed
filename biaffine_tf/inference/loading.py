"""From a directory to the predictor of what it holds."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Mapping
from typing import Any

from biaffine_tf.config import DecodingConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL

_SAVED_MODEL = "saved_model.pb"


def load(
    directory: str | os.PathLike[str], options: Mapping[str, Any]
) -> BasePredictor:
    """Loads what a directory holds, and only what that needs.

    Args:
        directory: Written by `run_classifier.py` or an export.
        options: Of `from_directory` of the predictor.

    Raises:
        ConfigError: If the directory is incomplete, or an option is unknown to
            this predictor or out of range.
    """
    predictor: Any
    if os.path.exists(os.path.join(directory, ONNX_MODEL)):
        from biaffine_tf.inference.onnx import OnnxPredictor as predictor

        kind = "an ONNX model"
    elif os.path.exists(os.path.join(directory, _SAVED_MODEL)):
        from biaffine_tf.inference.saved_model import (
            SavedModelPredictor as predictor,
        )

        kind = "a SavedModel"
    else:
        from biaffine_tf.inference.predictor import Predictor as predictor

        kind = "a model directory"
    _check(kind, predictor.from_directory, options)
    return predictor.from_directory(directory, **options)


def _check(kind: str, loader: Any, options: Mapping[str, Any]) -> None:
    """Refuses options that a loader does not know."""
    parameters = inspect.signature(loader).parameters.values()
    known = [one.name for one in parameters if one.kind is one.KEYWORD_ONLY]
    known += [field.name for field in dataclasses.fields(DecodingConfig)]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise ConfigError(
            f"{kind} is loaded without {unknown[0]!r}",
            remedy=f"give some of {', '.join(sorted(known))}",
        )

"""What the scores of a model mean: `confidence.json`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from biaffine_tf.decoding.confidence import Confidence
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import write_json
from biaffine_tf.model_directory.names import CONFIDENCE

if TYPE_CHECKING:
    from biaffine_tf.evaluation.confidence import FittedConfidence

_REMEDY = "fit it again: run_classifier.py as before, or delete it"


def write_confidence(directory: str, fitted: Mapping[str, Any]) -> None:
    """Writes what was fitted to the dev set.

    Args:
        directory: A model directory.
        fitted: "confidence", and the figures behind it; JSON values.
    """
    write_json(os.path.join(directory, CONFIDENCE), dict(fitted))


def read_fitted(directory: str) -> dict[str, Any] | None:
    """All that `write_confidence` wrote; None if nothing was fitted.

    Raises:
        ConfigError: If the file is damaged.
    """
    path = os.path.join(directory, CONFIDENCE)
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise ConfigError(
            f"{path}: not JSON ({error})", remedy=_REMEDY
        ) from error


def read_fit(directory: str) -> FittedConfidence | None:
    """What was fitted and how well it does; None if nothing was fitted.

    Raises:
        ConfigError: If the file is damaged or of another version.
    """
    fitted = read_fitted(directory)
    if fitted is None:
        return None
    # Predictors do without.
    from biaffine_tf.evaluation.confidence import FittedConfidence

    try:
        return FittedConfidence.from_json(
            {name: v for name, v in fitted.items() if name != "settings"}
        )
    except (AttributeError, ConfigError, KeyError, TypeError) as error:
        path = os.path.join(directory, CONFIDENCE)
        raise ConfigError(f"{path}: {error}", remedy=_REMEDY) from error


def read_confidence(directory: str) -> Confidence:
    """Calibration and thresholds; those that change nothing if none is there.

    Raises:
        ConfigError: If the file is damaged.
    """
    fitted = read_fitted(directory)
    if fitted is None:
        return Confidence()
    try:
        return Confidence.from_json(fitted["confidence"])
    except (ConfigError, KeyError, TypeError) as error:
        path = os.path.join(directory, CONFIDENCE)
        raise ConfigError(f"{path}: {error}", remedy=_REMEDY) from error

"""Calibration and thresholds of a model: `confidence.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.model_directory.digests import unseal
from biaffine_tf.model_directory.names import CONFIDENCE

if TYPE_CHECKING:
    from biaffine_tf.calibration.fitting import FittedConfidence

_WHAT = "calibration and thresholds"
_REMEDY = "restore it, or delete it and fit it again: train as before"
_SHAPE = {
    "confidence": {
        "temperature?": float,
        "bias?": float,
        "thresholds?": ({str: float}, None),
        "default_threshold?": float,
    },
    "settings?": {str: object},
}


def write_confidence(directory: str, fitted: Mapping[str, Any]) -> None:
    """Writes calibration and thresholds that were fitted to the dev set.

    Args:
        directory: Model directory.
        fitted: "confidence", and the values it was fitted from; JSON values.
    """
    unseal(directory)
    write_json(os.path.join(directory, CONFIDENCE), dict(fitted))


def read_fitted(directory: str) -> dict[str, Any] | None:
    """Reads all of `confidence.json`; None if it is missing.

    Raises:
        ConfigError: If the file is damaged.
    """
    path = os.path.join(directory, CONFIDENCE)
    try:
        return read_json(path, _SHAPE, what=_WHAT, remedy=_REMEDY)
    except FileNotFoundError:
        return None


def read_fit(directory: str) -> FittedConfidence | None:
    """Reads the fit and its quality; None if nothing was fitted.

    Raises:
        ConfigError: If the file is damaged or of another version.
    """
    fitted = read_fitted(directory)
    if fitted is None:
        return None
    # Imported only here, since predictors do not need it.
    from biaffine_tf.calibration.fitting import FittedConfidence

    try:
        return FittedConfidence.from_json(
            {name: v for name, v in fitted.items() if name != "settings"}
        )
    except (
        AttributeError,
        ConfigError,
        KeyError,
        TypeError,
        ValueError,
    ) as error:
        path = os.path.join(directory, CONFIDENCE)
        raise ConfigError(
            f"{path}: not {_WHAT} ({_reason(error)})", remedy=_REMEDY
        ) from error


def read_confidence(directory: str) -> Confidence:
    """Reads calibration and thresholds; neutral ones if nothing was fitted.

    Raises:
        ConfigError: If the file is damaged.
    """
    fitted = read_fitted(directory)
    if fitted is None:
        return Confidence()
    try:
        return Confidence.from_json(fitted["confidence"])
    except ConfigError as error:
        path = os.path.join(directory, CONFIDENCE)
        raise ConfigError(
            f"{path}: not {_WHAT} ({error.problem})", remedy=_REMEDY
        ) from error


def _reason(error: Exception) -> str:
    if isinstance(error, ConfigError):
        return error.problem
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)

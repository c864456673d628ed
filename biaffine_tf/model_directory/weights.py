"""Weights by name, in safetensors.

safetensors is imported only when needed: prediction from other formats works
without it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from biaffine_tf.errors import ConfigError
from biaffine_tf.files import atomic_write
from biaffine_tf.model_directory.digests import unseal
from biaffine_tf.model_directory.names import (
    DAMAGED,
    WEIGHTS,
)

if TYPE_CHECKING:
    from biaffine_tf.heads.span_model import SpanModel


def save_weights(directory: str, model: SpanModel) -> None:
    """Writes the weights atomically, named as in `saved_weights`."""
    import safetensors.numpy

    tensors = {
        name: np.ascontiguousarray(weight.numpy())
        for name, weight in model.saved_weights().items()
    }
    unseal(directory)
    with atomic_write(os.path.join(directory, WEIGHTS), "wb") as file:
        file.write(safetensors.numpy.save(tensors))


def check_weights(directory: str) -> None:
    """Checks, without TensorFlow, that there are complete weights.

    Raises:
        ConfigError: If there are not.
    """
    import safetensors

    path = os.path.join(directory, WEIGHTS)
    try:
        with safetensors.safe_open(path, framework="numpy"):
            pass
    except FileNotFoundError as error:
        raise ConfigError(
            f"{path}: no such file; no epoch of this run has ended",
            remedy="start its command again, or give another directory",
        ) from error
    except (OSError, safetensors.SafetensorError) as error:
        raise ConfigError(
            f"{path}: not readable as weights ({error})", remedy=DAMAGED
        ) from error


def read_weights(directory: str) -> dict[str, np.ndarray]:
    """Reads the weights by name.

    Raises:
        ConfigError: If they are missing or incomplete.
    """
    import safetensors.numpy

    check_weights(directory)
    path = os.path.join(directory, WEIGHTS)
    try:
        return safetensors.numpy.load_file(path)
    except (
        OSError,
        LookupError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        # A dtype that numpy lacks.
        raise ConfigError(
            f"{path}: not readable as weights ({error})", remedy=DAMAGED
        ) from error


def load_weights(
    directory: str,
    model: SpanModel,
    stored: Mapping[str, np.ndarray] | None = None,
) -> None:
    """Loads all weights into a built model.

    Args:
        directory: Model directory.
        model: Built model.
        stored: Weights from `read_weights`, changed; None to read them.

    Raises:
        ConfigError: If a weight is missing, unknown, of another shape or not
            finite.
    """
    if stored is None:
        stored = read_weights(directory)
    weights = model.saved_weights()
    path = os.path.join(directory, WEIGHTS)
    wrong = [
        f"{name} (stored: "
        f"{stored[name].shape if name in stored else 'missing'}, "
        f"model: {weights[name].shape if name in weights else 'none'})"
        for name in sorted(stored.keys() | weights.keys())
        if name not in stored
        or name not in weights
        or stored[name].shape != tuple(weights[name].shape)
    ]
    if wrong:
        more = f" and {len(wrong) - 3} more" if len(wrong) > 3 else ""
        raise ConfigError(
            f"{path}: weights do not fit the model: "
            f"{', '.join(wrong[:3])}{more}",
            remedy=DAMAGED,
        )
    check_finite(path, stored)
    for name, weight in weights.items():
        weight.assign(stored[name])


def check_finite(path: str, stored: Mapping[str, np.ndarray]) -> None:
    """Checks that weights are float32 and finite.

    Args:
        path: Path of their file, for messages.
        stored: Weights by name.

    Raises:
        ConfigError: If a weight is not.
    """
    for name, value in stored.items():
        if value.dtype != np.float32:
            raise ConfigError(
                f"{path}: {name} is of type {value.dtype}, not float32",
                remedy=DAMAGED,
            )
        require_finite(
            f"{path}: {name}",
            value,
            remedy="restore it; if the training has diverged, train again "
            "with a smaller --learning_rate",
        )


def require_finite(
    shown: str,
    value: np.ndarray,
    *,
    remedy: str = "the training that made it has diverged; give another "
    "encoder",
) -> None:
    """Checks that a weight has no NaN or infinity.

    Args:
        shown: File and name of the weight.
        value: The weight.
        remedy: Remedy for the error.

    Raises:
        ConfigError: If it has.
    """
    if not np.isfinite(value).all():
        raise ConfigError(
            f"{shown} holds numbers that are not finite", remedy=remedy
        )

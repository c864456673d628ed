"""Fingerprints of models and exports."""

from __future__ import annotations

import os

from biaffine_tf.files import fingerprint
from biaffine_tf.model_directory.ensemble import ENSEMBLE, read_ensemble
from biaffine_tf.model_directory.names import (
    CONFIDENCE,
    CONFIG,
    LABELS,
    SUBWORDS,
    VOCABULARY,
    WEIGHTS,
)
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL

SAVED_MODEL = "saved_model.pb"
_FILES = (
    CONFIG,
    LABELS,
    VOCABULARY,
    SUBWORDS,
    WEIGHTS,
    CONFIDENCE,
    ONNX_MODEL,
    SAVED_MODEL,
    "variables/variables.index",
    "variables/variables.data-00000-of-00001",
)


def model_fingerprints(
    directory: str, *, weights: bool = True
) -> dict[str, str]:
    """Returns fingerprints of the files that predictions depend on, by name.

    Args:
        directory: Model directory, export, or ensemble with its members.
        weights: Whether to read the weights of a model directory, too.
    """
    if os.path.exists(os.path.join(directory, ENSEMBLE)):
        found = {ENSEMBLE: fingerprint(os.path.join(directory, ENSEMBLE))}
        for number, one in enumerate(read_ensemble(directory).directories, 1):
            own = model_fingerprints(one, weights=weights)
            found |= {f"member {number}: {name}": own[name] for name in own}
        return found
    return {
        name: fingerprint(os.path.join(directory, name))
        for name in _FILES
        if os.path.exists(os.path.join(directory, name))
        and (weights or name != WEIGHTS)
    }

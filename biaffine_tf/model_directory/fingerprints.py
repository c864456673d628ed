"""Fingerprints of models and exports."""

from __future__ import annotations

import os

from biaffine_tf.files import fingerprint
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


def model_fingerprints(directory: str) -> dict[str, str]:
    """Returns fingerprints of the files that predictions depend on, by name."""
    return {
        name: fingerprint(os.path.join(directory, name))
        for name in _FILES
        if os.path.exists(os.path.join(directory, name))
    }

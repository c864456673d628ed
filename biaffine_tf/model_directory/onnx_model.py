"""What `model.onnx` is called by, and what it says of itself.

An export for onnxruntime is a model directory with `model.onnx` for weights:
config, labels, vocabulary and confidence are as in any other.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from biaffine_tf.errors import ConfigError
from biaffine_tf.model_directory.names import LABELS, VOCABULARY
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer

ONNX_MODEL = "model.onnx"
INPUT = "input_ids"
REMEDY = "export the model again (--export_dir)"

_VERSION = "biaffine_tf.version"
_LABELS = "biaffine_tf.labels"
_TOKENIZER = "biaffine_tf.tokenizer"


def properties(labels: LabelMap, tokenizer: Tokenizer) -> dict[str, str]:
    """What the model says of itself and of the files that it needs beside it.

    Args:
        labels: Its labels.
        tokenizer: The tokenizer it was trained with.
    """
    return {
        _VERSION: "2",  # of what goes in and comes out
        _LABELS: json.dumps(list(labels), ensure_ascii=False),
        _TOKENIZER: tokenizer.fingerprint,
    }


def check_properties(
    path: str,
    found: Mapping[str, str],
    labels: LabelMap,
    tokenizer: Tokenizer,
) -> None:
    """Finds out whether a model belongs to the files beside it.

    Args:
        path: The model, for messages.
        found: What it says.
        labels: The labels beside it.
        tokenizer: The tokenizer beside it.

    Raises:
        ConfigError: If it does not, or another version wrote it.
    """
    wanted = properties(labels, tokenizer)
    version = found.get(_VERSION)
    if version != wanted[_VERSION]:
        what = (
            "not an export of ours"
            if version is None
            else f"of version {version}, which is unknown here"
        )
        raise ConfigError(f"{path}: {what}", remedy=REMEDY)
    for name, file in ((_LABELS, LABELS), (_TOKENIZER, VOCABULARY)):
        if found.get(name) != wanted[name]:
            raise ConfigError(
                f"{path}: of another model than the {file} beside it",
                remedy=REMEDY,
            )

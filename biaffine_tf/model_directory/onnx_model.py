"""Name, input and metadata of `model.onnx`.

An export for onnxruntime is a model directory with `model.onnx` as weights: its
config, labels, vocabulary and confidence are those of any model directory.
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

_VERSION = "biaffine_tf.version"  # of inputs and outputs
_CURRENT = "3"
_EARLIER = "2"  # gives the scores of all pairs
_LABELS = "biaffine_tf.labels"
_TOKENIZER = "biaffine_tf.tokenizer"


def properties(labels: LabelMap, tokenizer: Tokenizer) -> dict[str, str]:
    """Returns the metadata of the model, on itself and the files beside it.

    Args:
        labels: Labels of the model.
        tokenizer: Tokenizer of the model.
    """
    return {
        _VERSION: _CURRENT,
        _LABELS: json.dumps(list(labels), ensure_ascii=False),
        _TOKENIZER: tokenizer.fingerprint,
    }


def is_earlier(metadata: Mapping[str, str]) -> bool:
    """Returns whether a model is of version 2, which can be read as well."""
    return metadata.get(_VERSION) == _EARLIER


def check_properties(
    path: str,
    metadata: Mapping[str, str],
    labels: LabelMap,
    tokenizer: Tokenizer,
) -> None:
    """Checks that a model belongs to the files beside it.

    Args:
        path: Path of the model, for messages.
        metadata: Metadata of the model.
        labels: Labels beside it.
        tokenizer: Tokenizer beside it.

    Raises:
        ConfigError: If it does not, or is of another version.
    """
    wanted = properties(labels, tokenizer)
    version = metadata.get(_VERSION)
    if version not in (_CURRENT, _EARLIER):
        what = (
            "not an export of ours"
            if version is None
            else f"of version {version}, which is unknown here"
        )
        raise ConfigError(f"{path}: {what}", remedy=REMEDY)
    for name, file in ((_LABELS, LABELS), (_TOKENIZER, VOCABULARY)):
        if metadata.get(name) != wanted[name]:
            raise ConfigError(
                f"{path}: of another model than the {file} beside it",
                remedy=REMEDY,
            )

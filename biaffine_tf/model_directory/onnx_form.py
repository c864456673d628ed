"""ONNX form of a model directory, which predicts in place of its weights.

onnx/model.onnx  the network, as in an ONNX export
onnx/form.json   digests of that file and of the files it was made from, and its
                 comparison with the model

Config, labels, vocabulary and confidence are those of the model directory. A
form can be deleted: TensorFlow predicts without it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.files import fingerprint, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.model_directory.digests import read_digests
from biaffine_tf.model_directory.names import (
    CONFIG,
    LABELS,
    ONNX_FORM,
    VOCABULARY,
    WEIGHTS,
)
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL

_FORM = "form.json"
_VERSION = 1
_SOURCES = (CONFIG, LABELS, VOCABULARY, WEIGHTS)
_SHAPE = {
    "version": int,
    "model": str,
    "source": {str: str},
    "parity": {str: float},
}
REMEDY = (
    "the command that trained the model writes it, where onnx and onnxruntime "
    "are installed"
)


def model_path(directory: str | os.PathLike[str]) -> str:
    """Returns the path of the ONNX file of a model directory or an export."""
    path = os.path.join(directory, ONNX_MODEL)
    if os.path.exists(path):
        return path
    return os.path.join(directory, ONNX_FORM, ONNX_MODEL)


def sources_of(directory: str | os.PathLike[str]) -> dict[str, str]:
    """Returns digests of the files that a form is made from, by name.

    Args:
        directory: Model directory. Its digests are taken from `digests.json`
            if there is one.
    """
    known = read_digests(os.fspath(directory))
    if known is not None:
        return {name: known.get(name, "") for name in _SOURCES}
    return {
        name: fingerprint(os.path.join(directory, name)) for name in _SOURCES
    }


def describe_form(
    folder: str, source: Mapping[str, str], parity: Mapping[str, float]
) -> None:
    """Writes `form.json`.

    Args:
        folder: Folder with the ONNX file.
        source: Digests from `sources_of`.
        parity: Result of the comparison with the model.
    """
    write_json(
        os.path.join(folder, _FORM),
        {
            "version": _VERSION,
            "model": fingerprint(os.path.join(folder, ONNX_MODEL)),
            "source": dict(source),
            "parity": dict(parity),
        },
    )


def find_obstacle(directory: str | os.PathLike[str]) -> str | None:
    """Returns why a model directory has no ONNX form to predict with.

    Reads neither the form nor, if the directory has digests, the weights.

    Returns:
        None if it has one.
    """
    folder = os.path.join(directory, ONNX_FORM)
    if not os.path.isfile(os.path.join(folder, ONNX_MODEL)):
        return "the model directory has no ONNX form"
    try:
        form = _read(folder)
        source = sources_of(directory)
    except (FileNotFoundError, BiaffineError) as error:
        return f"its ONNX form is incomplete ({error})"
    if form["version"] != _VERSION:
        return f"its ONNX form is of version {form['version']}"
    changed = [
        name for name in _SOURCES if form["source"].get(name) != source[name]
    ]
    if changed:
        return f"its ONNX form is of another {' and '.join(changed)}"
    return None


def check_form(directory: str | os.PathLike[str]) -> None:
    """Checks that the ONNX file is the one that was compared with the model.

    Args:
        directory: Model directory with a form.

    Raises:
        ConfigError: If it is another.
    """
    folder = os.path.join(directory, ONNX_FORM)
    path = os.path.join(folder, ONNX_MODEL)
    if fingerprint(path) != _read(folder)["model"]:
        raise ConfigError(
            f"{path}: changed since {_FORM} was written",
            remedy=f"restore it, or delete {folder}: TensorFlow predicts "
            f"without it, and {REMEDY} again",
        )


def _read(folder: str) -> dict:
    return read_json(
        os.path.join(folder, _FORM),
        _SHAPE,
        what="the description of an ONNX form",
        remedy=f"delete {folder}; {REMEDY} again",
    )

"""Finds the files of an encoder, and how to open its weights."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

from biaffine_tf import model_directory
from biaffine_tf.encoders.checkpoints import (
    google,
    huggingface,
    official,
)
from biaffine_tf.encoders.checkpoints.layout import Component, Layout
from biaffine_tf.encoders.checkpoints.storage import (
    OBJECT_GRAPH,
    SafetensorsStorage,
    Storage,
    TensorFlowStorage,
    TorchStorage,
    shards,
    tensorflow_files,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import peek_json

_SAFETENSORS, _TORCH = "model.safetensors", "pytorch_model.bin"
_TF_FILE = re.compile(r"\.(?:index|meta|data-\d{5}-of-\d{5})$")
_CONFIGS = ("config.json", "bert_config.json", "albert_config.json")
_LATEST = re.compile(r'^model_checkpoint_path: "(.+)"$', re.MULTILINE)
# Prefixes of tensor names in Google's ELECTRA.
_ELECTRA = (b"electra/", b"generator/")
_REMEDY = (
    "give a model directory, a Hugging Face directory or a TensorFlow "
    "checkpoint"
)


class Weights(NamedTuple):
    """Located weights, not yet opened.

    Attributes:
        files: Files of the weights.
        open: Reads names and shapes, and recognises the layout.
        needs_tensorflow: Whether opening loads TensorFlow.
        gelu_is_tanh: See `configs.read_config`.
    """

    files: list[str]
    open: Callable[[], tuple[Storage, Layout]]
    needs_tensorflow: bool = False
    gelu_is_tanh: bool = False


def is_model_directory(directory: str) -> bool:
    """Whether biaffine_tf's training wrote a directory."""
    path = os.path.join(directory, model_directory.CONFIG)
    return peek_json(path, {"model": object, "training": object}) is not None


def find_directory(path: str) -> str:
    """Returns the directory of an encoder: the path, or that of a file in it.

    Args:
        path: A directory, a TensorFlow checkpoint without `.index`, or a file.

    Raises:
        ConfigError: If the path does not exist.
    """
    if os.path.isdir(path):
        return path
    if not (
        os.path.exists(path)
        or os.path.exists(f"{_TF_FILE.sub('', path)}.index")
    ):
        raise ConfigError(f"{path}: no such file or directory", remedy=_REMEDY)
    return os.path.dirname(path) or "."


def find_weights(path: str, component: Component) -> tuple[str, Weights]:
    """Finds the weights, and the directory of the other parts of an encoder.

    Args:
        path: A directory, a TensorFlow checkpoint without `.index`, or a file.
        component: Encoder to take from an ELECTRA TF1 checkpoint of two.

    Raises:
        ConfigError: If there are no weights.
    """
    directory = find_directory(path)
    if directory == path:
        return path, _in_directory(path, component)
    prefix = _TF_FILE.sub("", path)
    if os.path.exists(f"{prefix}.index"):
        return directory, _tensorflow(prefix, component)
    if not is_model_directory(directory):
        if path.endswith(".safetensors"):
            return directory, _huggingface(path, [path], SafetensorsStorage)
        if path.endswith(".bin"):
            return directory, _huggingface(path, [path], TorchStorage)
    return directory, _in_directory(directory, component)


def find_config(directory: str, component: Component) -> str | None:
    """Returns the config of a directory; None if there is none or several."""
    for name in _CONFIGS:
        path = os.path.join(directory, name)
        if os.path.exists(path):
            return path
    pattern = os.path.join(glob.escape(directory), f"*{component}_config.json")
    paths = glob.glob(pattern)
    return paths[0] if len(paths) == 1 else None


def _in_directory(directory: str, component: Component) -> Weights:
    if is_model_directory(directory):
        return _ours(directory)
    weights = (
        _huggingface_in(directory, _SAFETENSORS, SafetensorsStorage)
        or _tensorflow_in(directory, component)
        or _huggingface_in(directory, _TORCH, TorchStorage)
    )
    if weights is None:
        raise ConfigError(
            f"{directory}: not a model directory or encoder directory: "
            f"it has no {_SAFETENSORS}, *.index or {_TORCH}",
            remedy=_REMEDY,
        )
    return weights


def _ours(directory: str) -> Weights:
    model_directory.check_weights(directory)
    path = os.path.join(directory, model_directory.WEIGHTS)

    def open_() -> tuple[Storage, Layout]:
        storage = SafetensorsStorage([path])
        return storage, official.own_layout(path, storage.shapes)

    return Weights([path], open_)


def _huggingface_in(
    directory: str, name: str, storage: Callable[[Sequence[str]], Storage]
) -> Weights | None:
    path = os.path.join(directory, name)
    if os.path.exists(path):
        return _huggingface(path, [path], storage)
    index = f"{path}.index.json"
    if os.path.exists(index):
        return _huggingface(index, shards(index), storage)
    return None


def _huggingface(
    path: str, files: list[str], storage: Callable[[Sequence[str]], Storage]
) -> Weights:
    def open_() -> tuple[Storage, Layout]:
        opened = storage(files)
        others = getattr(opened, "others", ())
        return opened, huggingface.layout(path, opened.shapes, others)

    return Weights(files, open_)


def _tensorflow_in(directory: str, component: Component) -> Weights | None:
    paths = sorted(glob.glob(os.path.join(glob.escape(directory), "*.index")))
    prefixes = [path.removesuffix(".index") for path in paths]
    latest = _latest(directory)
    if latest in prefixes:
        return _tensorflow(latest, component)
    if len(prefixes) > 1:
        raise ConfigError(
            f"{directory}: holds {len(prefixes)} checkpoints: "
            f"{', '.join(map(os.path.basename, prefixes))}",
            remedy=f"give one of them, as in {prefixes[-1]}",
        )
    return _tensorflow(prefixes[0], component) if prefixes else None


def _latest(directory: str) -> str | None:
    """Returns the last checkpoint of a directory, as TensorFlow noted it."""
    try:
        with open(
            os.path.join(directory, "checkpoint"), encoding="utf-8"
        ) as file:
            match = _LATEST.search(file.read())
    except (OSError, ValueError):
        return None
    name = os.path.basename(match.group(1)) if match else ""
    return os.path.join(directory, name)


def _tensorflow(prefix: str, component: Component) -> Weights:
    def open_() -> tuple[Storage, Layout]:
        storage = TensorFlowStorage(prefix)
        if storage.full_names is not None:
            return storage, official.layout(prefix, storage.full_names)
        return storage, google.layout(prefix, storage.shapes, component)

    return Weights(
        tensorflow_files(prefix),
        open_,
        needs_tensorflow=True,
        gelu_is_tanh=not _is_googles_electra(f"{prefix}.index"),
    )


def _is_googles_electra(index: str) -> bool:
    """Whether the index of a checkpoint has ELECTRA's names.

    Does not load TensorFlow. The index stores names without the prefix shared
    with the name before, of which the first name of an encoder has none.
    """
    try:
        with open(index, "rb") as file:
            content = file.read()
    except OSError:
        return False  # opening the checkpoint raises the error
    if OBJECT_GRAPH.encode() in content:
        return False  # tf-models-official's ELECTRA is its BERT
    return any(name in content for name in _ELECTRA)

"""Tensor files: names and shapes are read at once, data on demand."""

from __future__ import annotations

import glob
import os
import re
import warnings
from collections.abc import Sequence
from typing import Any, Protocol

import ml_dtypes  # noqa: F401  (numpy knows bfloat16 by it)
import numpy as np
import safetensors

from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import read_json

OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_PATTERN = set("*?[]")
# Names of refused content in torch's error messages.
_REFUSED = re.compile(r"GLOBAL (?P<name>[\w.]+)\s|TorchScript archive")
_SAVE_STATE = "torch.save(model.state_dict(), FILE)"
_STATES = ("state_dict", "model_state_dict", "model", "module")
_OF_TRAINING = re.compile("optim|scheduler|scaler")
_DAMAGED = "the file is damaged; get it again"


class Storage(Protocol):
    """A set of stored tensors.

    Attributes:
        shapes: Shapes of the tensors by stored name.
    """

    shapes: dict[str, tuple[int, ...]]

    def read(self, name: str) -> np.ndarray:
        """Reads a tensor in its stored dtype."""
        ...


class SafetensorsStorage:
    """One or more safetensors files."""

    def __init__(self, files: Sequence[str]) -> None:
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._files: dict[str, str] = {}
        for path in files:
            try:
                self._add(path)
            except (OSError, safetensors.SafetensorError) as error:
                raise ConfigError(
                    f"{path}: not readable as weights ({error})",
                    remedy=_DAMAGED,
                ) from error

    def _add(self, path: str) -> None:
        with safetensors.safe_open(path, framework="numpy") as file:
            for name in file.keys():  # noqa: SIM118  (it is no dictionary)
                self.shapes[name] = tuple(file.get_slice(name).get_shape())
                self._files[name] = path

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor."""
        with safetensors.safe_open(
            self._files[name], framework="numpy"
        ) as file:
            return file.get_tensor(name)


class TorchStorage:
    """One or more PyTorch files, which are read as a whole.

    Ignores everything except the weights: settings, counters, states of
    optimizers.

    Attributes:
        others: Names of the ignored content.
    """

    def __init__(self, files: Sequence[str]) -> None:
        torch = _import_torch(files[0])
        self._tensors: dict[str, Any] = {}
        self.others: list[str] = []
        for path in files:
            content = _unpickle(torch, path)
            name, tensors = _largest_state_dict(content, torch.Tensor)
            if not tensors:
                raise ConfigError(
                    f"{path}: holds no tensors with names but an object of "
                    f"type {type(content).__name__}",
                    remedy=f"write the weights alone: {_SAVE_STATE}",
                )
            self._tensors |= tensors
            self.others += [
                str(key)
                for key in content
                if key not in tensors and str(key) != name.partition(".")[0]
            ]
        self.shapes = {
            name: tuple(tensor.shape) for name, tensor in self._tensors.items()
        }

    def read(self, name: str) -> np.ndarray:
        """Returns a tensor as float32."""
        tensor = self._tensors[name].detach()
        if tensor.is_complex() or tensor.is_meta:
            kind = "without data" if tensor.is_meta else "of complex numbers"
            raise ConfigError(
                f"{name}: the tensor is {kind}",
                remedy="give the weights of an encoder",
            )
        if tensor.is_quantized:
            tensor = tensor.dequantize()
        return tensor.to_dense().float().numpy()


def _unpickle(torch: Any, path: str) -> Any:
    """Loads a file with weights only, which cannot run code.

    Leaves out torch's advice to load a refused file anyway: that would run any
    code in it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch accepts these formats
            return torch.load(path, map_location="cpu", weights_only=True)
    # The unpickler raises any type of error on bytes that are not weights.
    except Exception as error:
        refused = _REFUSED.search(str(error))
        if refused is None:
            reason = getattr(error, "strerror", None)
            raise ConfigError(
                f"{path}: not readable as weights"
                f"{f' ({reason})' if reason else ''}",
                remedy=_DAMAGED,
            ) from error
        what = refused["name"] or "a TorchScript program"
        raise ConfigError(
            f"{path}: holds not only tensors but {what}, and is not loaded: "
            "loading such a file can run any program in it",
            remedy=f"write the weights alone: {_SAVE_STATE}",
        ) from error


def _largest_state_dict(
    content: Any, tensor_type: type, name: str = ""
) -> tuple[str, dict[str, Any]]:
    """Returns the nested dictionary with the largest number of tensors.

    Args:
        content: Content of the file.
        tensor_type: Type of a tensor.
        name: Name of the content within the file; empty for all of it.

    Returns:
        Its dotted name, and its tensors by name.
    """
    if not isinstance(content, dict):
        return name, {}
    own = {
        key: value
        for key, value in content.items()
        if isinstance(key, str) and isinstance(value, tensor_type)
    }
    candidates = [(name, own)] + [
        _largest_state_dict(value, tensor_type, f"{name}.{key}".lstrip("."))
        for key, value in content.items()
        if not _OF_TRAINING.search(str(key))
    ]
    # Prefers the usual name if there are averaged and other copies.
    return max(
        candidates,
        key=lambda pair: (len(pair[1]), pair[0].rpartition(".")[2] in _STATES),
    )


def _import_torch(path: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ConfigError(
            f"{path}: PyTorch, which reads this file, is not installed",
            remedy="pip install torch, or, where transformers is installed, "
            "write the model as safetensors: AutoModel.from_pretrained(FOLDER)"
            ".save_pretrained(FOLDER)",
        ) from error
    return torch


class TensorFlowStorage:
    """A TensorFlow checkpoint; loads TensorFlow.

    Attributes:
        full_names: Names of variables by stored name in a TF2 checkpoint; None
            for a TF1 checkpoint, which stores these names.
    """

    def __init__(self, prefix: str) -> None:
        import tensorflow as tf

        self._prefix = prefix
        self._errors = (
            tf.errors.OpError,
            ValueError,
            RuntimeError,
            IndexError,
        )
        if set(prefix) & _PATTERN:
            raise ConfigError(
                f"{prefix}: TensorFlow reads this name as a pattern",
                remedy="rename the folder or file: no *, ?, [ or ] in it",
            )
        try:
            self._reader = tf.train.load_checkpoint(prefix)
            shapes = self._reader.get_variable_to_shape_map()
        except self._errors as error:
            raise self._unreadable(error) from error
        is_object_based = shapes.pop(OBJECT_GRAPH, None) is not None
        self.shapes: dict[str, tuple[int, ...]] = {
            name: tuple(shapes[name]) for name in sorted(shapes)
        }
        self.full_names: dict[str, str] | None = None
        if is_object_based:
            known = _full_names(self.read(OBJECT_GRAPH))
            self.full_names = {key: known.get(key, "") for key in self.shapes}

    def read(self, name: str) -> np.ndarray:
        """Reads one tensor."""
        try:
            return self._reader.get_tensor(name)
        except self._errors as error:
            raise self._unreadable(error) from error

    def _unreadable(self, error: Exception) -> ConfigError:
        return ConfigError(
            f"{self._prefix}: not readable as a TensorFlow checkpoint "
            f"({str(error).splitlines()[0]})",
            remedy="give the path without .index, and keep all of its files "
            "together",
        )


def _full_names(serialized: Any) -> dict[str, str]:
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(bytes(serialized))
    return {
        attribute.checkpoint_key: attribute.full_name
        for node in graph.nodes
        for attribute in node.attributes
    }


def tensorflow_files(prefix: str) -> list[str]:
    """Lists the files of a TensorFlow checkpoint."""
    return sorted(
        [f"{prefix}.index", *glob.glob(f"{glob.escape(prefix)}.data-*")]
    )


def shards(index: str) -> list[str]:
    """Lists the files of a Hugging Face index (`*.index.json`).

    Raises:
        ConfigError: If the index is damaged.
    """
    shape = {"weight_map": {str: str}}
    values = read_json(
        index, shape, what="an index of weights", remedy=_DAMAGED
    )
    names = sorted(set(values["weight_map"].values()))
    return [os.path.join(os.path.dirname(index), name) for name in names]

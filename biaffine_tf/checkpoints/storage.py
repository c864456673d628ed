"""Files of tensors: names and shapes at once, data on demand."""

from __future__ import annotations

import glob
import json
import os
import pickle
from collections.abc import Sequence
from typing import Any, Protocol

import ml_dtypes  # noqa: F401  (numpy knows bfloat16 by it)
import numpy as np
import safetensors

from biaffine_tf.errors import ConfigError

_OBJECT_GRAPH = "_CHECKPOINTABLE_OBJECT_GRAPH"
_PATTERN = set("*?[]")
_DAMAGED = "the file is damaged; get it again"


class Storage(Protocol):
    """Stored tensors.

    Attributes:
        shapes: Shape of each tensor, by its stored name.
    """

    shapes: dict[str, tuple[int, ...]]

    def read(self, name: str) -> np.ndarray:
        """The tensor of a name, in the type that it is stored in."""
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
    """One or more files of PyTorch's; these are read whole."""

    def __init__(self, files: Sequence[str]) -> None:
        torch = _import_torch(files[0])
        self._tensors: dict[str, Any] = {}
        for path in files:
            try:
                # weights_only: a pickle may otherwise run anything.
                content = torch.load(
                    path, map_location="cpu", weights_only=True
                )
            except (
                OSError,
                EOFError,
                RuntimeError,
                pickle.UnpicklingError,
            ) as error:
                raise ConfigError(
                    f"{path}: not readable as weights ({error})",
                    remedy=_DAMAGED,
                ) from error
            self._tensors |= content
        self.shapes = {
            name: tuple(tensor.shape) for name, tensor in self._tensors.items()
        }

    def read(self, name: str) -> np.ndarray:
        """Gives one tensor."""
        return self._tensors[name].float().numpy()


def _import_torch(path: str) -> Any:
    try:
        import torch
    except ImportError as error:
        raise ConfigError(
            f"{path}: only PyTorch can read it, which is not installed",
            remedy="pip install torch, or, where transformers is installed, "
            "write the model as safetensors: AutoModel.from_pretrained(FOLDER)"
            ".save_pretrained(FOLDER)",
        ) from error
    return torch


class TensorFlowStorage:
    """A TensorFlow checkpoint; loads TensorFlow.

    Attributes:
        full_names: Of a TF2 checkpoint: name of the variable by that of the
            stored tensor; None of a TF1 checkpoint, where they are the same.
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
                f"{prefix}: TensorFlow takes this name for a pattern",
                remedy="rename the folder or file: no *, ?, [ or ] in it",
            )
        try:
            self._reader = tf.train.load_checkpoint(prefix)
            shapes = self._reader.get_variable_to_shape_map()
        except self._errors as error:
            raise self._unreadable(error) from error
        is_object_based = shapes.pop(_OBJECT_GRAPH, None) is not None
        self.shapes: dict[str, tuple[int, ...]] = {
            name: tuple(shapes[name]) for name in sorted(shapes)
        }
        self.full_names: dict[str, str] | None = None
        if is_object_based:
            known = _full_names(self.read(_OBJECT_GRAPH))
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
    """The files of a TensorFlow checkpoint."""
    return sorted(
        [f"{prefix}.index", *glob.glob(f"{glob.escape(prefix)}.data-*")]
    )


def shards(index: str) -> list[str]:
    """The files that a Hugging Face index (`*.index.json`) spreads over.

    Raises:
        ConfigError: If it is damaged.
    """
    try:
        with open(index, encoding="utf-8") as file:
            names = sorted(set(json.load(file)["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ConfigError(
            f"{index}: not an index of weights ({error!r})", remedy=_DAMAGED
        ) from error
    return [os.path.join(os.path.dirname(index), name) for name in names]

"""ONNX graphs, built node by node, with products in float32 or int8.

In int8, each vector is quantised with its own scale. ONNX's dynamic
quantisation has one scale for a batch: twice the error, and the output for a
sentence then depends on the others in its batch.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biaffine_tf.errors import ConfigError

_OPERATORS = 21  # first version that quantises in blocks
_FORMAT = 10  # the version of files that goes with it
_MICROSOFT = "com.microsoft"
_MAX_BYTES = 2**31 - 2**20  # limit of protocol buffers, with a margin
# Vectors are quantised to bytes around the middle.
_MIDDLE = 128
_LARGEST = 127
# Largest weight: processors without VNNI add the products of two bytes in 16
# bits, in which 2 * 255 * 64 fits.
_LARGEST_WEIGHT = 63
_MIN_SCALE = 1e-30  # for vectors of zeros, and far from denormal


class OnnxGraph:
    """Builds a graph; values are referred to by name.

    Args:
        int8: Whether tables and the products of `dense` are in int8.
    """

    def __init__(self, *, int8: bool = False) -> None:
        self._int8 = int8
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple, str] = {}
        self._tensors: list[onnx.TensorProto] = []
        self._settings: dict[str, tuple[type, list[str]]] = {}
        self._quantised: dict[str, tuple[str, str]] = {}
        self._middles: str | None = None
        self._bytes = 0

    def __call__(
        self,
        operator: str,
        *inputs: str,
        name: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Adds a node with one output, and returns the output's name."""
        name = name or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(
            helper.make_node(
                operator,
                list(inputs),
                [name],
                name=name,
                domain=domain,
                **attributes,
            )
        )
        return name

    def constant(self, values: np.ndarray | np.generic) -> str:
        """Adds an array; equal ones are stored once."""
        values = np.asarray(values, order="C")
        digest = hashlib.sha256(values.tobytes()).digest()
        key = (values.dtype, values.shape, digest)
        if key not in self._constants:  # layers may share their weights
            name = f"constant_{len(self._tensors)}"
            self._tensors.append(numpy_helper.from_array(values, name))
            self._bytes += values.nbytes
            self._constants[key] = name
        return self._constants[key]

    def setting(self, name: str, dtype: type) -> str:
        """Adds a scalar to the inputs of the model."""
        self._settings[name] = dtype, []
        return name

    def cast(self, x: str, dtype: type) -> str:
        """Converts values to another dtype."""
        return self(
            "Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        )

    def reshape(self, x: str, *sizes: str) -> str:
        """Reshapes values; sizes may be 0."""
        return self("Reshape", x, self("Concat", *sizes, axis=0), allowzero=1)

    def integers(self, *values: int) -> str:
        """Adds a vector of int64, for axes and shapes."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Adds a float32 scalar."""
        return self.constant(np.float32(value))

    def rows(self, table: np.ndarray, index: str) -> str:
        """Gathers rows of a table.

        Args:
            table: Table, float32 `[N, E]`.
            index: Row indices, int32 of any shape.

        Returns:
            float32 `[..., E]`.
        """
        if not self._int8:
            return self("Gather", self.constant(table), index)
        values, scales = _to_int8(table, axis=1, largest=_LARGEST)
        rows = self("Gather", self.constant(values), index)
        rows = self("Cast", rows, to=TensorProto.FLOAT)
        return self("Mul", rows, self("Gather", self.constant(scales), index))

    def dense(self, x: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Computes `x kernel + bias`, in int8 if the graph is.

        Args:
            x: float32 `[B, N, H]`, with the same B and N in each call.
            kernel: float32 `[H, I]`.
            bias: float32 `[I]`.

        Returns:
            float32 `[B, N, I]`.
        """
        if not self._int8:
            return self.product(x, kernel, bias)
        values, scales = _to_int8(kernel, axis=0, largest=_LARGEST_WEIGHT)
        if x not in self._quantised:
            self._quantised[x] = self._quantise(x, len(kernel))
        whole, sizes = self._quantised[x]
        product = self(
            "MatMulIntegerToFloat",
            whole,
            self.constant(values),
            self.number(1),
            self.constant(scales[0]),
            self.constant(np.uint8(_MIDDLE)),
            domain=_MICROSOFT,
        )
        return self("Add", self("Mul", product, sizes), self.constant(bias))

    def product(self, x: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """Computes `x kernel + bias` in float32."""
        product = self("MatMul", x, self.constant(kernel))
        return self("Add", product, self.constant(bias))

    def _quantise(self, x: str, width: int) -> tuple[str, str]:
        """Returns bytes `[B, N, H]` around the middle, and scales `[B, N, 1]`.

        A block is a vector.
        """
        greatest = self("ReduceMax", self("Abs", x), self.integers(-1))
        size = self("Max", greatest, self.number(_MIN_SCALE))
        scale = self("Mul", size, self.number(1 / _LARGEST))
        if self._middles is None:  # as many for each input
            middle = self.constant(np.uint8(_MIDDLE))
            self._middles = self("Expand", middle, self("Shape", scale))
        whole = self(
            "QuantizeLinear",
            x,
            scale,
            self._middles,
            axis=-1,
            block_size=width,
        )
        return whole, scale

    def to_model(
        self,
        inputs: Mapping[str, tuple[type, list[str]]],
        outputs: Mapping[str, tuple[type, list[str]]],
        properties: Mapping[str, str],
    ) -> bytes:
        """Serialises the model.

        Args:
            inputs: Dtype and names of the axes of each input but settings.
            outputs: Dtype and names of the axes of each output, a value's name.
            properties: Metadata of the model.

        Returns:
            Content of an ONNX file.

        Raises:
            ConfigError: If it exceeds the size limit of such a file.
        """
        if self._bytes > _MAX_BYTES:
            raise ConfigError(
                f"the model has {self._bytes / 2**30:.1f} GiB of weights, but "
                "an ONNX file holds at most 2 GiB",
                remedy="export it in int8, or as a SavedModel",
            )
        graph = helper.make_graph(
            self._nodes,
            "model",
            _infos({**inputs, **self._settings}),
            _infos(outputs),
            self._tensors,
        )
        model = helper.make_model(
            graph,
            producer_name="biaffine_tf",
            ir_version=_FORMAT,
            opset_imports=[
                helper.make_opsetid("", _OPERATORS),
                helper.make_opsetid(_MICROSOFT, 1),
            ],
        )
        helper.set_model_props(model, dict(properties))
        return model.SerializeToString()


def _infos(
    values: Mapping[str, tuple[type, list[str]]],
) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), axes
        )
        for name, (dtype, axes) in values.items()
    ]


def _to_int8(
    values: np.ndarray, *, axis: int, largest: int
) -> tuple[np.ndarray, np.ndarray]:
    """Quantises to integers up to `largest`, with a scale along the axis."""
    scales = np.abs(values).max(axis=axis, keepdims=True) / largest
    scales = np.maximum(scales, _MIN_SCALE).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales

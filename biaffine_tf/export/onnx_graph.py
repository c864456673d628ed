"""ONNX graphs, node by node; products in float32 or in eight bits.

In eight bits every vector is quantised by a scale of its own. What ONNX calls
dynamic quantisation has one scale for a whole batch: less exact by half, and
what a sentence is answered then depends on those that it shares a batch with.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from biaffine_tf.errors import ConfigError

_OPERATORS = 20  # the first to have Gelu
_FORMAT = 9  # which onnxruntime reads from 1.17 on
_MICROSOFT = "com.microsoft"
_MAX_BYTES = 2**31 - 2**20  # a file of protocol buffers, and room for the rest
# Vectors are whole numbers around the middle of a byte.
_MIDDLE = 128
_LARGEST = 127
# Of weights: processors without VNNI add the products of two bytes in 16 bits,
# and 2 * 255 * 64 is what fits.
_LARGEST_WEIGHT = 63
_MIN_SCALE = 1e-30  # of vectors of zeros, and far from denormal


class OnnxGraph:
    """A graph in the making: values are known by their names.

    Args:
        int8: Whether tables and the products of `dense` are in eight bits.
    """

    def __init__(self, *, int8: bool = False) -> None:
        self._int8 = int8
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple, str] = {}
        self._tensors: list[onnx.TensorProto] = []
        self._quantised: dict[str, tuple[str, str]] = {}
        self._bytes = 0

    def __call__(
        self,
        operator: str,
        *inputs: str,
        name: str | None = None,
        domain: str = "",
        **attributes: Any,
    ) -> str:
        """Adds a node with one output, and returns its name."""
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
        """An array; equal ones are stored once."""
        values = np.asarray(values, order="C")
        digest = hashlib.sha256(values.tobytes()).digest()
        key = (values.dtype, values.shape, digest)
        if key not in self._constants:  # layers may share their weights
            name = f"constant_{len(self._tensors)}"
            self._tensors.append(numpy_helper.from_array(values, name))
            self._bytes += values.nbytes
            self._constants[key] = name
        return self._constants[key]

    def cast(self, x: str, dtype: type) -> str:
        """Values in another dtype."""
        return self(
            "Cast", x, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        )

    def reshape(self, x: str, *sizes: str) -> str:
        """Values in another shape; any of the sizes may be 0."""
        return self("Reshape", x, self("Concat", *sizes, axis=0), allowzero=1)

    def integers(self, *values: int) -> str:
        """A vector of int64, such as axes and shapes are."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """A float32 scalar."""
        return self.constant(np.float32(value))

    def rows(self, table: np.ndarray, index: str) -> str:
        """Rows of a table.

        Args:
            table: float32 `[N, E]`.
            index: int32, any shape.

        Returns:
            float32 `[..., E]`.
        """
        if not self._int8:
            return self("Gather", self.constant(table), index)
        values, scales = _to_int8(table, axis=1, largest=_LARGEST)
        found = self("Gather", self.constant(values), index)
        found = self("Cast", found, to=TensorProto.FLOAT)
        return self("Mul", found, self("Gather", self.constant(scales), index))

    def dense(self, x: str, kernel: np.ndarray, bias: np.ndarray) -> str:
        """`x kernel + bias`, in eight bits if the graph is.

        Args:
            x: float32 `[..., H]`.
            kernel: float32 `[H, I]`.
            bias: float32 `[I]`.

        Returns:
            float32 `[..., I]`.
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
        """As `dense`, in float32 always."""
        product = self("MatMul", x, self.constant(kernel))
        return self("Add", product, self.constant(bias))

    def _quantise(self, x: str, width: int) -> tuple[str, str]:
        """Bytes `[..., H]` around the middle, and scales `[..., 1]`."""
        most = self("ReduceMax", x, self.integers(-1), keepdims=1)
        least = self("ReduceMin", x, self.integers(-1), keepdims=1)
        size = self("Max", most, self("Neg", least), self.number(_MIN_SCALE))
        scale = self("Mul", size, self.number(1 / _LARGEST))
        scales = self("Reshape", scale, self.integers(-1))
        middle = self.constant(np.uint8(_MIDDLE))
        middles = self("Expand", middle, self("Shape", scales))
        flat = self("Reshape", x, self.integers(-1, width))
        whole = self("QuantizeLinear", flat, scales, middles, axis=0)
        return self("Reshape", whole, self("Shape", x)), scale

    def to_model(
        self,
        inputs: Mapping[str, tuple[type, list[str]]],
        outputs: Mapping[str, tuple[type, list[str]]],
        properties: Mapping[str, str],
    ) -> bytes:
        """The finished model, checked.

        Args:
            inputs: Dtype and names of the axes of each input.
            outputs: Of each output, which is the name of a value.
            properties: What it says of itself.

        Returns:
            What a file of it holds.

        Raises:
            ConfigError: If it is larger than such a file may be.
        """
        if self._bytes > _MAX_BYTES:
            raise ConfigError(
                f"the model has {self._bytes / 2**30:.1f} GiB of weights, and "
                "an ONNX file holds 2",
                remedy="export it in int8, or as a SavedModel",
            )
        graph = helper.make_graph(
            self._nodes, "model", _infos(inputs), _infos(outputs), self._tensors
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
    """Whole numbers up to the largest, and scales with one along the axis."""
    scales = np.abs(values).max(axis=axis, keepdims=True) / largest
    scales = np.maximum(scales, _MIN_SCALE).astype(np.float32)
    return np.rint(values / scales).astype(np.int8), scales

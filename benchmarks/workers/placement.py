"""Copies from a GPU to the host within a graph, found without a GPU.

TensorFlow registers for each kernel which inputs and outputs are in the memory
of the host; that of int32 is there as a rule, since shapes are int32. A tensor
that one operation leaves on the GPU and another one wants on the host is
copied, and the host waits for all that the GPU has been given.

This is of a graph as it was traced. TensorFlow's optimizer removes operations,
above all on constants, so that the copies that it leaves are among these. Not
found are kernels that wait by themselves, since the size of their output is not
known before: `Unique` and `Where`.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.framework import kernels

# Kernels registered for any device run on a GPU, too.
_DEVICES = ("GPU", "DEFAULT")
# Arguments and results of functions of these types are on the host.
_ON_HOST = (tf.int32, tf.resource, tf.string)
_FUNCTIONS = ("f", "body", "cond", "then_branch", "else_branch")
_NO_KERNEL = {  # calls, and what is no computation
    "PartitionedCall",
    "StatefulPartitionedCall",
    "While",
    "StatelessWhile",
    "If",
    "StatelessIf",
    "Placeholder",
    "Const",
}


@dataclasses.dataclass(frozen=True)
class Copy:
    """A tensor that is copied from the GPU to the host.

    Attributes:
        tensor: The tensor.
        consumer: The operation that wants it on the host.
    """

    tensor: tf.Tensor
    consumer: tf.Operation

    def __str__(self) -> str:
        tensor = self.tensor
        return (
            f"{tensor.op.type} {tensor.name}, {tensor.dtype.name} "
            f"{tensor.shape}, to {self.consumer.type} {self.consumer.name}"
        )


def copies_to_host(graph: tf.Graph) -> list[Copy]:
    """Returns the copies of a graph and of the functions that it calls."""
    return [copy for one in _with_functions(graph) for copy in _copies(one)]


def without_gpu_kernel(graph: tf.Graph) -> list[tf.Operation]:
    """Returns the operations that have a kernel on the host alone."""
    return [
        operation
        for one in _with_functions(graph)
        for operation in one.get_operations()
        if operation.type not in _NO_KERNEL and _kernel(operation) is None
    ]


def _with_functions(graph: tf.Graph) -> Iterator[tf.Graph]:
    seen: set[str] = set()
    waiting = [graph]
    while waiting:
        graph = waiting.pop()
        yield graph
        for operation in graph.get_operations():
            for name in _FUNCTIONS:
                if name not in operation.node_def.attr:
                    continue
                function = operation.get_attr(name).name
                if function not in seen:
                    seen.add(function)
                    waiting.append(graph._get_function(function).graph)


def _copies(graph: tf.Graph) -> Iterator[Copy]:
    operations = graph.get_operations()
    outputs = {
        tensor.ref(): is_host
        for operation in operations
        for tensor, is_host in zip(
            operation.outputs,
            _on_host(operation, of_inputs=False),
            strict=True,
        )
    }
    for operation in operations:
        for tensor, is_host in zip(
            operation.inputs, _on_host(operation, of_inputs=True), strict=True
        ):
            if is_host and not outputs[tensor.ref()]:
                yield Copy(tensor, operation)


def _on_host(operation: tf.Operation, *, of_inputs: bool) -> list[bool]:
    """Returns for each input or output whether it is in the host's memory."""
    tensors = operation.inputs if of_inputs else operation.outputs
    if operation.type in _NO_KERNEL:
        return [tensor.dtype in _ON_HOST for tensor in tensors]
    kernel = _kernel(operation)
    if kernel is None:
        return [True for _ in tensors]
    definition = operation.op_def
    arguments = definition.input_arg if of_inputs else definition.output_arg
    return [
        argument.name in kernel.host_memory_arg
        for argument in arguments
        for _ in range(_count(operation, argument))
    ]


def _count(operation: tf.Operation, argument: Any) -> int:
    """Returns the number of tensors of an argument."""
    if argument.number_attr:
        return int(operation.get_attr(argument.number_attr))
    if argument.type_list_attr:
        return len(operation.get_attr(argument.type_list_attr))
    return 1


@functools.cache
def _registered(kind: str) -> list[Any]:
    return list(kernels.get_registered_kernels_for_op(kind).kernel)


def _kernel(operation: tf.Operation) -> Any:
    """Returns the kernel that a GPU takes; None if there is none."""
    fitting = [
        kernel
        for kernel in _registered(operation.type)
        if kernel.device_type in _DEVICES
        and not kernel.label
        and all(
            _allows(constraint, operation) for constraint in kernel.constraint
        )
    ]
    fitting.sort(key=lambda kernel: _DEVICES.index(kernel.device_type))
    return fitting[0] if fitting else None


def _allows(constraint: Any, operation: tf.Operation) -> bool:
    name = constraint.name
    if name not in operation.node_def.attr:
        return False
    found = operation.get_attr(name)
    types = found if isinstance(found, list) else [found]
    allowed = constraint.allowed_values.list
    if allowed.s:
        return all(tf.compat.as_bytes(one) in allowed.s for one in types)
    return {tf.as_dtype(one) for one in types} <= {
        tf.as_dtype(one) for one in allowed.type
    }

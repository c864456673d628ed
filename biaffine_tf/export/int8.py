"""Weights in eight bits and a scale for each channel."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from biaffine_tf.heads.span_model import SpanModel

_LARGEST = 127
# What is smaller is not worth it.
_MIN_VALUES = 4096


class Int8Weight(tf.Module):
    """Takes the place of a layer's weight; a tensor is made when it is read.

    Symmetric: `weight = scale * int8`, a scale for each output of a matrix and
    for each row of a table, so that the greatest is 127.

    Args:
        values: Float32.
        is_table: Whether rows are looked up.
    """

    def __init__(self, values: np.ndarray, *, is_table: bool) -> None:
        super().__init__()
        scales = np.abs(values).max(
            axis=_shared_axes(values.shape, is_table), keepdims=True
        )
        scales = np.maximum(scales, np.finfo(np.float32).tiny) / _LARGEST
        self.values = tf.Variable(
            np.rint(values / scales).astype(np.int8), trainable=False
        )
        self.scales = tf.Variable(scales.astype(np.float32), trainable=False)
        self.shape = self.values.shape
        self.dtype = tf.float32

    def __tf_tensor__(
        self, dtype: tf.DType | None = None, name: str | None = None
    ) -> tf.Tensor:
        """The weight; TensorFlow asks for it wherever a tensor is wanted."""
        weight = tf.cast(self.values, tf.float32) * self.scales
        return weight if dtype is None else tf.cast(weight, dtype, name=name)

    def __getitem__(self, key: slice) -> tf.Tensor:
        """A part of the weight."""
        return tf.convert_to_tensor(self)[key]

    def sparse_read(
        self, indices: tf.Tensor, name: str | None = None
    ) -> tf.Tensor:
        """Rows of a table: `tf.gather` asks variables for them."""
        rows = tf.cast(tf.gather(self.values, indices), tf.float32)
        if self.scales.shape[0] == 1:
            return rows * self.scales[0]
        return rows * tf.gather(self.scales, indices)


def to_int8(model: SpanModel) -> list[tf.Variable]:
    """Replaces the large weights of a model, which can only predict then.

    Args:
        model: The model, with its weights.

    Returns:
        The variables that it now has.
    """
    large = {
        id(weight): Int8Weight(
            weight.numpy(), is_table="embeddings" in weight.name
        )
        for weight in model.saved_weights().values()
        if weight.shape.num_elements() >= _MIN_VALUES
    }
    replaced = set()
    for layer in model.submodules:
        for name, value in vars(layer).items():
            if id(value) in large:
                # Not by setattr: Keras would look for a variable.
                vars(layer)[name] = large[id(value)]
                replaced.add(id(value))
    if replaced != large.keys():
        raise AssertionError("a weight is nowhere among the layers")
    small = [
        weight
        for weight in model.saved_weights().values()
        if id(weight) not in large
    ]
    return small + [
        variable
        for weight in large.values()
        for variable in (weight.values, weight.scales)
    ]


def _shared_axes(shape: tuple[int, ...], is_table: bool) -> tuple[int, ...]:
    """What has one scale: a row, or the inputs of an output.

    Kernels of attention are [inputs, heads, size] or [heads, size, outputs].
    """
    if is_table or len(shape) < 2:
        return (len(shape) - 1,)
    if len(shape) == 3 and shape[0] < shape[-1]:
        return (0, 1)
    return (0,)

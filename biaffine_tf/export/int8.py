"""Weights in int8 with a scale for each channel."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from biaffine_tf.heads.span_model import SpanModel

_LARGEST = 127
# Smaller weights are kept in float32.
_MIN_VALUES = 4096


class Int8Weight(tf.Module):
    """Replaces a layer's weight; its float32 value is computed when it is read.

    Symmetric quantisation: `weight = scale * int8`, with a scale for each
    output of a matrix or each row of a table, so that the greatest value is
    127.

    Args:
        values: Values in float32.
        is_table: Whether it is a table of rows to look up.
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
        """Converts to a tensor, which TensorFlow does wherever it needs one."""
        weight = tf.cast(self.values, tf.float32) * self.scales
        return weight if dtype is None else tf.cast(weight, dtype, name=name)

    def __getitem__(self, key: slice) -> tf.Tensor:
        """Slices the weight."""
        return tf.convert_to_tensor(self)[key]

    def sparse_read(
        self, indices: tf.Tensor, name: str | None = None
    ) -> tf.Tensor:
        """Gathers rows of a table; `tf.gather` calls this."""
        rows = tf.cast(tf.gather(self.values, indices), tf.float32)
        if self.scales.shape[0] == 1:
            return rows * self.scales[0]
        return rows * tf.gather(self.scales, indices)


def to_int8(model: SpanModel) -> list[tf.Variable]:
    """Replaces the large weights of a model, for prediction only.

    Args:
        model: Model with its weights.

    Returns:
        The new variables of the model.
    """
    large = {
        id(weight): Int8Weight(
            weight.numpy(), is_table="embeddings" in weight.name
        )
        for name, weight in model.saved_weights().items()
        if weight.shape.num_elements() >= _MIN_VALUES
        and not name.startswith("neck/")  # recurrence adds up the errors
    }
    replaced = set()
    for layer in model.submodules:
        for name, value in vars(layer).items():
            if id(value) in large:
                # Keras's setattr would expect a variable.
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
    """Returns the axes that share a scale: a row, or the inputs of an output.

    Kernels of attention are [inputs, heads, size] or [heads, size, outputs].
    """
    if is_table or len(shape) < 2:
        return (len(shape) - 1,)
    if len(shape) == 3 and shape[0] < shape[-1]:
        return (0, 1)
    return (0,)

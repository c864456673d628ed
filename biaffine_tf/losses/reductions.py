"""Reductions whose gradient has no shape to compute.

The gradient of TensorFlow's sum over some axes computes the shape with these
axes kept. A GPU computes it, and the host waits for it. It is at hand where the
sum keeps the axes and they are dropped afterwards.
"""

from __future__ import annotations

import tensorflow as tf


def sum_over(values: tf.Tensor, axis: int | list[int]) -> tf.Tensor:
    """Sums floating-point values over axes and drops these."""
    return tf.squeeze(tf.reduce_sum(values, axis, keepdims=True), axis)


def logsumexp_over(values: tf.Tensor, axis: int | list[int]) -> tf.Tensor:
    """Computes `log(sum(exp(values)))` over axes and drops these."""
    return tf.squeeze(tf.reduce_logsumexp(values, axis, keepdims=True), axis)

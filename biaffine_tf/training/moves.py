"""Moves of word embeddings, sentence by sentence, and sums of gradients."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.training.objective import Batch, Gradients


def word_embeddings(model: SpanModel, batch: Batch) -> tf.Tensor:
    """Looks up the word embeddings of a batch, without a gradient.

    Returns:
        float32 `[B, N + 2, E]`, zero at the padding.
    """
    ids = batch["input_ids"]
    words = tf.gather(model.encoder.embeddings[0].embeddings, ids)
    is_real = tf.cast(ids != model.pad_id, words.dtype)
    return tf.stop_gradient(words * is_real[..., None])


def norm(x: tf.Tensor) -> tf.Tensor:
    """Computes the norm of each sentence, `[B, 1, 1]`, of `[B, N, E]`."""
    return tf.norm(x, axis=[1, 2], keepdims=True)


def unit(slope: tf.Tensor) -> tf.Tensor:
    """Divides the gradient of each sentence by its norm.

    Returns:
        `[B, N, E]`; zero where the gradient is, or is not finite, as in float16
        while the loss scale is too large.
    """
    largest = tf.reduce_max(tf.abs(slope), axis=[1, 2], keepdims=True)
    is_usable = tf.math.is_finite(largest) & (largest > 0)
    safe = tf.where(is_usable, slope, 1.0)
    safe /= tf.where(is_usable, largest, 1.0)  # whose squares are in range
    return tf.where(is_usable, safe / norm(safe), 0.0)


def within(offsets: tf.Tensor, radius: tf.Tensor) -> tf.Tensor:
    """Shortens the moves `[B, N, E]` beyond a radius `[B, 1, 1]` to it."""
    length = norm(offsets)
    is_beyond = length > radius
    return tf.where(
        is_beyond, offsets * radius / tf.where(is_beyond, length, 1.0), offsets
    )


def add_gradients(gradients: Gradients, more: Gradients) -> Gradients:
    """Adds gradients of the same variables; sparse ones stay sparse."""
    return [
        _add(one, other) for one, other in zip(gradients, more, strict=True)
    ]


def _add(one: Any, other: Any) -> Any:
    if one is None or other is None:
        return other if one is None else one
    parts = (one, other)
    if all(isinstance(x, tf.IndexedSlices) for x in parts):
        return tf.IndexedSlices(
            tf.concat([x.values for x in parts], 0),
            tf.concat([x.indices for x in parts], 0),
            one.dense_shape,
        )
    return tf.add_n([tf.convert_to_tensor(x) for x in parts])

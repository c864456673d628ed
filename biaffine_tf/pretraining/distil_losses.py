"""Losses between the vectors of a student and of its teacher."""

from __future__ import annotations

import math

import tensorflow as tf

_MAX_RELATION_HEADS = 32
_MASKED = -1e9  # relation to a token without a target
_EPSILON = 1e-6  # of the variance


def hidden_losses(vectors: tf.Tensor, targets: tf.Tensor) -> tf.Tensor:
    """Computes the mean squared errors of normalized vectors.

    Both are normalized to mean 0 and variance 1, as by a layer norm without
    gain: 0 for equal directions, 2 for unrelated ones.

    Args:
        vectors: Projected vectors of the student, float32 `[B, L, T]`.
        targets: Vectors of the teacher, float32 `[B, L, T]`.

    Returns:
        float32 `[B, L]`.
    """
    errors = tf.math.squared_difference(
        _normalize(vectors), _normalize(targets)
    )
    return tf.reduce_mean(errors, axis=-1)


def relation_losses(
    vectors: tf.Tensor,
    targets: tf.Tensor,
    has_target: tf.Tensor,
    *,
    heads: int,
) -> tf.Tensor:
    """Computes the divergences of the relations of each token to all.

    `KL(softmax(T T^T / sqrt(t)) || softmax(S S^T / sqrt(s)))`, of each head and
    row; T and S are a head's parts, t and s wide, of normalized vectors.

    Args:
        vectors: Vectors of the student, float32 `[B, L, H]`.
        targets: Vectors of the teacher, float32 `[B, L, T]`.
        has_target: 1 for tokens with a target, else 0, float32 `[B, L]`. Others
            have no relations.
        heads: Number of heads, which divides H and T.

    Returns:
        Means over the heads, float32 `[B, L]`.
    """
    own, wanted = (
        _log_relations(x, has_target, heads) for x in (vectors, targets)
    )
    divergences = tf.reduce_sum(tf.exp(wanted) * (wanted - own), axis=-1)
    return tf.reduce_mean(divergences, axis=1)


def _log_relations(
    x: tf.Tensor, has_target: tf.Tensor, heads: int
) -> tf.Tensor:
    """Returns log-probabilities `[B, heads, L, L]`."""
    shape = tf.shape(x)
    size = x.shape[-1] // heads
    parts = tf.reshape(_normalize(x), [shape[0], shape[1], heads, size])
    parts = tf.transpose(parts, [0, 2, 1, 3])
    scores = tf.matmul(parts, parts, transpose_b=True) / math.sqrt(size)
    return tf.nn.log_softmax(
        scores + (1.0 - has_target)[:, None, None, :] * _MASKED
    )


def relation_heads(width: int, teacher_width: int) -> int:
    """Returns the greatest number of heads that divides both widths."""
    return max(
        heads
        for heads in range(1, _MAX_RELATION_HEADS + 1)
        if width % heads == 0 and teacher_width % heads == 0
    )


def mean_of_ranges(
    vectors: tf.Tensor, begins: tf.Tensor, ends: tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Computes the means of ranges of vectors.

    Args:
        vectors: float32 `[B, M, T]`.
        begins: First vectors of the ranges, int32 `[B, L]`.
        ends: Their ends, int32 `[B, L]`.

    Returns:
        Means float32 `[B, L, T]`, and 1 for ranges that are not empty, else 0,
        float32 `[B, L]`.
    """
    index = tf.range(tf.shape(vectors)[1])
    begin, end = begins[:, :, None], ends[:, :, None]
    shares = tf.cast((begin <= index) & (index < end), tf.float32)  # [B, L, M]
    counts = tf.reduce_sum(shares, axis=-1, keepdims=True)
    means = tf.matmul(tf.math.divide_no_nan(shares, counts), vectors)
    return means, tf.cast(counts[:, :, 0] > 0, tf.float32)


def _normalize(x: tf.Tensor) -> tf.Tensor:
    """Normalizes the last axis to mean 0 and variance 1."""
    mean, variance = tf.nn.moments(x, axes=[-1], keepdims=True)
    return (x - mean) * tf.math.rsqrt(variance + _EPSILON)

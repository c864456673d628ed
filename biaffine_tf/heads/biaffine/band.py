"""Logits of all pairs up to a maximum width, as one tensor.

Used by the layer on its own and by the signature `score_pieces` of exports;
training and prediction compute the same pairs in blocks, see `blocks`.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.biaffine.scores import map_starts, pair_logits

# Frames of fewer starts make matrix products that are too small to be fast.
_MIN_FRAME = 32


def band_logits(
    starts: tf.Tensor,
    ends: tf.Tensor,
    bilinear: tf.Tensor,
    width: int | tf.Tensor,
) -> tf.Tensor:
    """Computes the logits of the pairs with `0 <= last - first < width`.

    The starts are cut into frames of F; a batched product scores a frame
    against the F + W - 1 ends in reach of it. Work and memory are linear in L.

    Args:
        starts: `[B, L, D]`.
        ends: `[B, L, D']`.
        bilinear: `[D, C, D']`.
        width: W, from 1 to L.

    Returns:
        Class-major `[B, L, C, W]`; entry `[b, i, c, w]` is the logit of the
        pair (i, i + w), or 0 where i + w >= L.
    """
    batch, length, _ = tf.unstack(tf.shape(starts))
    num_classes = bilinear.shape[1]
    # A frame must be at least as long as its last start reaches beyond it.
    size = tf.minimum(tf.maximum(width - 1, _MIN_FRAME), length)  # F
    frames = -(-length // size)  # K
    starts = _pad_length(starts, frames * size)
    mapped = tf.reshape(
        map_starts(starts, bilinear),
        [batch, frames, size, num_classes, bilinear.shape[2]],
    )  # [B, K, F, C, D']
    logits = pair_logits(mapped, _windows(ends, frames, size, width))
    band = _skew(logits, width)  # [B, K, F, C, W]
    band = tf.reshape(band, [batch, frames * size, num_classes, width])
    return band[:, :length]


def _windows(
    ends: tf.Tensor, frames: tf.Tensor, size: tf.Tensor, width: tf.Tensor
) -> tf.Tensor:
    """Returns the ends in reach of each frame, `[B, K, F + W - 1, D']`.

    As W - 1 <= F, they lie in the frame itself and the next one.
    """
    shape = tf.shape(ends)
    ends = _pad_length(ends, (frames + 1) * size)
    ends = tf.reshape(ends, [shape[0], frames + 1, size, ends.shape[2]])
    return tf.concat([ends[:, :-1], ends[:, 1:, : width - 1]], axis=2)


def _skew(logits: tf.Tensor, width: tf.Tensor) -> tf.Tensor:
    """Moves row f of `[B, K, F, C, F + W - 1]` left by f: `[B, K, F, C, W]`."""
    batch, frames, size, num_classes, columns = tf.unstack(tf.shape(logits))
    # In rows that are longer by one, each row starts one further to the right.
    flat = tf.reshape(logits, [batch, frames, size * num_classes * columns])
    flat = tf.pad(flat, [[0, 0], [0, 0], [0, size]])
    rows = tf.reshape(flat, [batch, frames, size, num_classes * columns + 1])
    rows = tf.reshape(rows[..., :-1], tf.shape(logits))
    return rows[..., :width]


def _pad_length(vectors: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    return tf.pad(vectors, [[0, 0], [0, length - tf.shape(vectors)[1]], [0, 0]])

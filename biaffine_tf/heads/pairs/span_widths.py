"""Learned scores of the widths of spans for every class."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.width_buckets import BOUNDS, buckets_of_distances


def width_scores(table: tf.Tensor, distances: tf.Tensor) -> tf.Tensor:
    """Looks up the scores of distances; a product, to be deterministic.

    Args:
        table: `[buckets, C]`.
        distances: last - first, int32 `[...]`; of negative ones bucket 0.

    Returns:
        `[C, ...]`.
    """
    buckets = tf.constant(buckets_of_distances())
    distances = tf.clip_by_value(distances, 0, BOUNDS[-1] - 1)
    chosen = tf.one_hot(
        tf.reshape(tf.gather(buckets, distances), [-1]),
        len(BOUNDS),
        axis=0,
        dtype=table.dtype,
    )  # [buckets, N]
    scores = tf.matmul(table, chosen, transpose_a=True)
    return tf.reshape(
        scores, tf.concat([[table.shape[1]], tf.shape(distances)], 0)
    )


def add_widths(logits: tf.Tensor, table: tf.Tensor, block: Block) -> tf.Tensor:
    """Adds the scores of the widths to the logits of a block.

    Args:
        logits: `[B, S, C, E]`.
        table: `[buckets, C]`.
        block: S rows and E columns.
    """
    distances = tf.range(block.num_columns) - tf.range(block.num_rows)[:, None]
    scores = width_scores(table, distances)  # [C, S, E]
    return logits + tf.transpose(scores, [1, 0, 2])

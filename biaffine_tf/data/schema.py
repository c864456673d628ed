"""The one feature spec: what a record holds, and how a batch looks.

The span matrix is stored sparse, as the flat triples (first piece, last piece,
label id) of its non-zero cells, and becomes dense only on the accelerator.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.data.features import Features

SCHEMA_VERSION = 1

# Short names: they are repeated in every record.
_PIECES = "pieces"
_CELLS = "cells"


def serialize(features: Features) -> bytes:
    """A `tf.train.Example` in bytes."""
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                _PIECES: _int64_feature(features.input_ids),
                _CELLS: _int64_feature(
                    [value for cell in features.cells for value in cell]
                ),
            }
        )
    ).SerializeToString(deterministic=True)


def _int64_feature(values: list[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def parse(record: tf.Tensor) -> dict[str, tf.Tensor]:
    """The inverse of `serialize`, in the graph.

    Args:
        record: string scalar.

    Returns:
        `input_ids` int32 `[L + 2]` and `cells` int32 `[S, 3]`.
    """
    variable = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
    parsed = tf.io.parse_single_example(
        record, {_PIECES: variable, _CELLS: variable}
    )
    return {
        "input_ids": tf.cast(parsed[_PIECES], tf.int32),
        "cells": tf.cast(tf.reshape(parsed[_CELLS], [-1, 3]), tf.int32),
    }


def dense_matrix(cells: tf.Tensor, length: int | tf.Tensor) -> tf.Tensor:
    """Span matrices of a batch.

    Args:
        cells: int32 `[B, S, 3]`: first piece, last piece, label id; padding
            is all zeros.
        length: L, the padded number of pieces.

    Returns:
        int32 `[B, L, L]`: label id of each pair, 0 = none.
    """
    batch, slots = tf.unstack(tf.shape(cells)[:2])
    rows = tf.repeat(tf.range(batch), slots)[:, None]  # [B * S, 1]
    cells = tf.reshape(cells, [-1, 3])
    # Padding adds 0 to cell (0, 0); real cells of a sentence are distinct.
    return tf.scatter_nd(
        tf.concat([rows, cells[:, :2]], axis=1),
        cells[:, 2],
        [batch, length, length],
    )

"""The one feature spec: what a record holds, and how a batch looks.

The span matrix is stored sparse, as the flat triples (first piece, last piece,
label id) of its non-zero cells, and becomes dense only on the accelerator.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.records.features import Features

# To be raised when the same source and settings would give other records.
SCHEMA_VERSION = 3

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
        `input_ids` int32 `[L + 2]` and `cells` int32 `[N, 3]`.
    """
    variable = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
    parsed = tf.io.parse_single_example(
        record, {_PIECES: variable, _CELLS: variable}
    )
    return {
        "input_ids": tf.cast(parsed[_PIECES], tf.int32),
        "cells": tf.cast(tf.reshape(parsed[_CELLS], [-1, 3]), tf.int32),
    }


def locate(
    cells: tf.Tensor,
    *,
    first: int | tf.Tensor = 0,
    num_rows: int | tf.Tensor,
    num_columns: int | tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where cells lie in a part of the span matrices.

    Args:
        cells: int32 `[B, N, 3]`: first piece, last piece, label id; padding
            is all zeros.
        first: First row and first column of the part.
        num_rows: S.
        num_columns: E.

    Returns:
        Whether each is in the part and no padding, bool `[B, N]`; and
        (sentence, row, column) in the part, int32 `[B, N, 3]`, for the others
        row and column 0.
    """
    places = cells[..., :2] - first  # [B, N, 2]
    inside = (places >= 0) & (places < [num_rows, num_columns])
    inside = tf.reduce_all(inside, axis=-1) & (cells[..., 2] > 0)  # [B, N]
    places = tf.where(inside[..., None], places, 0)
    batch, slots = tf.unstack(tf.shape(inside))
    sentences = tf.repeat(tf.range(batch)[:, None], slots, axis=1)  # [B, N]
    return inside, tf.concat([sentences[..., None], places], axis=-1)


def dense_matrix(
    cells: tf.Tensor,
    *,
    first: int | tf.Tensor = 0,
    num_rows: int | tf.Tensor,
    num_columns: int | tf.Tensor,
) -> tf.Tensor:
    """A part of the span matrices of a batch.

    Args:
        cells: int32 `[B, N, 3]`, as for `locate`.
        first: First row and first column of the part.
        num_rows: S; with `first` 0 and S = E = L the part is everything.
        num_columns: E.

    Returns:
        int32 `[B, S, E]`: label id of each pair, 0 = none.
    """
    inside, where = locate(
        cells, first=first, num_rows=num_rows, num_columns=num_columns
    )
    # Other cells add 0 to the first one; real cells of a sentence are distinct.
    return tf.scatter_nd(
        where,
        tf.where(inside, cells[..., 2], 0),
        [tf.shape(cells)[0], num_rows, num_columns],
    )

"""The span matrix of a batch of gold spans, whole or a part of it."""

from __future__ import annotations

import tensorflow as tf


def locate(
    cells: tf.Tensor,
    *,
    first: int | tf.Tensor = 0,
    num_rows: int | tf.Tensor,
    num_columns: int | tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Where cells lie in a part of the span matrices.

    Args:
        cells: int32 `[B, N, 3]`: first token, last token, label id; padding
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

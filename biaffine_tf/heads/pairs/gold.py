"""The span matrix of a batch of gold spans, whole or in part."""

from __future__ import annotations

import tensorflow as tf


def locate(
    cells: tf.Tensor,
    *,
    first: int | tf.Tensor = 0,
    num_rows: int | tf.Tensor,
    num_columns: int | tf.Tensor,
) -> tuple[tf.Tensor, tf.Tensor]:
    """Finds the positions of cells within a rectangle of the span matrices.

    Args:
        cells: Integers `[B, N, 3]`: first token, last token, label id; padding
            is all zeros.
        first: Index of the first row and the first column.
        num_rows: S, the number of rows.
        num_columns: E, the number of columns.

    Returns:
        inside: bool `[B, N]`, false for padding and cells elsewhere.
        where: `[B, N, 3]` of the cells' type, (sentence, row, column) in the
            rectangle; row and column are 0 where `inside` is false.
    """
    integer = cells.dtype
    places = cells[..., :2] - tf.cast(first, integer)  # [B, N, 2]
    size = tf.cast(tf.stack([num_rows, num_columns]), integer)
    inside = (places >= 0) & (places < size)
    inside = tf.reduce_all(inside, axis=-1) & (cells[..., 2] > 0)  # [B, N]
    places = tf.where(inside[..., None], places, 0)
    sentences = tf.cast(tf.range(tf.shape(cells)[0]), integer)
    sentences = sentences[:, None, None] + tf.zeros_like(places[..., :1])
    return inside, tf.concat([sentences, places], axis=-1)


def dense_matrix(
    cells: tf.Tensor,
    *,
    first: int | tf.Tensor = 0,
    num_rows: int | tf.Tensor,
    num_columns: int | tf.Tensor,
) -> tf.Tensor:
    """Builds a rectangle of the span matrices of a batch.

    Args:
        cells: Integers `[B, N, 3]`, as for `locate`.
        first: Index of the first row and the first column.
        num_rows: S, the number of rows; L for the whole matrix.
        num_columns: E, the number of columns; likewise.

    Returns:
        `[B, S, E]` of the cells' type: label id of each pair, 0 for none.
    """
    inside, where = locate(
        cells, first=first, num_rows=num_rows, num_columns=num_columns
    )
    # Cells elsewhere add 0 to cell (0, 0); gold cells of a sentence are
    # distinct.
    shape = [tf.shape(cells)[0], num_rows, num_columns]
    return tf.tensor_scatter_nd_add(
        tf.zeros(shape, cells.dtype),
        where,
        tf.where(inside, cells[..., 2], 0),
    )


def dense_targets(
    cells: tf.Tensor,
    shares: tf.Tensor,
    *,
    num_classes: int,
    first: int | tf.Tensor = 0,
    num_rows: int | tf.Tensor,
    num_columns: int | tf.Tensor,
) -> tf.Tensor:
    """Builds a rectangle of targets, for several labels a pair.

    Args:
        cells: Integers `[B, N, 3]`, as for `locate`, but not distinct.
        shares: Target of each cell, float32 `[B, N]`; those of equal cells are
            added.
        num_classes: C, "none" included.
        first: Index of the first row and the first column.
        num_rows: S, the number of rows.
        num_columns: E, the number of columns.

    Returns:
        Class-major float32 `[B, S, C - 1, E]`, without "none".
    """
    inside, where = locate(
        cells, first=first, num_rows=num_rows, num_columns=num_columns
    )
    label = tf.where(inside, cells[..., 2] - 1, 0)[..., None]
    shape = [tf.shape(cells)[0], num_rows, num_classes - 1, num_columns]
    return tf.tensor_scatter_nd_add(
        tf.zeros(shape),
        tf.concat([where[..., :2], label, where[..., 2:]], axis=-1),
        tf.where(inside, shares, 0),
    )


def near_gold(
    cells: tf.Tensor, distance: int, *, rows: tf.Tensor, columns: tf.Tensor
) -> tf.Tensor:
    """Marks pairs that begin or end near where a gold span does.

    Args:
        cells: Integers `[B, N, 3]`, as for `locate`.
        distance: Maximum number of tokens between the two first, or the two
            last tokens.
        rows: First token of each row, int32 `[S]`.
        columns: Last token of each column, int32 `[E]`.

    Returns:
        bool `[B, S, E]`.
    """
    is_cell = cells[..., 2, None] > 0  # [B, N, 1]
    rows, columns = tf.cast(rows, cells.dtype), tf.cast(columns, cells.dtype)

    def is_near(ends: tf.Tensor, places: tf.Tensor) -> tf.Tensor:
        near = tf.abs(ends[..., None] - places) <= distance  # [B, N, S or E]
        return tf.reduce_any(near & is_cell, axis=1)

    starts, ends = (
        is_near(cells[..., 0], rows),
        is_near(cells[..., 1], columns),
    )
    return starts[:, :, None] | ends[:, None]

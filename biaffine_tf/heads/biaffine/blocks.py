"""The pairs of a batch in blocks of rows, where they are too many at once.

A block holds some starts and all the ends that they can reach:

    rows    [first, first + S)
    columns [first, min(L, first + S + W - 1))

W is the width of the widest span; with W = L the blocks cover the upper
triangle of the square and half of the rest is never computed. Training and
prediction go through the same blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

# Maximum number of floats in the logits of a block and the mapped starts that
# they are made of.
MAX_FLOATS = 1 << 22
# A block of the band has W rows, or so many starts over all sentences if these
# are more rows: smaller products are slow. Beyond _ROWS[1] too many pairs of a
# block are outside the band.
_STARTS = 512
_ROWS = (16, 64)


class Block(NamedTuple):
    """Rows and columns of a block, of the span matrix of a sentence.

    Attributes:
        first: First row and first column, int32 scalar.
        num_rows: S.
        num_columns: E.
    """

    first: int | tf.Tensor
    num_rows: int | tf.Tensor
    num_columns: int | tf.Tensor

    def rows_of(self, vectors: tf.Tensor) -> tf.Tensor:
        """The starts of the block, `[B, S, D]` of `[B, L, D]`."""
        return vectors[:, self.first : self.first + self.num_rows]

    def columns_of(self, vectors: tf.Tensor) -> tf.Tensor:
        """The ends of the block, `[B, E, D]` of `[B, L, D]`."""
        return vectors[:, self.first : self.first + self.num_columns]


class Blocks(NamedTuple):
    """How a batch is divided.

    Attributes:
        length: L, the padded number of tokens.
        width: W, from 1 to L: tokens of the widest span.
        num_rows: S, of every block but the last.
    """

    length: tf.Tensor
    width: tf.Tensor
    num_rows: tf.Tensor

    def fold(self, add: Callable[[Block, Any], Any], state: Any) -> Any:
        """Folds a function over the blocks, from the first row to the last.

        One block is worked on at a time, which bounds the memory.

        Args:
            add: From a block and a state to the next state, a nested
                structure of tensors and TensorArrays.
            state: The first state.

        Returns:
            The last state.
        """

        def step(first: tf.Tensor, state: Any) -> tuple[tf.Tensor, Any]:
            end = tf.minimum(first + self.num_rows, self.length)
            reach = tf.minimum(end + self.width - 1, self.length)
            return end, add(Block(first, end - first, reach - first), state)

        _, state = tf.while_loop(
            lambda first, _: first < self.length,
            step,
            (tf.constant(0), state),
            parallel_iterations=1,
        )
        return state


def divide(
    starts: tf.Tensor,
    bilinear: tf.Tensor,
    *,
    max_span_width: int | None,
    max_floats: int | None = None,
) -> Blocks:
    """Divides the pairs of a batch into blocks.

    Args:
        starts: `[B, L, D]`.
        bilinear: `[D, C, D']`.
        max_span_width: Tokens of the widest span; None for all pairs.
        max_floats: Maximum number of floats in a block, unless a single row
            has more; `MAX_FLOATS` if not given.

    Returns:
        The division: as few blocks as may be; with a width, blocks not so long
        that most of their pairs would be wider.
    """
    batch, length, _ = tf.unstack(tf.shape(starts))
    batch = tf.maximum(batch, 1)  # a replica can get no sentence
    _, num_classes, end_size = bilinear.shape
    width = max_rows = length
    if max_span_width is not None:
        width = tf.minimum(length, max_span_width)
        enough_rows = tf.clip_by_value(_STARTS // batch, *_ROWS)
        max_rows = tf.minimum(length, tf.maximum(width, enough_rows))
    reach = tf.minimum(length, max_rows + width - 1)
    row_floats = batch * num_classes * (reach + end_size)
    num_rows = (max_floats or MAX_FLOATS) // row_floats
    return Blocks(length, width, tf.clip_by_value(num_rows, 1, max_rows))


def pair_mask(
    counts: tf.Tensor, block: Block, width: int | tf.Tensor
) -> tf.Tensor:
    """Which pairs of a block are spans.

    Both ends are real tokens, first <= last, and it is not too wide.

    Args:
        counts: Tokens of each sentence, int32 `[B]`.
        block: S rows and E columns.
        width: W, tokens of the widest span.

    Returns:
        bool `[B, S, E]`.
    """
    rows = block.first + tf.range(block.num_rows)
    columns = block.first + tf.range(block.num_columns)
    distance = columns - rows[:, None]
    in_band = (distance >= 0) & (distance < width)  # [S, E]
    real = columns < counts[:, None]  # [B, E]
    return in_band & real[:, None]

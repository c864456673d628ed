"""Division of the pairs of a batch into blocks of rows, to bound memory.

A block holds some starts and all ends in their reach:

    rows    [first, first + S)
    columns [first, min(L, first + S + W - 1))

W is the maximum span width. With W = L the blocks cover the upper triangle of
the span matrix; half of the rest is never computed. Training and prediction use
the same blocks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

# Maximum number of floats in the logits of a block and what they need.
MAX_FLOATS = 1 << 22
# A block of a band has W rows, or more if `_STARTS` starts over all sentences,
# within `_ROWS`, are more: small products are slow, but with too many rows most
# pairs of a block are outside the band.
_STARTS = 512
_ROWS = (16, 64)


class Block(NamedTuple):
    """A rectangle of the span matrix.

    Attributes:
        first: Index of the first row and the first column, int32 scalar.
        num_rows: S, the number of starts.
        num_columns: E, the number of ends.
    """

    first: int | tf.Tensor
    num_rows: int | tf.Tensor
    num_columns: int | tf.Tensor

    def rows_of(self, vectors: tf.Tensor) -> tf.Tensor:
        """Slices the rows of the block, `[B, S, ...]`, from `[B, L, ...]`."""
        return vectors[:, self.first : self.first + self.num_rows]

    def columns_of(self, vectors: tf.Tensor) -> tf.Tensor:
        """Slices its columns, `[B, E, ...]`, from `[B, L, ...]`."""
        return vectors[:, self.first : self.first + self.num_columns]


class Blocks(NamedTuple):
    """Division of the pairs of a batch into blocks.

    Attributes:
        length: L, the padded number of tokens.
        width: W, the maximum span width in tokens, from 1 to L.
        num_rows: S, the number of rows of every block but the last.
    """

    length: tf.Tensor
    width: tf.Tensor
    num_rows: tf.Tensor

    def fold(self, add: Callable[[Block, Any], Any], state: Any) -> Any:
        """Folds a function over the blocks, from the first row to the last.

        Only one block is in memory at a time.

        Args:
            add: Takes a block and a state, a nested structure of tensors and
                TensorArrays; returns the next state.
            state: Initial state.

        Returns:
            The final state.
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
    batch: tf.Tensor,
    length: tf.Tensor,
    *,
    num_classes: int,
    floats: int = 0,
    max_span_width: int | None,
    max_floats: int | None = None,
) -> Blocks:
    """Divides the pairs of a batch into blocks.

    Args:
        batch: B, the number of sentences, int32 scalar.
        length: L, the padded number of tokens, int32 scalar.
        num_classes: C.
        floats: Number of floats per row and class beside the logits.
        max_span_width: Maximum span width in tokens; None for all pairs.
        max_floats: Maximum number of floats in a block, unless a single row
            has more; `MAX_FLOATS` if not given.

    Returns:
        As few blocks as fit; with a maximum width, shorter ones, so that
        most of their pairs lie within it.
    """
    batch = tf.maximum(batch, 1)  # a replica can get no sentence
    width = max_rows = length
    if max_span_width is not None:
        width = tf.minimum(length, max_span_width)
        enough_rows = tf.clip_by_value(_STARTS // batch, *_ROWS)
        max_rows = tf.minimum(length, tf.maximum(width, enough_rows))
    reach = tf.minimum(length, max_rows + width - 1)
    row_floats = batch * num_classes * (reach + floats)
    num_rows = (max_floats or MAX_FLOATS) // row_floats
    return Blocks(length, width, tf.clip_by_value(num_rows, 1, max_rows))


def pair_mask(
    counts: tf.Tensor, block: Block, width: int | tf.Tensor
) -> tf.Tensor:
    """Marks the pairs that are valid spans.

    Both ends are real tokens, first <= last, and the width is at most W.

    Args:
        counts: Number of tokens of each sentence, integers `[B]`.
        block: S rows and E columns.
        width: W, the maximum span width in tokens.

    Returns:
        bool `[B, S, E]`.
    """
    integer = counts.dtype
    rows = tf.cast(block.first + tf.range(block.num_rows), integer)
    columns = tf.cast(block.first + tf.range(block.num_columns), integer)
    width = tf.cast(width, integer)
    distance = columns - rows[:, None]
    in_band = (distance >= 0) & (distance < width)  # [S, E]
    real = columns < counts[:, None]  # [B, E]
    return in_band & real[:, None]

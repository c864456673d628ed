"""The seam between heads and pairs: logits of any block of pairs."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import tensorflow as tf

from biaffine_tf.heads.pairs.blocks import Block, Blocks, divide

Tensors = tuple[tf.Tensor, ...]


class Score(Protocol):
    """A function from a block of pairs to its logits."""

    def __call__(
        self, block: Block, rows: Tensors, columns: Tensors, weights: Tensors
    ) -> tf.Tensor:
        """Computes logits.

        Args:
            block: S rows and E columns.
            rows: Slices `[B, S, ...]` of `Pairs.rows`.
            columns: Slices `[B, E, ...]` of `Pairs.columns`.
            weights: `Pairs.weights`.

        Returns:
            Class-major `[B, S, C, E]`.
        """


class Pairs(NamedTuple):
    """All pairs of a batch, scored block by block.

    Attributes:
        rows: Tensors `[B, L, ...]`, of which a block takes its rows.
        columns: Tensors `[B, L, ...]`, of which it takes its columns.
        weights: Tensors that all blocks share, float32.
        score: Computes the logits of a block.
        num_classes: C, "none" included.
        floats: Number of floats per row and class that `score` needs beside
            the logits.
    """

    rows: Tensors
    columns: Tensors
    weights: Tensors
    score: Score
    num_classes: int
    floats: int = 0

    def divide(
        self, max_span_width: int | None, max_floats: int | None = None
    ) -> Blocks:
        """Divides the pairs into blocks; see `blocks.divide`."""
        batch, length = tf.unstack(tf.shape(self.rows[0])[:2])
        return divide(
            batch,
            length,
            num_classes=self.num_classes,
            floats=self.floats,
            max_span_width=max_span_width,
            max_floats=max_floats,
        )

    def parts(self, block: Block) -> Tensors:
        """Returns what `logits` needs of a block, `weights` included."""
        return (
            *map(block.rows_of, self.rows),
            *map(block.columns_of, self.columns),
            *self.weights,
        )

    def logits(self, block: Block, parts: Tensors) -> tf.Tensor:
        """Computes the logits `[B, S, C, E]` of a block from its parts."""
        rows, columns = len(self.rows), len(self.rows) + len(self.columns)
        return self.score(
            block, parts[:rows], parts[rows:columns], parts[columns:]
        )

    @property
    def inputs(self) -> Tensors:
        """Rows, columns and weights."""
        return (*self.rows, *self.columns, *self.weights)

    def with_inputs(self, inputs: Tensors) -> Pairs:
        """Replaces rows, columns and weights, in this order."""
        rows, columns = len(self.rows), len(self.rows) + len(self.columns)
        return self._replace(
            rows=inputs[:rows],
            columns=inputs[rows:columns],
            weights=inputs[columns:],
        )

    def cast(self, dtype: tf.DType) -> Pairs:
        """Casts rows, columns and weights."""
        return self.with_inputs(tuple(tf.cast(x, dtype) for x in self.inputs))

    def add_parts(self, sums: Tensors, parts: Tensors, block: Block) -> Tensors:
        """Adds tensors like `parts` of a block to tensors like `inputs`."""

        def add_at_first(total: tf.Tensor, part: tf.Tensor) -> tf.Tensor:
            after = tf.shape(total)[1] - block.first - tf.shape(part)[1]
            others = [[0, 0]] * (total.shape.rank - 2)
            part = tf.pad(part, [[0, 0], [block.first, after], *others])
            return tf.ensure_shape(total + part, total.shape)

        by_place = len(self.rows) + len(self.columns)
        both = zip(sums, parts, strict=True)
        return tuple(
            add_at_first(*one) if number < by_place else one[0] + one[1]
            for number, one in enumerate(both)
        )

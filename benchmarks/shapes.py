"""Shapes of encoders, and the arithmetic that they cost."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from typing import NamedTuple, Self


class Shape(NamedTuple):
    """A BERT encoder in two numbers; the others follow from them.

    Attributes:
        layers: Transformer layers.
        width: H, the hidden size.
    """

    layers: int
    width: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """The shape of "12x768".

        Raises:
            argparse.ArgumentTypeError: If it is none.
        """
        try:
            layers, width = map(int, text.split("x"))
        except ValueError:
            layers = width = 0
        if layers < 1 or width < 1 or (width > 64 and width % 64):
            raise argparse.ArgumentTypeError(
                f"{text!r} is not LAYERSxWIDTH, with a width of heads of 64"
            )
        return cls(layers, width)

    @property
    def heads(self) -> int:
        """Attention heads, 64 wide."""
        return max(1, self.width // 64)

    @property
    def intermediate(self) -> int:
        """Width between the two products of the feed-forward layer."""
        return 4 * self.width

    def __str__(self) -> str:
        return f"{self.layers}x{self.width}"


def encoder_operations(shape: Shape, lengths: Iterable[int]) -> int:
    """Floating-point operations of the matrix products of a forward pass.

    A multiplication and an addition count as two. A sentence of n positions
    costs a layer of width H and intermediate width I

        2 n (3 H H)  queries, keys and values
        2 n (H H)    the attention's output
        2 n (2 H I)  the feed-forward layer
        2 (2 n n H)  attention scores, and values weighted by them

    A training step takes three times as many: the gradients of both factors
    of each product are products of its size. Embeddings, norms, softmax and
    activations are no matrix products and count nothing.

    Args:
        shape: The encoder.
        lengths: Real positions of each sentence, [CLS] and [SEP] included,
            padding apart: work on padding is not achieved.
    """
    width = shape.width
    weights = 4 * width * width + 2 * width * shape.intermediate
    return shape.layers * sum(
        2 * length * weights + 4 * length * length * width for length in lengths
    )

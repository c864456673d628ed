"""The arithmetic of an encoder, counted by hand."""

import argparse

import pytest

from benchmarks.shapes import Shape, encoder_operations


def product(rows: int, inner: int, columns: int) -> int:
    """Operations of one matrix product: a loop's multiplies and adds."""
    return sum(2 for _ in range(rows) for _ in range(columns)) * inner


def slow_operations(shape: Shape, length: int) -> int:
    """Every product of a forward pass over one sentence, one by one."""
    width, head = shape.width, shape.width // shape.heads
    total = 0
    for _ in range(shape.layers):
        for _ in ("query", "key", "value", "output"):
            total += product(length, width, width)
        for _ in range(shape.heads):
            total += product(length, head, length)  # scores
            total += product(length, length, head)  # weighted values
        total += product(length, width, shape.intermediate)
        total += product(length, shape.intermediate, width)
    return total


@pytest.mark.parametrize("name", ["1x64", "2x128", "3x192"])
@pytest.mark.parametrize("lengths", [[1], [3, 7], [40, 12, 12]])
def test_operations_are_those_of_all_products(name, lengths):
    shape = Shape.parse(name)
    expected = sum(slow_operations(shape, length) for length in lengths)
    assert encoder_operations(shape, lengths) == expected


def test_shapes_have_heads_of_64():
    shape = Shape.parse("12x768")
    assert (shape.heads, shape.intermediate, str(shape)) == (12, 3072, "12x768")


@pytest.mark.parametrize("text", ["", "4", "4x", "0x64", "2x100", "4x256x2"])
def test_what_is_no_shape_is_refused(text):
    with pytest.raises(argparse.ArgumentTypeError, match="LAYERSxWIDTH"):
        Shape.parse(text)

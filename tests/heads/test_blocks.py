"""Blocks cover every pair once, and are no larger than allowed."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.heads.pairs.blocks import Block, divide, pair_mask
from biaffine_tf.heads.pairs.logits import classes_at, mask_at

shapes = st.tuples(
    st.integers(0, 4),  # B
    st.integers(1, 40),  # L
    st.integers(1, 6),  # C
    st.integers(1, 7),  # D'
)
widths = st.none() | st.integers(1, 45)


def _divide(shape, max_span_width, max_floats):
    batch, length, num_classes, size = shape
    return divide(
        batch,
        length,
        num_classes=num_classes,
        floats=size,
        max_span_width=max_span_width,
        max_floats=max_floats,
    )


def _visited(blocks):
    """The blocks of a walk, as integers."""
    array = tf.TensorArray(
        tf.int32, size=0, dynamic_size=True, element_shape=[3]
    )

    def visit(block, state):
        index, array = state
        return index + 1, array.write(index, tf.stack(block))

    _, array = blocks.fold(visit, (tf.constant(0), array))
    return array.stack().numpy().tolist()


@pytest.mark.slow
@given(shapes, widths, st.integers(1, 20_000))
def test_cover_the_band_and_keep_to_the_bound(shape, width, max_floats):
    batch, length, num_classes, size = shape
    blocks = _divide(shape, width, max_floats)
    reach = min(width or length, length)
    seen = np.zeros([length, length], int)
    for first, num_rows, num_columns in _visited(blocks):
        assert num_rows >= 1
        floats = batch * num_rows * num_classes * (num_columns + size)
        assert num_rows == 1 or floats <= max_floats
        rows = slice(first, first + num_rows)
        seen[rows, first : first + num_columns] += 1
    for row in range(length):
        assert (seen[row, row : row + reach] == 1).all()


def test_as_few_blocks_as_may_be():
    assert len(_visited(_divide((32, 40, 11, 151), None, None))) == 1
    assert len(_visited(_divide((2, 12, 3, 4), None, 2 * 3 * 16 * 4))) == 3


def test_the_lower_half_is_mostly_not_computed():
    blocks = _visited(_divide((1, 1000, 5, 10), None, 5 * 1010 * 20))
    computed = sum(rows * columns for _, rows, columns in blocks)
    assert len(blocks) == 50
    assert computed < 0.52 * 1000 * 1000


@pytest.mark.parametrize("batch", [1, 4, 32])
def test_work_on_the_band_is_linear(batch):
    for width in (1, 10, 100):
        computed = [
            sum(
                rows * columns
                for _, rows, columns in _visited(
                    _divide((batch, length, 11, 151), width, None)
                )
            )
            for length in (1000, 2000)
        ]
        assert computed[1] < 2.2 * computed[0]
        assert computed[0] < 1000 * max(2 * width, width + 64)


def test_walk_in_a_graph_of_unknown_shapes():
    @tf.function(
        input_signature=[tf.TensorSpec([None, None, 3])], autograph=False
    )
    def total(starts):
        batch, length, _ = tf.unstack(tf.shape(starts))
        blocks = divide(
            batch,
            length,
            num_classes=2,
            floats=4,
            max_span_width=5,
            max_floats=200,
        )
        return blocks.fold(
            lambda block, state: state + block.num_rows * block.num_columns,
            tf.constant(0),
        )

    for length in (1, 7, 23):
        blocks = _divide((2, length, 2, 4), 5, 200)
        want = sum(rows * columns for _, rows, columns in _visited(blocks))
        assert total(tf.zeros([2, length, 3])).numpy() == want


@given(st.data())
def test_pair_mask_against_loops(data):
    length = data.draw(st.integers(1, 8))
    first = data.draw(st.integers(0, length - 1))
    num_rows = data.draw(st.integers(1, length - first))
    num_columns = data.draw(st.integers(num_rows, length - first))
    width = data.draw(st.integers(1, length))
    counts = data.draw(st.lists(st.integers(0, length), max_size=3))
    got = pair_mask(
        tf.constant(counts, tf.int32),
        Block(first, num_rows, num_columns),
        width,
    ).numpy()
    assert got.shape == (len(counts), num_rows, num_columns)
    for sentence, row, column in np.ndindex(got.shape):
        i, j = first + row, first + column
        want = i <= j < counts[sentence] and j - i + 1 <= width
        assert got[sentence, row, column] == want


def test_classes_at():
    logits = np.random.default_rng(0).normal(size=[3, 4, 5, 6])
    where = np.random.default_rng(1).integers(0, [3, 4, 6], [7, 2, 3])
    got = classes_at(tf.constant(logits), tf.constant(where, tf.int32))
    for index in np.ndindex(7, 2):
        sentence, row, column = where[index]
        np.testing.assert_array_equal(
            got[index], logits[sentence, row, :, column]
        )


def test_mask_at():
    mask = np.random.default_rng(0).random([3, 4, 6]) < 0.5
    where = np.random.default_rng(1).integers(0, [3, 4, 6], [7, 2, 3])
    got = mask_at(tf.constant(mask), tf.constant(where, tf.int32))
    for index in np.ndindex(7, 2):
        assert got[index] == mask[tuple(where[index])]

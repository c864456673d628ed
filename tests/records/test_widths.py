"""Bounds on the width of spans against loops over the pairs."""

import collections

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.records.widths import (
    count_pairs,
    count_wider,
    share_of_pairs,
)


@given(st.lists(st.integers(1, 20), min_size=1, max_size=9), st.integers(1, 25))
def test_share_of_pairs(lengths, bound):
    widths = [
        last - first + 1
        for length in lengths
        for first in range(length)
        for last in range(first, length)
    ]
    kept = sum(width <= bound for width in widths)
    share = share_of_pairs(collections.Counter(lengths), bound)
    assert share == pytest.approx(kept / len(widths))
    assert count_pairs(collections.Counter(lengths), bound) == kept


def test_count_wider():
    widths = {1: 5, 3: 2, 4: 7}
    assert [count_wider(widths, bound) for bound in (1, 2, 3, 4, 9)] == [
        *(9, 9, 7, 0, 0)
    ]

"""Ranges against loops over all of them."""

from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.evaluation.ranges import SpanRanges, holds, outermost
from biaffine_tf.spans import Span

RANGES = st.tuples(st.integers(0, 12), st.integers(1, 6)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)
SETS = st.lists(RANGES, max_size=12)


def characters(range_):
    return set(range(*range_))


@given(SETS, RANGES)
def test_overlapping_and_nested(ranges, asked):
    known = SpanRanges(Span(*range_, "A") for range_ in ranges)
    assert list(known.overlapping(asked)) == sorted(
        {r for r in ranges if characters(r) & characters(asked)}
    )
    assert known.is_nested(asked) == any(
        characters(r) < characters(asked) or characters(r) > characters(asked)
        for r in ranges
    )


@given(RANGES, RANGES)
def test_holds_is_a_true_superset(a, b):
    assert holds(a, b) == (characters(a) > characters(b))


@given(SETS)
def test_outermost_lie_in_no_other(ranges):
    assert outermost(ranges) == sorted(
        {
            r
            for r in ranges
            if not any(characters(r) < characters(o) for o in ranges)
        }
    )

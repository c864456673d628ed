"""Spans onto tokens and into layers of tags."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.formats import Problems
from biaffine_tf.formats.layers import assign_layers, snap_to_tokens
from biaffine_tf.formats.tags import WordSpan
from biaffine_tf.spans import Span


@given(
    st.sets(
        st.builds(
            lambda start, width: WordSpan(start, start + width, "x"),
            st.integers(0, 5),
            st.integers(1, 4),
        ),
        max_size=7,
    )
)
def test_layers_are_as_few_as_possible(spans):
    ordered = sorted(spans, key=lambda span: (span.start, -span.end))
    depth = max(
        (sum(s.start <= i < s.end for s in spans) for i in range(10)), default=0
    )
    problems = Problems()
    layers = assign_layers(ordered, max(depth, 1), problems, "")
    assert not problems
    assert sorted(itertools.chain(*layers)) == sorted(spans)
    for layer in layers:
        for one, other in itertools.pairwise(layer):
            assert one.end <= other.start
    if depth > 1:
        fewer = assign_layers(ordered, depth - 1, problems, "")
        (lost,) = problems.counts.values()
        assert lost == len(spans) - sum(map(len, fewer)) > 0


def test_spans_snap_to_tokens_by_their_boundaries():
    problems = Problems()
    ranges = [(0, 2), (3, 5), (5, 6)]
    spans = [Span(3, 6, "x"), Span(0, 5, "x"), Span(0, 3, "x"), Span(2, 5, "x")]
    assert snap_to_tokens(spans, ranges, problems, "") == [
        WordSpan(0, 2, "x"),
        WordSpan(1, 3, "x"),
    ]
    assert list(problems.counts.values()) == [2]

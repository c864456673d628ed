"""Overlaps and nesting of character ranges."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator

from biaffine_tf.spans import Span

Range = tuple[int, int]  # half-open


class SpanRanges:
    """Index of the distinct ranges of a sentence's spans."""

    def __init__(self, spans: Iterable[Span]) -> None:
        self._ranges = sorted({(span.start, span.end) for span in spans})
        self._widest = max(
            (end - start for start, end in self._ranges), default=0
        )

    def overlapping(self, range_: Range) -> Iterator[Range]:
        """Returns the ranges that overlap a range, from left to right."""
        start, end = range_
        first = bisect.bisect_left(self._ranges, (start - self._widest, 0))
        last = bisect.bisect_left(self._ranges, (end, 0))
        return (other for other in self._ranges[first:last] if other[1] > start)

    def is_nested(self, range_: Range) -> bool:
        """Returns whether a range contains or is inside one of the ranges."""
        return any(
            holds(other, range_) or holds(range_, other)
            for other in self.overlapping(range_)
        )


def holds(outer: Range, inner: Range) -> bool:
    """Returns whether a range contains another, shorter one."""
    within = outer[0] <= inner[0] and inner[1] <= outer[1]
    return within and outer != inner


def outermost(ranges: Iterable[Range]) -> list[Range]:
    """Returns the ranges that are inside no other one, from left to right."""
    kept: list[Range] = []
    for range_ in sorted(ranges, key=lambda r: (r[0], -r[1])):
        if not kept or range_[1] > kept[-1][1]:
            kept.append(range_)
    return kept

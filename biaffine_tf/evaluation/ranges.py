"""Ranges of characters and how they lie to each other."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator

from biaffine_tf.spans import Span

Range = tuple[int, int]  # half-open


class SpanRanges:
    """The distinct ranges of a sentence's spans, in a text of any length."""

    def __init__(self, spans: Iterable[Span]) -> None:
        """Takes the spans in any order."""
        self._ranges = sorted({(span.start, span.end) for span in spans})
        self._widest = max(
            (end - start for start, end in self._ranges), default=0
        )

    def overlapping(self, range_: Range) -> Iterator[Range]:
        """Those that share a character with a range, from left to right."""
        start, end = range_
        first = bisect.bisect_left(self._ranges, (start - self._widest, 0))
        last = bisect.bisect_left(self._ranges, (end, 0))
        return (other for other in self._ranges[first:last] if other[1] > start)

    def is_nested(self, range_: Range) -> bool:
        """Whether one of them holds a range or lies in it."""
        return any(
            holds(other, range_) or holds(range_, other)
            for other in self.overlapping(range_)
        )


def holds(outer: Range, inner: Range) -> bool:
    """Whether one range lies in another, longer one."""
    within = outer[0] <= inner[0] and inner[1] <= outer[1]
    return within and outer != inner


def outermost(ranges: Iterable[Range]) -> list[Range]:
    """Those that lie in no other one, from left to right."""
    kept: list[Range] = []
    for range_ in sorted(ranges, key=lambda r: (r[0], -r[1])):
        if not kept or range_[1] > kept[-1][1]:
            kept.append(range_)
    return kept

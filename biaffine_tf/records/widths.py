"""What a bound on the width of spans leaves out, and what it saves."""

from __future__ import annotations

from collections.abc import Mapping


def count_wider(widths: Mapping[int, int], max_span_width: int) -> int:
    """Number of spans that are wider than the bound.

    Args:
        widths: Number of spans for each width in tokens.
        max_span_width: Tokens of the widest span that is scored.
    """
    return sum(n for width, n in widths.items() if width > max_span_width)


def share_of_pairs(lengths: Mapping[int, int], max_span_width: int) -> float:
    """Share of the pairs of a corpus that are within the bound.

    Args:
        lengths: Number of windows for each number of tokens; not empty.
        max_span_width: Tokens of the widest span that is scored.
    """
    return count_pairs(lengths, max_span_width) / count_pairs(lengths)


def count_pairs(
    lengths: Mapping[int, int], max_span_width: int | None = None
) -> int:
    """Number of pairs (first, last) that could be spans.

    Args:
        lengths: Number of windows for each number of tokens.
        max_span_width: Tokens of the widest span that is scored; None for no
            bound.
    """
    total = 0
    for length, count in lengths.items():
        beyond = 0 if max_span_width is None else length - max_span_width
        beyond = max(beyond, 0)
        pairs = length * (length + 1) // 2 - beyond * (beyond + 1) // 2
        total += count * pairs
    return total

"""Effects of a maximum span width on spans and pairs."""

from __future__ import annotations

from collections.abc import Mapping


def count_wider(widths: Mapping[int, int], max_span_width: int) -> int:
    """Counts the spans that are wider than the maximum.

    Args:
        widths: Number of spans by width in tokens.
        max_span_width: Maximum span width in tokens.
    """
    return sum(n for width, n in widths.items() if width > max_span_width)


def share_of_pairs(lengths: Mapping[int, int], max_span_width: int) -> float:
    """Computes the fraction of the pairs of a corpus within the maximum.

    Args:
        lengths: Number of windows by number of tokens; not empty.
        max_span_width: Maximum span width in tokens.
    """
    return count_pairs(lengths, max_span_width) / count_pairs(lengths)


def count_pairs(
    lengths: Mapping[int, int], max_span_width: int | None = None
) -> int:
    """Counts the pairs (first, last) that could be spans.

    Args:
        lengths: Number of windows by number of tokens.
        max_span_width: Maximum span width in tokens; None for no maximum.
    """
    total = 0
    for length, count in lengths.items():
        beyond = 0 if max_span_width is None else length - max_span_width
        beyond = max(beyond, 0)
        pairs = length * (length + 1) // 2 - beyond * (beyond + 1) // 2
        total += count * pairs
    return total

"""Disjoint ranges with the maximum total weight."""

from __future__ import annotations

import bisect
from collections.abc import Sequence


def disjoint_ranges(
    starts: Sequence[int], ends: Sequence[int], weights: Sequence[float]
) -> list[int]:
    """Solves weighted interval scheduling in O(N log N).

    With the ranges in order, the best total of those from the i-th on is

        total[i] = max(total[i + 1], weight[i] + total[follower of i])

    where the follower is the first range that starts at or after its end. Ties
    take the range. (Kleinberg and Tardos, Algorithm Design, 2005, section 6.1,
    in reverse order.)

    Args:
        starts: First positions of half-open ranges, ordered by (start, -end).
        ends: One past the last position of each range.
        weights: Weights of the ranges, positive.

    Returns:
        Indices of the chosen ranges, ascending. Of sets with equal totals, the
        first in lexicographic order: at the first difference the range that
        starts earlier, else the longer one.
    """
    count = len(starts)
    totals = [0.0] * (count + 1)
    followers = [0] * count  # of each range if it is taken, else 0
    for index in range(count - 1, -1, -1):
        follower = bisect.bisect_left(starts, ends[index], index + 1)
        taken = weights[index] + totals[follower]
        left = totals[index + 1]
        if taken >= left:
            totals[index], followers[index] = taken, follower
        else:
            totals[index] = left
    chosen = []
    index = 0
    while index < count:
        if followers[index]:
            chosen.append(index)
        index = followers[index] or index + 1
    return chosen

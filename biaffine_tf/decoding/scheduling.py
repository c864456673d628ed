"""Disjoint ranges of the greatest total weight."""

from __future__ import annotations

import bisect
from collections.abc import Sequence


def disjoint_ranges(
    starts: Sequence[int], ends: Sequence[int], weights: Sequence[float]
) -> list[int]:
    """Weighted interval scheduling, in O(N log N).

    With the ranges in order, what can be had of those from the i-th on is

        total[i] = max(total[i + 1], weight[i] + total[follower of i])

    where the follower is the first range that starts where the i-th has ended.
    A range is taken if that is no worse than to leave it. (Kleinberg and
    Tardos, Algorithm Design, 2005, section 6.1, from the other side.)

    Args:
        starts: First positions of half-open ranges, by (start, -end).
        ends: One past the last position of each.
        weights: Of the ranges, positive.

    Returns:
        Indices of the chosen ones, ascending. Of sets with equal totals, the
        one that comes first when both are written in order: at the first
        difference the range that starts earlier, else the longer one.
    """
    count = len(starts)
    totals = [0.0] * (count + 1)
    followers = [0] * count  # after each range if it is taken, else 0
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

"""Exact decoding: the set without conflicts with the maximum total margin.

Candidates conflict as in `greedy`. The total margin of a set is the logarithm
of how many times likelier it is than no entity at all, if the pairs of a
sentence are independent.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable

from biaffine_tf.decoding.candidates import Candidate
from biaffine_tf.decoding.free import gaining_ranges
from biaffine_tf.decoding.nesting import nested_ranges
from biaffine_tf.decoding.scheduling import disjoint_ranges


def exact(
    candidates: Iterable[Candidate],
    *,
    nested: bool = False,
    one_label_per_span: bool = False,
) -> list[Candidate]:
    """Keeps the set without conflicts that has the maximum total margin.

    Only candidates with a positive margin are kept. Totals are float64.

    Args:
        candidates: Candidates of one sentence, in any order, none empty, with
            finite margins.
        nested: Whether entities may be nested, or share a range under several
            labels. Of candidates with equal range and label, the one with the
            higher margin counts.
        one_label_per_span: Whether nested entities must not share a range.

    Returns:
        The kept candidates, ordered by (start, -end), outer before inner, then
        by descending margin, then label. Of sets with equal totals, the first
        in lexicographic order: at the first difference the entity that starts
        earlier, else the longer one, else the label that sorts first.
    """
    ranges = gaining_ranges(
        candidates, one_label_per_span=one_label_per_span or not nested
    )
    choose = nested_ranges if nested else disjoint_ranges
    chosen = choose(
        [same[0].start for same in ranges],
        [same[0].end for same in ranges],
        [
            same[0].margin
            if len(same) == 1
            else sum(one.margin for one in same)
            for same in ranges
        ],
    )
    return list(itertools.chain.from_iterable(ranges[i] for i in chosen))

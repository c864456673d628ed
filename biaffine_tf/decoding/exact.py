"""Exact decoding: the consistent set with the greatest total margin.

Which candidates clash is what `greedy` says, but what they are worth is their
margin alone. Margins add up: that of a whole set is the logarithm of how many
times likelier the set is than no entity at all, where every pair of a sentence
has one label or none, whatever the others have.
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
    """Keeps the set without clashes that has the greatest total margin.

    Only candidates with a margin above zero are kept. Totals are sums in
    double precision.

    Args:
        candidates: Candidates of one sentence, in any order, each of at least
            one position. Margins are finite.
        nested: Whether one entity may hold another, or share its range under
            another label. The same range and label given twice is one entity
            either way, of the greater margin.
        one_label_per_span: Whether nested entities may not share a range.

    Returns:
        The kept candidates by position: (start, -end), outer before inner; of
        equal ranges the greater margin first, then by label. Of sets with
        equal totals, the one that comes first when both are written in order:
        at the first difference the entity that starts earlier, else the longer
        one, else the label that sorts first.
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

"""Free decoding: every candidate that gains, whatever it overlaps."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Iterable

from biaffine_tf.decoding.candidates import Candidate


def free(
    candidates: Iterable[Candidate], *, one_label_per_span: bool = False
) -> list[Candidate]:
    """Keeps every candidate with a margin above zero.

    Args:
        candidates: Candidates of one sentence, in any order.
        one_label_per_span: Whether of candidates of the same range only the
            one with the greatest margin is kept.

    Returns:
        The kept candidates by position: (start, -end), outer before inner; of
        equal ranges the greater margin first, then by label.
    """
    ranges = gaining_ranges(candidates, one_label_per_span=one_label_per_span)
    return list(itertools.chain.from_iterable(ranges))


def gaining_ranges(
    candidates: Iterable[Candidate], *, one_label_per_span: bool
) -> list[list[Candidate]]:
    """Candidates with a margin above zero, those of one range together.

    Of the same range and label given twice, the greater margin is taken, then
    the higher rank, then the higher log-odds: the order given does not matter.

    Args:
        candidates: Candidates of one sentence, in any order.
        one_label_per_span: Whether a range has its best label alone.

    Returns:
        The candidates of each range, by (start, -end); those of a range by
        (-margin, label).
    """
    gaining = [one for one in candidates if one.margin > 0]
    # Two stable sorts by numbers take half the time of one by pairs.
    gaining.sort(key=operator.attrgetter("end"), reverse=True)
    gaining.sort(key=operator.attrgetter("start"))
    ranges: list[list[Candidate]] = []
    start = end = None
    for one in gaining:
        if one.start == start and one.end == end:
            ranges[-1].append(one)
        else:
            start, end = one.start, one.end
            ranges.append([one])
    return [
        same
        if len(same) == 1
        else _labels(same, one_label_per_span=one_label_per_span)
        for same in ranges
    ]


def _labels(
    candidates: list[Candidate], *, one_label_per_span: bool
) -> list[Candidate]:
    """The best of each label, or of all, of candidates of one range."""
    candidates.sort(key=_preference)
    if one_label_per_span:
        return candidates[:1]
    best: dict[str, Candidate] = {}
    for one in candidates:
        best.setdefault(one.label, one)
    return list(best.values())


def _preference(one: Candidate) -> tuple[float, str, float, float]:
    return -one.margin, one.label, -one.rank, -(one.log_odds or 0.0)

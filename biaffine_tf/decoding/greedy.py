"""Greedy decoding, the rule of the original Biaffine-BERT-NER.

Goes through candidates by descending logit and keeps each that conflicts with
none kept before. With inclusive ends, spans (s, e) and (s', e') conflict

    if they cross:      s < s' <= e < e'  or  s' < s <= e' < e
    and, when flat,
    if one contains the other:  s <= s' <= e' <= e  or  s' <= s <= e <= e'

so flat entities share no position, and nested ones form a tree.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np

from biaffine_tf.decoding.candidates import Candidate


def greedy(
    candidates: Iterable[Candidate],
    *,
    nested: bool = False,
    one_label_per_span: bool = False,
) -> list[Candidate]:
    """Keeps the highest-ranked candidates that do not conflict.

    Args:
        candidates: Candidates of one sentence, in any order, none empty. Either
            all have a logit or none has: logits and margins do not compare.
        nested: Whether entities may be nested, or share a range under several
            labels. Of candidates with equal range and label, the higher-ranked
            one counts.
        one_label_per_span: Whether nested entities must not share a range.

    Returns:
        The kept candidates, ordered by (start, -end), outer before inner, then
        by `greedy_order`.
    """
    ranked = sorted(candidates, key=greedy_order)
    kept_spans: _KeptSpans = (
        _NestedSpans(ranked, one_label_per_span=one_label_per_span)
        if nested
        else _FlatSpans()
    )
    kept = [one for one in ranked if kept_spans.keep(one)]
    return sorted(kept, key=lambda one: (one.start, -one.end))


def greedy_order(
    one: Candidate,
) -> tuple[float, int, int, str, float, float]:
    """Returns the sort key of greedy decoding: the highest rank first.

    Ties are ordered by (start, end, label), then descending margin and
    log-odds; candidates equal in all of these are the same.
    """
    log_odds = one.log_odds or 0.0
    return -one.rank, one.start, one.end, one.label, -one.margin, -log_odds


class _KeptSpans(Protocol):
    """Spans kept so far."""

    def keep(self, candidate: Candidate) -> bool:
        """Adds the candidate and returns True, unless it conflicts."""


class _FlatSpans:
    """Disjoint spans, in two parallel sorted lists."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def keep(self, candidate: Candidate) -> bool:
        # Among disjoint spans, only the next neighbours can overlap this one.
        place = bisect.bisect_left(self._starts, candidate.end)
        if place and self._ends[place - 1] > candidate.start:
            return False
        self._starts.insert(place, candidate.start)
        self._ends.insert(place, candidate.end)
        return True


class _NestedSpans:
    """Spans that do not cross.

    A kept span crosses [start, end) if it starts inside and ends after it, or
    ends inside and starts before it. So it suffices to know the last end of
    the kept spans with each start, and the first start of those with each end.
    """

    def __init__(
        self, candidates: Sequence[Candidate], *, one_label_per_span: bool
    ) -> None:
        size = max((one.end for one in candidates), default=0) + 1
        self._last_end = np.full(size, -1)
        self._first_start = np.full(size, size)
        self._one_label_per_span = one_label_per_span
        self._keys: set[tuple[int, int, str]] = set()

    def keep(self, candidate: Candidate) -> bool:
        start, end = candidate.start, candidate.end
        inside = slice(start + 1, end)
        if end - start > 1 and (
            self._last_end[inside].max() > end
            or self._first_start[inside].min() < start
        ):
            return False
        label = "" if self._one_label_per_span else candidate.label
        key = (start, end, label)
        if key in self._keys:
            return False
        self._keys.add(key)
        self._last_end[start] = max(self._last_end[start], end)
        self._first_start[end] = min(self._first_start[end], start)
        return True

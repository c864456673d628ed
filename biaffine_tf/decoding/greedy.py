"""Greedy decoding, the rule of the original Biaffine-BERT-NER.

Candidates are ordered from the highest logit of their label to the lowest; one
is kept unless it clashes with one kept before. With inclusive ends, spans
(s, e) and (s', e') clash

    if they cross:      s < s' <= e < e'  or  s' < s <= e' < e
    and, when flat,
    if one holds the other:  s <= s' <= e' <= e  or  s' <= s <= e <= e'

so flat entities share no position at all, and nested ones form a tree.
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
    """Keeps the best candidates that do not clash.

    Args:
        candidates: Candidates of one sentence, in any order, each of at least
            one position. Either all have a logit or none has: logits and
            margins do not compare.
        nested: Whether one entity may hold another, or share its range under
            another label. The same range and label given twice is one entity
            either way, the higher-ranked one.
        one_label_per_span: Whether nested entities may not share a range.

    Returns:
        The kept candidates by position: (start, -end), outer before inner;
        of equal ranges the higher-ranked first. Ranks that tie are ordered
        as `greedy_order` says.
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
    """What candidates are sorted by: the highest rank comes first.

    Ranks that tie go by (start, end, label), then the greater margin and the
    higher log-odds; candidates equal in all of these are the same.
    """
    log_odds = one.log_odds or 0.0
    return -one.rank, one.start, one.end, one.label, -one.margin, -log_odds


class _KeptSpans(Protocol):
    """The spans kept so far."""

    def keep(self, candidate: Candidate) -> bool:
        """Adds the candidate and returns True, unless it clashes."""


class _FlatSpans:
    """Disjoint spans, in two parallel sorted lists."""

    def __init__(self) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []

    def keep(self, candidate: Candidate) -> bool:
        # Of disjoint spans, only the neighbours in order can touch this one.
        place = bisect.bisect_left(self._starts, candidate.end)
        if place and self._ends[place - 1] > candidate.start:
            return False
        self._starts.insert(place, candidate.start)
        self._ends.insert(place, candidate.end)
        return True


class _NestedSpans:
    """Spans of which none cross.

    A kept span crosses [start, end) if it begins inside it and ends behind
    it, or ends inside it and begins before it. For that, of all kept spans
    that begin at a position only the furthest end counts, and of all that end
    at a position only the foremost start: a slice of two arrays answers.
    """

    def __init__(
        self, candidates: Sequence[Candidate], *, one_label_per_span: bool
    ) -> None:
        size = max((one.end for one in candidates), default=0) + 1
        self._furthest_end = np.full(size, -1)
        self._foremost_start = np.full(size, size)
        self._one_label_per_span = one_label_per_span
        self._keys: set[tuple[int, int, str]] = set()

    def keep(self, candidate: Candidate) -> bool:
        start, end = candidate.start, candidate.end
        inside = slice(start + 1, end)
        if end - start > 1 and (
            self._furthest_end[inside].max() > end
            or self._foremost_start[inside].min() < start
        ):
            return False
        label = "" if self._one_label_per_span else candidate.label
        key = (start, end, label)
        if key in self._keys:
            return False
        self._keys.add(key)
        self._furthest_end[start] = max(self._furthest_end[start], end)
        self._foremost_start[end] = min(self._foremost_start[end], start)
        return True

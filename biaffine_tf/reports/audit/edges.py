"""Finds words, punctuation and brackets that entities include inconsistently.

Whether 公司 belongs to a company name, or a comma to an entity, shows in all
entities of a label: nearly all that have it at an end, inside or just outside,
treat it alike. Just outside counts only what is in no other entity.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections.abc import Iterable, Iterator

from biaffine_tf.evaluation.ranges import SpanRanges, holds
from biaffine_tf.reports.audit.report import (
    BracketVariant,
    Edge,
    EdgeVariant,
    Place,
    first,
    likely_share,
)
from biaffine_tf.spans import Sentence

_CLOSING = dict(zip('“‘《〈「『【（([<{"', '”’》〉」』】）)]>}"', strict=True))
_BRACKETS = frozenset([*_CLOSING, *_CLOSING.values()])
# Words of scripts with spaces, numbers, and other single characters.
_UNIT = re.compile(r"[^\W\d_\u2e80-\U0010ffff]+|\d+|\S")
_MAX_UNITS = 3
_MIN_SCORE = 0.5
_OUTSIDE, _HALF, _INSIDE = "outside", "half", "inside"
_WAYS = _OUTSIDE, _HALF, _INSIDE  # by number of brackets inside the entity
_Sides = dict[bool, list[Place]]  # whether it is inside -> the entities


def edge_variants(sentences: Iterable[Sentence]) -> list[EdgeVariant]:
    """Finds entities that include or exclude a text at their end unusually.

    Compares up to three words (Chinese: characters) at each end. They must be
    punctuation or have two letters or more: a single Chinese character beside
    an entity usually is part of another word. Numbers, brackets and entities
    that end inside a word are ignored.

    Args:
        sentences: Labelled sentences.

    Returns:
        The variants, the most consistent first, without those that show only
        entities of earlier ones.
    """
    entities: dict[tuple[str, Edge, str], _Sides] = {}
    for sentence in sentences:
        for place, edge, text, is_inside in _edges(sentence):
            if _is_telling(text):
                key = str(place.label), edge, text
                sides = entities.setdefault(key, {True: [], False: []})
                sides[is_inside].append(place)
    variants = [
        _edge_variant(*key, sides)
        for key, sides in entities.items()
        if all(sides.values())
    ]
    variants.sort(key=lambda v: (-v.score, len(v.text), v.label, v.text))
    return list(_without_repeats(variants))


def bracket_variants(sentences: Iterable[Sentence]) -> list[BracketVariant]:
    """Finds labels whose entities include brackets inconsistently.

    Args:
        sentences: Labelled sentences.

    Returns:
        The variants, by descending number of unusual entities.
    """
    entities: dict[tuple[str, str], dict[str, list[Place]]] = {}
    for sentence in sentences:
        ranges = SpanRanges(sentence.spans or ())
        for key in sorted({span.key for span in sentence.spans or ()}):
            place = Place(sentence, *key)
            around = _brackets(place, ranges)
            if around is not None:
                brackets, way = around
                ways = entities.setdefault((key[2], brackets), {})
                ways.setdefault(way, []).append(place)
    variants = [
        _bracket_variant(*key, ways)
        for key, ways in entities.items()
        if len(ways) > 1
    ]
    return sorted(variants, key=lambda v: (-len(v.places), v.label, v.brackets))


def _edges(
    sentence: Sentence,
) -> Iterator[tuple[Place, Edge, str, bool]]:
    """Yields the texts inside and beside the ends of every entity."""
    text = sentence.text
    units = [match.span() for match in _UNIT.finditer(text)]
    starts = {start: index for index, (start, _) in enumerate(units)}
    ends = {end: index for index, (_, end) in enumerate(units)}
    ranges = SpanRanges(sentence.spans or ())
    for start, end, label in sorted({s.key for s in sentence.spans or ()}):
        if start not in starts or end not in ends:
            continue
        place = Place(sentence, start, end, label)
        first, last = starts[start], ends[end]
        for count in range(1, _MAX_UNITS + 1):
            if count <= last - first:
                head = text[start : units[first + count - 1][1]]
                yield place, Edge.START, head, True
                tail = text[units[last - count + 1][0] : end]
                yield place, Edge.END, tail, True
            if count <= first:
                before = units[first - count][0], units[first - 1][1]
                if not any(ranges.overlapping(before)):
                    yield place, Edge.START, text[slice(*before)], False
            if last + count < len(units):
                behind = units[last + 1][0], units[last + count][1]
                if not any(ranges.overlapping(behind)):
                    yield place, Edge.END, text[slice(*behind)], False


@functools.lru_cache(maxsize=1 << 16)
def _is_telling(text: str) -> bool:
    if _BRACKETS.intersection(text) or any(map(str.isdigit, text)):
        return False
    return sum(map(str.isalpha, text)) != 1


def _edge_variant(
    label: str, edge: Edge, text: str, sides: _Sides
) -> EdgeVariant:
    rare, usual = sorted((sides[True], sides[False]), key=len)
    return EdgeVariant(
        score=likely_share(len(usual), len(usual) + len(rare)),
        places=tuple(rare),
        usual=first(usual),
        label=label,
        edge=edge,
        text=text,
        inside=len(sides[True]),
        outside=len(sides[False]),
    )


def _without_repeats(
    variants: Iterable[EdgeVariant],
) -> Iterator[EdgeVariant]:
    """Drops variants that show only entities of earlier ones."""
    shown: set[tuple[int, int, int, str]] = set()
    for variant in variants:
        if variant.score < _MIN_SCORE:
            continue
        places = {
            (id(place.sentence), place.start, place.end, variant.edge)
            for place in variant.places
        }
        if not places <= shown:
            shown |= places
            yield variant


def _brackets(place: Place, ranges: SpanRanges) -> tuple[str, str] | None:
    """Returns the brackets at an entity, and how many are inside it."""
    text, first, last = place.sentence.text, place.start, place.end - 1
    before, behind = _beside(text, first, -1), _beside(text, last, 1)
    for left, right in itertools.product((first, before), (last, behind)):
        opening, closing = text[left : left + 1], text[right : right + 1]
        if left == right or _CLOSING.get(opening) != closing:
            continue
        inside = (left == first) + (right == last)
        outer = left, right + 1
        if inside < 2 and any(
            holds(range_, outer) or range_ == outer
            for range_ in ranges.overlapping(outer)
        ):
            return None
        return opening + closing, _WAYS[inside]
    return None


def _beside(text: str, position: int, step: int) -> int:
    """Returns the next non-space position; the text's length if none."""
    position += step
    while 0 <= position < len(text) and text[position].isspace():
        position += step
    return position if position >= 0 else len(text)


def _bracket_variant(
    label: str, brackets: str, ways: dict[str, list[Place]]
) -> BracketVariant:
    counts = {way: len(ways.get(way, ())) for way in _WAYS}
    usual = max(_WAYS, key=counts.__getitem__)
    rare = [
        place for way in _WAYS if way != usual for place in ways.get(way, ())
    ]
    return BracketVariant(
        score=likely_share(counts[usual], sum(counts.values())),
        places=tuple(rare),
        usual=first(ways[usual]),
        label=label,
        brackets=brackets,
        inside=counts[_INSIDE],
        outside=counts[_OUTSIDE],
        half=counts[_HALF],
    )

"""Scores of parts of the data: by width, nesting, mention and others.

Every panel but `Panel.BOUNDARIES` sorts the distinct (start, end, label) of
gold and predictions into buckets, so the counts of its buckets add up to those
of `Scores.micro`. The recall of a bucket is over the gold spans of that kind,
its precision over the predictions of that kind. The kind of a span follows
from its own range, label and string and from its sentence, for predictions as
for gold.

Nesting alone depends on the surrounding spans. There, a correct prediction has
the kind of the equal gold span, and a wrong one its kind among the predictions.
"""

from __future__ import annotations

import bisect
import dataclasses
import enum
import functools
from collections.abc import Callable, Collection, Iterable

from biaffine_tf.evaluation.metrics import Counts, LabelScore, require_spans
from biaffine_tf.spans import Sentence

Mention = tuple[str, str]  # string, label
_Key = tuple[int, int, str]  # `Span.key`

FLAT, NESTED = "flat", "nested"
OUTER, MIDDLE, INNER = "outer", "middle", "inner"
SEEN, OTHER_LABEL, UNSEEN = "seen", "other labels", "unseen"
WITH, WITHOUT = "with", "without"
ANY_LABEL = "any label"
# Upper bound of each bucket; a last bucket has no bound.
_WIDTHS = (1, 2, 3, 4, 8, 16, 32)
_LENGTHS = (16, 32, 64, 128, 256, 512)


class Panel(enum.StrEnum):
    """Criterion that divides the data into buckets.

    Attributes:
        BOUNDARIES: Undivided: distinct (start, end), whatever the label.
        LABEL: By label, as `Scores.labels`.
        WIDTH: By width of the span in characters.
        PARTS: Flat or nested: a nested span contains, or is inside, a longer
            or shorter span of its sentence.
        DEPTH: The same, with nested spans divided into those that only contain
            others (outer), are only inside others (inner), or both (middle).
        MENTION: By the span's string in the training data: with this label
            (seen), with other labels only, or not at all (unseen).
        ENTITIES: By whether the sentence has gold entities.
        LENGTH: By length of the sentence in characters.
    """

    BOUNDARIES = "boundaries"
    LABEL = "label"
    WIDTH = "width"
    PARTS = "parts"
    DEPTH = "depth"
    MENTION = "mention"
    ENTITIES = "entities"
    LENGTH = "length"


@dataclasses.dataclass(frozen=True, slots=True)
class FalsePositives:
    """Predictions in sentences without gold entities.

    Attributes:
        sentences: Number of sentences without gold entities.
        sentence_rate: Fraction of them with a prediction.
        entities: Number of distinct spans predicted in them, all false.
        characters: Number of their characters.
        per_1000_characters: False entities per 1000 characters.
    """

    sentences: int
    sentence_rate: float
    entities: int
    characters: int
    per_1000_characters: float


def breakdowns(
    pairs: Iterable[tuple[Sentence, Sentence]],
    *,
    seen: Collection[Mention] | None = None,
) -> dict[Panel, dict[str, LabelScore]]:
    """Scores the parts of the data, panel by panel.

    Args:
        pairs: Gold and predicted form of each sentence, as returned by
            `match`; not kept.
        seen: (string, label) of the training data, as returned by `mentions`.

    Returns:
        Scores and counts of every bucket that is not empty, in the order of
        `Panel` and of the buckets. Without `seen` there is no `Panel.MENTION`.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    known = None if seen is None else _Known(seen)
    counts = {panel: Counts() for panel in Panel}
    for gold, predicted in pairs:
        sides = _keys(gold, "gold"), _keys(predicted, "predicted")
        counts[Panel.BOUNDARIES].add(
            *({(key[:2], ANY_LABEL) for key in side} for side in sides)
        )
        for panel, bucket in _rules(gold.text, *sides, known).items():
            counts[panel].add(
                *({(key, bucket(key)) for key in side} for side in sides)
            )
    if known is None:
        del counts[Panel.MENTION]
    return {panel: _in_order(panel, counts[panel]) for panel in counts}


def false_positives(
    pairs: Iterable[tuple[Sentence, Sentence]],
) -> FalsePositives:
    """Counts predictions in sentences without gold entities.

    Args:
        pairs: Gold and predicted form of each sentence; not kept.

    Returns:
        Counts and rates; a rate over nothing is 0.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    sentences = flagged = entities = characters = 0
    for gold, predicted in pairs:
        spans = _keys(predicted, "predicted")
        if _keys(gold, "gold"):
            continue
        sentences += 1
        flagged += bool(spans)
        entities += len(spans)
        characters += len(gold.text)
    return FalsePositives(
        sentences=sentences,
        sentence_rate=flagged / max(sentences, 1),
        entities=entities,
        characters=characters,
        per_1000_characters=1000 * entities / max(characters, 1),
    )


def mentions(sentences: Iterable[Sentence]) -> set[Mention]:
    """Collects the (string, label) of all spans, for `breakdowns`.

    Args:
        sentences: Labelled sentences, usually the training data.

    Returns:
        The distinct pairs.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    return {
        (sentence.surface(span), span.label)
        for sentence in sentences
        for span in require_spans(sentence, "training")
    }


class _Known:
    """Mentions of the training data."""

    def __init__(self, seen: Collection[Mention]) -> None:
        self._mentions = frozenset(seen)
        self._strings = {string for string, _ in seen}

    def bucket(self, mention: Mention) -> str:
        if mention in self._mentions:
            return SEEN
        return OTHER_LABEL if mention[0] in self._strings else UNSEEN


def _rules(
    text: str, gold: set[_Key], predicted: set[_Key], known: _Known | None
) -> dict[Panel, Callable[[_Key], str]]:
    """Returns the function from a span to its bucket for each panel."""
    depths = {**_depths(predicted), **_depths(gold)}  # gold decides
    entities = WITH if gold else WITHOUT
    length = _bucket(len(text), _LENGTHS)
    rules: dict[Panel, Callable[[_Key], str]] = {
        Panel.LABEL: lambda key: key[2],
        Panel.WIDTH: lambda key: _bucket(key[1] - key[0], _WIDTHS),
        Panel.PARTS: lambda key: FLAT if depths[key] == FLAT else NESTED,
        Panel.DEPTH: depths.__getitem__,
        Panel.ENTITIES: lambda key: entities,
        Panel.LENGTH: lambda key: length,
    }
    if known is not None:
        rules[Panel.MENTION] = lambda key: known.bucket(
            (text[key[0] : key[1]], key[2])
        )
    return rules


def _depths(keys: set[_Key]) -> dict[_Key, str]:
    """Returns the nesting depth of each span, with one sort and two sweeps."""
    # In this order, ranges come after those that contain them.
    ranges = sorted({key[:2] for key in keys}, key=lambda r: (r[0], -r[1]))
    inner, outer = set(), set()
    last = 0  # maximum end so far
    for range_ in ranges:
        if range_[1] <= last:
            inner.add(range_)
        last = max(last, range_[1])
    first = last + 1
    for range_ in reversed(ranges):
        if first <= range_[1]:
            outer.add(range_)
        first = min(first, range_[1])
    names = {
        (False, False): FLAT,
        (True, False): OUTER,
        (True, True): MIDDLE,
        (False, True): INNER,
    }
    return {key: names[key[:2] in outer, key[:2] in inner] for key in keys}


def _bucket(number: int, last: tuple[int, ...]) -> str:
    return _bucket_names(last)[bisect.bisect_left(last, number)]


@functools.cache
def _bucket_names(last: tuple[int, ...]) -> tuple[str, ...]:
    first = [1, *(number + 1 for number in last)]
    closed = [
        str(high) if low == high else f"{low}-{high}"
        for low, high in zip(first, last, strict=False)
    ]
    return (*closed, f"{first[-1]}+")


def _keys(sentence: Sentence, side: str) -> set[_Key]:
    return {span.key for span in require_spans(sentence, side)}


def _in_order(panel: Panel, counts: Counts) -> dict[str, LabelScore]:
    """Scores the buckets that have spans, in order."""
    scores = counts.scores()
    order = _ORDER.get(panel, tuple(scores))
    return {bucket: scores[bucket] for bucket in order if bucket in scores}


_ORDER = {
    Panel.WIDTH: _bucket_names(_WIDTHS),
    Panel.PARTS: (FLAT, NESTED),
    Panel.DEPTH: (FLAT, OUTER, MIDDLE, INNER),
    Panel.MENTION: (SEEN, OTHER_LABEL, UNSEEN),
    Panel.ENTITIES: (WITH, WITHOUT),
    Panel.LENGTH: _bucket_names(_LENGTHS),
}

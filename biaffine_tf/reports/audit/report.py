"""Findings of an audit of labelled data."""

from __future__ import annotations

import dataclasses
import enum
import math
from collections.abc import Sequence
from typing import Any

from biaffine_tf.evaluation.taxonomy import Error
from biaffine_tf.spans import Sentence, Span

_CONTEXT = 20  # characters on each side
_CONFIDENCE = 1.959963984540054  # standard deviations: 95 %


class Edge(enum.StrEnum):
    """An end of an entity."""

    START = "start"
    END = "end"


@dataclasses.dataclass(frozen=True, slots=True)
class Place:
    """A range of characters of a sentence.

    Attributes:
        sentence: The labelled sentence.
        start: First character.
        end: One past the last character.
        label: Label of the range; None if it is not an entity.
    """

    sentence: Sentence
    start: int
    end: int
    label: str | None = None

    @property
    def text(self) -> str:
        """The characters of the range."""
        return self.sentence.text[self.start : self.end]

    def to_json(self) -> dict[str, Any]:
        """Converts the place and its context to JSON values."""
        text = self.sentence.text
        return {
            "file": self.sentence.file,
            "line": self.sentence.line,
            "id": self.sentence.id,
            "start": self.start,
            "end": self.end,
            "label": self.label,
            "before": text[max(self.start - _CONTEXT, 0) : self.start],
            "text": self.text,
            "after": text[self.end : self.end + _CONTEXT],
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Places that are annotated unlike similar ones.

    Attributes:
        score: Lower bound of the fraction of the usual annotation, in [0, 1];
            see `likely_share`.
        places: Places annotated in another way, in the order of the data; not
            always wrong.
        usual: First places annotated in the usual way.
    """

    score: float
    places: tuple[Place, ...]
    usual: tuple[Place, ...]

    def to_json(self) -> dict[str, Any]:
        """Converts all attributes to JSON values."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict(Finding):
    """A string whose spans have several labels.

    Attributes:
        text: The string.
        labels: Number of its spans by label; the first is the usual one.
    """

    text: str
    labels: dict[str, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unlabelled(Finding):
    """A string that is usually, but not always, an entity.

    Attributes:
        text: The string.
        labels: Number of its spans by label.
        unlabelled: Number of places where it is not an entity.
    """

    text: str
    labels: dict[str, int]
    unlabelled: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryVariant(Finding):
    """A string that is an entity in some places, and its parts in others.

    Attributes:
        text: The string.
        labels: Number of its spans by label.
        parts: The string with brackets around the entities in it, if it is not
            an entity itself: `[Beijing] University`.
        whole: Number of places where it is an entity.
        cut: Number of places where these parts are.
    """

    text: str
    labels: dict[str, int]
    parts: str
    whole: int
    cut: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class EdgeVariant(Finding):
    """Words or punctuation that are inside some entities and beside others.

    Attributes:
        label: Label of the entities.
        edge: End of the entities.
        text: The words or punctuation.
        inside: Number of entities that start or end with them.
        outside: Number of entities that have them just before or after.
    """

    label: str
    edge: Edge
    text: str
    inside: int
    outside: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BracketVariant(Finding):
    """Quotes or brackets that are inside some entities and around others.

    Attributes:
        label: Label of the entities.
        brackets: Opening and closing bracket.
        inside: Number of entities that include both.
        outside: Number of entities between the two.
        half: Number of entities that include one of them.
    """

    label: str
    brackets: str
    inside: int
    outside: int
    half: int


@dataclasses.dataclass(frozen=True, slots=True)
class Disagreement:
    """A confident out-of-fold prediction that disagrees with gold.

    Attributes:
        error: Error of the prediction if gold is right.
        confidence: Score of the prediction; for a SPLIT, the lowest one of its
            parts; for a MISSED span, that of `rival`.
        rival: Wrong prediction with the highest score that overlaps a MISSED
            span; None for all other errors.
    """

    error: Error
    confidence: float
    rival: Span | None = None

    def to_json(self) -> dict[str, Any]:
        """Converts the disagreement to JSON values."""
        error = self.error
        place = Place(error.sentence, error.start, error.end).to_json()
        del place["label"]
        return {
            "confidence": self.confidence,
            "class": str(error.kind),
            "gold": [_span(error.sentence, span) for span in error.gold],
            "predicted": [
                _span(error.sentence, span) for span in error.predicted
            ],
            "rival": self.rival and _span(error.sentence, self.rival),
            **place,
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """All findings, with the most likely mistakes first in each list.

    Attributes:
        sentences: Number of labelled sentences.
        spans: Number of their distinct spans.
        label_conflicts: Strings with several labels.
        unlabelled: Strings annotated in most places but not all.
        boundaries: Strings annotated as one entity or in parts.
        edges: Words and punctuation included or excluded at ends.
        brackets: Quotes and brackets included or excluded.
        confident_entities: Predictions without a gold entity. This and the next
            two are None without predictions.
        confident_labels: Predictions of another label for gold's range.
        confident_boundaries: Predictions that overlap gold's entities.
    """

    sentences: int
    spans: int
    label_conflicts: list[LabelConflict]
    unlabelled: list[Unlabelled]
    boundaries: list[BoundaryVariant]
    edges: list[EdgeVariant]
    brackets: list[BracketVariant]
    confident_entities: list[Disagreement] | None = None
    confident_labels: list[Disagreement] | None = None
    confident_boundaries: list[Disagreement] | None = None

    def to_json(self, top: int | None = None) -> dict[str, Any]:
        """Converts the findings to JSON values.

        Args:
            top: Maximum number of findings per list; None for all.

        Returns:
            {"sentences", "spans", and for every list its name: {"count": total
            number, "findings": the first ones}}.
        """
        result: dict[str, Any] = {
            "sentences": self.sentences,
            "spans": self.spans,
        }
        for field in dataclasses.fields(self):
            findings = getattr(self, field.name)
            if isinstance(findings, list):
                result[field.name] = {
                    "count": len(findings),
                    "findings": [item.to_json() for item in findings[:top]],
                }
        return result


def likely_share(count: int, total: int) -> float:
    """Computes the lower bound of Wilson's 95 % interval of a proportion.

    It ranks findings: 9 of 10 is less certain than 90 of 100. (Wilson 1927,
    Probable inference, the law of succession, and statistical inference.)

    Args:
        count: Number of successes.
        total: Number of trials, at least 1.

    Returns:
        A value below count / total.
    """
    share, square = count / total, _CONFIDENCE**2
    spread = math.sqrt(share * (1 - share) / total + square / (2 * total) ** 2)
    middle = share + square / (2 * total)
    return max((middle - _CONFIDENCE * spread) / (1 + square / total), 0.0)


def first(places: Sequence[Place]) -> tuple[Place, ...]:
    """Returns the first places, as examples."""
    return tuple(places[:3])


def _plain(value: object) -> object:
    if isinstance(value, tuple):
        return [place.to_json() for place in value]
    return value


def _span(sentence: Sentence, span: Span) -> dict[str, Any]:
    return {
        "start": span.start,
        "end": span.end,
        "label": span.label,
        "text": sentence.surface(span),
        "score": span.score,
    }

"""What an audit of labelled data finds, and where."""

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
        label: The label of the range; None where it is not an entity.
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
        """Where it is and what stands around it, as JSON values."""
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
    """Places that are annotated in a way that others like them are not.

    Attributes:
        score: How sure the data itself is of the usual way, in [0, 1]: the
            least share of it that is likely, see `likely_share`.
        places: Where the other way was taken, in the order of the data: worth
            a look, and not always wrong.
        usual: The first few places of the usual way.
    """

    score: float
    places: tuple[Place, ...]
    usual: tuple[Place, ...]

    def to_json(self) -> dict[str, Any]:
        """All attributes as JSON values."""
        return {
            field.name: _plain(getattr(self, field.name))
            for field in dataclasses.fields(self)
        }


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class LabelConflict(Finding):
    """A string whose spans have several labels.

    Attributes:
        text: The string.
        labels: Its spans by label; the first is the usual one.
    """

    text: str
    labels: dict[str, int]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Unlabelled(Finding):
    """A string that mostly is an entity, and in some places is not.

    Attributes:
        text: The string.
        labels: Its spans by label.
        unlabelled: Number of places where it is no entity.
    """

    text: str
    labels: dict[str, int]
    unlabelled: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BoundaryVariant(Finding):
    """A string that is an entity here, while parts of it are ones there.

    Attributes:
        text: The string.
        labels: Its spans by label.
        parts: The string with brackets around the entities in it, where it is
            not an entity itself: `[Beijing] University`.
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
    """Words or marks that belong to an entity here and stand beside it there.

    Attributes:
        label: Label of the entities.
        edge: At which end of them.
        text: The words or marks.
        inside: Entities that start or end with them.
        outside: Entities that have them just before or behind.
    """

    label: str
    edge: Edge
    text: str
    inside: int
    outside: int


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class BracketVariant(Finding):
    """Quotes or brackets around entities, in or out of the annotation.

    Attributes:
        label: Label of the entities.
        brackets: The opening and the closing one.
        inside: Entities that both are part of.
        outside: Entities that stand between the two.
        half: Entities that one is part of, while the other is just outside.
    """

    label: str
    brackets: str
    inside: int
    outside: int
    half: int


@dataclasses.dataclass(frozen=True, slots=True)
class Disagreement:
    """An out-of-fold prediction that is sure of something else than gold.

    Attributes:
        error: The mistake that it is if gold is right.
        confidence: Score of the prediction; of a SPLIT, of its least sure
            part; of a MISSED span, of `rival`.
        rival: The surest wrong prediction that overlaps a MISSED span; None
            of all other errors.
    """

    error: Error
    confidence: float
    rival: Span | None = None

    def to_json(self) -> dict[str, Any]:
        """What and where it is, as JSON values."""
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
    """Everything found, each list with what is most likely wrong first.

    Attributes:
        sentences: Labelled sentences that were looked at.
        spans: Their distinct spans.
        label_conflicts: Strings with several labels.
        unlabelled: Strings annotated in most places and not in all.
        boundaries: Strings that are one entity here, parts of it there.
        edges: Words and marks left in here, left out there.
        brackets: The same of quotes and brackets.
        confident_entities: Predictions where gold has no entity to go with
            them. This and the next two are None without predictions.
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
        """All of it as JSON values.

        Args:
            top: How many of each list; None for all.

        Returns:
            {"sentences", "spans", and for every list its name: {"count": how
            many there are, "findings": the first of them}}.
        """
        result: dict[str, Any] = {
            "sentences": self.sentences,
            "spans": self.spans,
        }
        for field in dataclasses.fields(self):
            found = getattr(self, field.name)
            if isinstance(found, list):
                result[field.name] = {
                    "count": len(found),
                    "findings": [item.to_json() for item in found[:top]],
                }
        return result


def likely_share(count: int, total: int) -> float:
    """The least share that is likely to stand behind a count.

    It ranks findings: 9 of 10 is less sure than 90 of 100, 1 of 1 hardly
    anything. The lower end of Wilson's 95 % interval (Wilson 1927, Probable
    inference, the law of succession, and statistical inference).

    Args:
        count: How many did.
        total: Out of how many; at least 1.

    Returns:
        A share below count / total.
    """
    share, square = count / total, _CONFIDENCE**2
    spread = math.sqrt(share * (1 - share) / total + square / (2 * total) ** 2)
    middle = share + square / (2 * total)
    return max((middle - _CONFIDENCE * spread) / (1 + square / total), 0.0)


def first(places: Sequence[Place], count: int = 3) -> tuple[Place, ...]:
    """The first few places, to show what is usual."""
    return tuple(places[:count])


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

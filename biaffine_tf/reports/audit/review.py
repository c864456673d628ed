"""Sentences with findings, in the order in which to review them."""

from __future__ import annotations

import collections
import dataclasses
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from biaffine_tf.evaluation.taxonomy import ErrorClass
from biaffine_tf.formats.reviews import REVIEW, to_json
from biaffine_tf.reports.audit.report import (
    Audit,
    BoundaryVariant,
    BracketVariant,
    Disagreement,
    Edge,
    EdgeVariant,
    Finding,
    LabelConflict,
    Place,
    Unlabelled,
)
from biaffine_tf.spans import Sentence, Span

# A certain finding still is a guess.
_MOST_CERTAIN = 0.999
# Share of the labels that are assumed to be wrong before a model disagrees.
_WRONG_LABELS = 0.05
_Key = tuple[int, int, str]


class Remark(NamedTuple):
    """A finding at a place.

    Attributes:
        sentence: The sentence.
        score: Score of the finding, in [0, 1]: 1 - (1 - s)**(1 / n) for one of
            n places of a score of s; for a model, see `_wrong_label`.
        text: The finding, in words.
        removed: Spans that the finding suggests to remove.
        added: Spans that it suggests to add.
    """

    sentence: Sentence
    score: float
    text: str
    removed: frozenset[_Key] = frozenset()
    added: tuple[_Key, ...] = ()


@dataclasses.dataclass(frozen=True, slots=True)
class Review:
    """A sentence to review.

    Attributes:
        sentence: The labelled sentence.
        suspicion: Probability that something is wrong if the findings are
            independent and each is right with its score, 1 - prod(1 - score).
        remarks: Its findings, the most certain first.
    """

    sentence: Sentence
    suspicion: float
    remarks: tuple[Remark, ...]

    @property
    def suggested(self) -> tuple[Span, ...]:
        """Spans of the sentence after the suggestions.

        The most certain of contradicting suggestions counts.
        """
        spans = {span.key for span in self.sentence.spans or ()}
        settled: list[_Key] = []
        for remark in self.remarks:
            touched = [*remark.removed, *remark.added]
            if not touched or any(
                one[0] < other[1] and other[0] < one[1]
                for one in touched
                for other in settled
            ):
                continue
            spans = (spans - remark.removed) | set(remark.added)
            settled += touched
        return tuple(Span(*key) for key in sorted(spans))

    def to_sentence(self, rank: int) -> Sentence:
        """Returns the sentence with the review as an extra key.

        Args:
            rank: Position in the order of review, from 1.
        """
        sentence = self.sentence
        review: dict[str, Any] = {
            "rank": rank,
            "suspicion": round(self.suspicion, 4),
            "file": sentence.file,
            "line": sentence.line,
            "remarks": [one.text for one in self.remarks],
        }
        suggested = self.suggested
        if {one.key for one in suggested} != {
            one.key for one in sentence.spans or ()
        }:
            review["suggested"] = to_json(suggested)
        extra = {**(sentence.extra or {}), REVIEW: review}
        return dataclasses.replace(sentence, extra=extra)


def reviews(audit: Audit) -> list[Review]:
    """Lists the sentences with findings, the most suspicious first.

    Args:
        audit: Findings; of equally suspicious sentences, the one that has the
            first finding comes first.
    """
    by_sentence = collections.defaultdict(list)
    for remark in _remarks(audit):
        by_sentence[id(remark.sentence)].append(remark)
    found = []
    for remarks in by_sentence.values():
        remarks.sort(key=lambda one: -one.score)
        doubt = math.fsum(
            math.log1p(-min(one.score, _MOST_CERTAIN)) for one in remarks
        )
        found.append(
            Review(remarks[0].sentence, -math.expm1(doubt), tuple(remarks))
        )
    return sorted(found, key=lambda one: -one.suspicion)


def _remarks(audit: Audit) -> Iterator[Remark]:
    for disagreements in (
        audit.confident_labels,
        audit.confident_boundaries,
        audit.confident_entities,
    ):
        yield from map(_of_disagreement, disagreements or ())
    lists: tuple[Iterable[Finding], ...] = (
        audit.label_conflicts,
        audit.unlabelled,
        audit.boundaries,
        audit.edges,
        audit.brackets,
    )
    for finding in (one for findings in lists for one in findings):
        # The more places, the likelier another way of annotating them.
        share = -math.expm1(
            math.log1p(-min(finding.score, _MOST_CERTAIN)) / len(finding.places)
        )
        for place in finding.places:
            yield _of_finding(finding, place)._replace(score=share)


def _wrong_label(confidence: float) -> float:
    """Returns the probability that a model is right against a label.

    A prediction of a calibrated score c disagrees with a right label as often
    as it is wrong, 1 - c; with a wrong one as often as there are any, a share
    w, and it is right: w c / (w c + 1 - c).
    """
    right = _WRONG_LABELS * min(confidence, _MOST_CERTAIN)
    return right / (right + 1 - min(confidence, _MOST_CERTAIN))


def _of_disagreement(found: Disagreement) -> Remark:
    error = found.error
    sentence = error.sentence
    score = _wrong_label(found.confidence)
    predicted = error.predicted or (found.rival,)
    gold = _shown(sentence, error.gold) or "no entity"
    text = (
        f"{gold}: a model predicts "
        f"{_shown(sentence, [one for one in predicted if one])}"
    )
    if error.kind is ErrorClass.MISSED:  # the rival is a finding of its own
        return Remark(sentence, score, text)
    return Remark(
        sentence,
        score,
        text,
        frozenset(span.key for span in error.gold),
        tuple(span.key for span in error.predicted),
    )


def _of_finding(finding: Finding, place: Place) -> Remark:
    sentence, here = place.sentence, (place.start, place.end)
    name = f"{place.text} [{place.start}, {place.end})"
    own = frozenset() if place.label is None else frozenset([_key(place)])
    if isinstance(finding, LabelConflict):
        usual = next(iter(finding.labels))
        text = f"{name} is {place.label} here, mostly {usual}"
        return Remark(sentence, finding.score, text, own, ((*here, usual),))
    if isinstance(finding, Unlabelled):
        usual = next(iter(finding.labels))
        text = f"{name} is no entity here, mostly {usual}"
        return Remark(sentence, finding.score, text, own, ((*here, usual),))
    if isinstance(finding, BoundaryVariant):
        return _of_boundary(finding, place, name)
    if isinstance(finding, EdgeVariant):
        return _of_edge(finding, place, name)
    assert isinstance(finding, BracketVariant)
    text = (
        f"{name}: brackets {finding.brackets} of {place.label} are mostly "
        "treated in another way"
    )
    return Remark(sentence, finding.score, text)


def _of_boundary(finding: BoundaryVariant, place: Place, name: str) -> Remark:
    sentence = place.sentence
    if place.label is not None:  # whole here, in parts elsewhere
        text = f"{name} is one entity here, mostly {finding.parts}"
        return Remark(sentence, finding.score, text)
    usual = next(iter(finding.labels))
    parts = frozenset(
        span.key
        for span in sentence.spans or ()
        if place.start <= span.start and span.end <= place.end
    )
    text = f"{name} is {finding.parts} here, mostly one entity, {usual}"
    whole = place.start, place.end, usual
    return Remark(sentence, finding.score, text, parts, (whole,))


def _of_edge(finding: EdgeVariant, place: Place, name: str) -> Remark:
    is_inside = finding.inside < finding.outside  # the rare way
    usually = "outside" if is_inside else "inside"
    text = (
        f"{name}: {finding.text} at the {finding.edge} of {place.label} is "
        f"mostly {usually}"
    )
    moved = _moved(finding, place, is_inside=is_inside)
    if moved is None:
        return Remark(place.sentence, finding.score, text)
    own = frozenset([_key(place)])
    return Remark(place.sentence, finding.score, text, own, (moved,))


def _moved(
    finding: EdgeVariant, place: Place, *, is_inside: bool
) -> _Key | None:
    """Returns the entity with its edge as usual; None if it is not clear."""
    text, part = place.sentence.text, finding.text
    start, end = place.start, place.end
    if finding.edge is Edge.START:
        if is_inside:
            start += len(part)
            start += len(text[start:end]) - len(text[start:end].lstrip())
        else:
            start = text.rfind(part, 0, start)
    elif is_inside:
        end = start + len(text[start : end - len(part)].rstrip())
    else:
        at = text.find(part, end)
        end = at + len(part) if at >= 0 else -1
    if not 0 <= start < end:
        return None
    return start, end, str(place.label)


def _key(place: Place) -> _Key:
    return place.start, place.end, str(place.label)


def _shown(sentence: Sentence, spans: Iterable[Span]) -> str:
    return ", ".join(
        f"{sentence.surface(one)} [{one.start}, {one.end}) {one.label}"
        + ("" if one.score is None else f" ({one.score:.2f})")
        for one in spans
    )

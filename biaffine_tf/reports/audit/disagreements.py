"""Where out-of-fold predictions are sure of something else than gold.

A model that has not seen a sentence in training and is sure of another answer
is either wrong in a way it is not ashamed of, or has found a mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.taxonomy import Error, ErrorClass, classify
from biaffine_tf.reports.audit.report import Disagreement
from biaffine_tf.spans import Sentence, Span


class Disagreements(NamedTuple):
    """What `Audit` has of the same names, the most confident first."""

    confident_entities: list[Disagreement]
    confident_labels: list[Disagreement]
    confident_boundaries: list[Disagreement]


def disagreements(pairs: Iterable[tuple[Sentence, Sentence]]) -> Disagreements:
    """Ranks the errors of predictions by how sure the model was of them.

    Args:
        pairs: Gold and predicted form of each sentence, as `match` gives
            them; not kept. Every wrong prediction must have a score.

    Returns:
        The errors by what the question is: whether there is an entity, which
        label it has, or where it starts and ends. Left out are missed spans
        that no wrong prediction overlaps: nothing tells how sure the model
        was that they are no entities.

    Raises:
        DataError: If a sentence is unlabelled or a wrong span has no score.
    """
    found = Disagreements([], [], [])
    for gold, predicted in pairs:
        errors = classify(gold, predicted)
        wrong = [span for error in errors for span in error.predicted]
        for span in wrong:
            if span.score is None:
                raise _no_score(predicted, span)
        for error in errors:
            disagreement = _disagreement(error, wrong)
            if disagreement is not None:
                _list_for(error, found).append(disagreement)
    for ranked in found:
        ranked.sort(key=lambda d: -d.confidence)
    return found


def _list_for(error: Error, found: Disagreements) -> list[Disagreement]:
    if not error.gold:
        return found.confident_entities
    if error.kind is ErrorClass.WRONG_LABEL:
        return found.confident_labels
    return found.confident_boundaries


def _disagreement(error: Error, wrong: Iterable[Span]) -> Disagreement | None:
    if error.kind is not ErrorClass.MISSED:
        return Disagreement(error, min(map(_score, error.predicted)))
    rivals = [
        span
        for span in wrong
        if span.start < error.end and error.start < span.end
    ]
    if not rivals:
        return None
    rival = max(rivals, key=lambda span: (_score(span), span.key))
    return Disagreement(error, _score(rival), rival)


def _score(span: Span) -> float:
    return span.score or 0.0


def _no_score(sentence: Sentence, span: Span) -> DataError:
    return DataError(
        f"the predicted span {sentence.surface(span)!r} of label "
        f"{span.label!r} has no score",
        file=sentence.file,
        line=sentence.line,
        remedy="predict with --output_score, into a JSON format",
    )

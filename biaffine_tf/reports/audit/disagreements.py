"""Finds confident out-of-fold predictions that disagree with gold.

A confident error of a model that was not trained on the sentence often is an
annotation mistake.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.taxonomy import Error, ErrorClass, classify
from biaffine_tf.reports.audit.report import Disagreement
from biaffine_tf.spans import Sentence, Span


class Disagreements(NamedTuple):
    """Lists of `Audit` with the same names, the most confident first."""

    confident_entities: list[Disagreement]
    confident_labels: list[Disagreement]
    confident_boundaries: list[Disagreement]


def disagreements(pairs: Iterable[tuple[Sentence, Sentence]]) -> Disagreements:
    """Ranks the errors of predictions by the model's confidence.

    Args:
        pairs: Gold and predicted form of each sentence, as returned by `match`;
            not kept. Every wrong prediction must have a score.

    Returns:
        The errors by type: whether there is an entity, its label, or its
        boundaries. Missed spans that no wrong prediction overlaps are left
        out: there is no confidence for them.

    Raises:
        DataError: If a sentence is unlabelled or a wrong span has no score.
    """
    ranking = Disagreements([], [], [])
    for gold, predicted in pairs:
        errors = classify(gold, predicted)
        wrong = [span for error in errors for span in error.predicted]
        for span in wrong:
            if span.score is None:
                raise _no_score(predicted, span)
        for error in errors:
            disagreement = _disagreement(error, wrong)
            if disagreement is not None:
                _list_for(error, ranking).append(disagreement)
    for ranked in ranking:
        ranked.sort(key=lambda d: -d.confidence)
    return ranking


def _list_for(error: Error, ranking: Disagreements) -> list[Disagreement]:
    if not error.gold:
        return ranking.confident_entities
    if error.kind is ErrorClass.WRONG_LABEL:
        return ranking.confident_labels
    return ranking.confident_boundaries


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

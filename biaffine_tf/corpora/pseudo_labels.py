"""Selects predicted sentences that are certain enough to be learnt.

D.-H. Lee, Pseudo-Label: The Simple and Efficient Semi-Supervised Learning
Method for Deep Neural Networks, 2013,
https://www.researchgate.net/publication/280581078.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span

WEIGHT = "weight"  # key of a sentence in span JSON


class Doubt(enum.StrEnum):
    """Why a sentence is not taken, in the order in which it is found."""

    UNSURE_ENTITY = "an entity below --min_score"
    RIVAL = "a candidate above --max_doubt that is no entity"
    NO_ENTITY = "no entity"


def find_doubt(
    entities: Sequence[Span],
    candidates: Sequence[Span],
    *,
    min_score: float,
    max_doubt: float,
    keep_empty: bool = True,
) -> Doubt | None:
    """Finds a reason not to learn a predicted sentence; None if there is none.

    Args:
        entities: Predicted entities with scores.
        candidates: All candidates with scores, entities included.
        min_score: Minimum score of each entity.
        max_doubt: Maximum score of each candidate that is no entity.
        keep_empty: Whether to learn sentences without entities.
    """
    if any((one.score or 0.0) < min_score for one in entities):
        return Doubt.UNSURE_ENTITY
    kept = {one.key for one in entities}
    if any(
        (one.score or 0.0) > max_doubt and one.key not in kept
        for one in candidates
    ):
        return Doubt.RIVAL
    if not entities and not keep_empty:
        return Doubt.NO_ENTITY
    return None


def certainty(entities: Sequence[Span], candidates: Sequence[Span]) -> float:
    """Returns the probability of the least certain decision on a sentence.

    Args:
        entities: Predicted entities with scores.
        candidates: All candidates with scores, entities included.
    """
    kept = {one.key for one in entities}
    scores = [one.score or 0.0 for one in entities]
    scores += [
        1 - (one.score or 0.0) for one in candidates if one.key not in kept
    ]
    return min(scores, default=1.0)


def with_weight(sentence: Sentence, weight: float) -> Sentence:
    """Returns the sentence with a weight for its file."""
    extra = {**(sentence.extra or {}), WEIGHT: round(weight, 6)}
    return dataclasses.replace(sentence, extra=extra)


def sentence_weight(sentence: Sentence) -> float:
    """Returns the weight that its file gives a sentence; 1 if none.

    Raises:
        DataError: If it is not above 0 and at most 1.
    """
    weight = (sentence.extra or {}).get(WEIGHT, 1.0)
    is_number = isinstance(weight, int | float) and not isinstance(weight, bool)
    if not is_number or not 0 < weight <= 1:
        raise DataError(
            f"its weight must be above 0 and at most 1, got {weight!r}",
            file=sentence.file,
            line=sentence.line,
            remedy="correct the weight, or leave it out for 1",
        )
    return float(weight)

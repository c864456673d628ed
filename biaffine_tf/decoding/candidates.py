"""Candidates: the spans a model proposes, before a decoder picks among them.

The functions here are the plain, slow reading of an `[L, L, C]` tensor: the
reference for the fast paths of training, prediction and serving.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from biaffine_tf.spans import NONE_ID, LabelMap


class Candidate(NamedTuple):
    """A labelled half-open range with the model's opinion of it.

    Attributes:
        start: First position. Positions are whatever the caller counts,
            pieces or characters; decoders only compare them.
        end: One past the last position.
        label: Entity label.
        margin: logit[label] - logit[none].
        logit: logit[label] as it is, or None if only the margin is known.
        score: Confidence in [0, 1] if the caller has one; decoders carry it
            along and do not read it.
    """

    start: int
    end: int
    label: str
    margin: float
    logit: float | None = None
    score: float | None = None

    @property
    def rank(self) -> float:
        """What greedy decoding sorts by: the raw logit, else the margin."""
        return self.margin if self.logit is None else self.logit


def candidates_from_logits(
    logits: np.ndarray, label_map: LabelMap
) -> list[Candidate]:
    """All pairs whose best class is a label, in row-major order.

    Args:
        logits: `[L, L, C]` float; row = first piece, column = last piece
            (inclusive), class 0 = none. Cells below the diagonal are ignored.
        label_map: Labels of classes 1 to C - 1.

    Returns:
        One candidate per such pair, in pieces. Where "none" ties with a
        label there is none; where labels tie, the lower id is taken.
    """
    logits = _checked(logits, label_map)
    best = logits.argmax(axis=-1)  # [L, L]
    return [
        _candidate(logits, row, column, int(best[row, column]), label_map)
        for row, column in np.argwhere(np.triu(best != NONE_ID)).tolist()
    ]


def best_candidate(logits: np.ndarray, label_map: LabelMap) -> Candidate:
    """The pair with the greatest logit of any label, even if "none" wins it.

    The "always find one entity" rule: what is returned for a sentence of
    which `candidates_from_logits` is empty.

    Args:
        logits: `[L, L, C]` as for `candidates_from_logits`, L and the number
            of labels at least 1.
        label_map: Labels of classes 1 to C - 1.

    Returns:
        The candidate, in pieces; the first in row-major order, then of the
        lowest label id, among equals.
    """
    logits = _checked(logits, label_map)
    if not logits.shape[0] or not label_map:
        raise ValueError(f"no pair or no label in logits of {logits.shape}")
    label_logits = logits[:, :, NONE_ID + 1 :]
    valid = np.triu(np.ones(logits.shape[:2], bool))[:, :, np.newaxis]
    masked = np.where(valid, label_logits, -np.inf)  # [L, L, C - 1]
    row, column, label = np.unravel_index(masked.argmax(), masked.shape)
    return _candidate(
        logits, int(row), int(column), int(label) + NONE_ID + 1, label_map
    )


def _checked(logits: np.ndarray, label_map: LabelMap) -> np.ndarray:
    length = logits.shape[0]
    if logits.shape != (length, length, label_map.num_classes):
        raise ValueError(
            f"logits must be [L, L, {label_map.num_classes}] for {label_map}, "
            f"not {logits.shape}"
        )
    return logits.astype(np.float64)  # exact, also from half precision


def _candidate(
    logits: np.ndarray, row: int, column: int, label_id: int, labels: LabelMap
) -> Candidate:
    logit = logits[row, column, label_id]
    return Candidate(
        start=row,
        end=column + 1,
        label=labels.name(label_id),
        margin=float(logit - logits[row, column, NONE_ID]),
        logit=float(logit),
    )

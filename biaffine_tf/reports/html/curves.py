"""Precision, recall and F1 by a threshold on the scores of entities.

Uses the decoded entities, so a threshold can only remove some;
`calibration.thresholds` searches thresholds over all candidates.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from biaffine_tf.calibration.scaling import Outcomes


@dataclasses.dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """Micro scores of the entities that score at least a threshold.

    Attributes:
        thresholds: Distinct scores in ascending order, float64 `[K]`.
        precision: Precision at each threshold, `[K]`.
        recall: Recall, likewise.
        f1: F1, likewise.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def best(self) -> int:
        """Index of the lowest threshold with the best F1."""
        return int(self.f1.argmax())


def threshold_curve(outcomes: Outcomes, gold: int) -> ThresholdCurve:
    """Computes the metrics at every threshold.

    Args:
        outcomes: Entities and whether they are correct; at least one.
        gold: Number of distinct gold spans.

    Returns:
        The curve; its first point includes all entities.
    """
    order = np.argsort(-outcomes.scores, kind="stable")
    scores = outcomes.scores[order]
    correct = np.cumsum(outcomes.right[order])
    # Equal scores are kept or removed together.
    last = np.append(scores[1:] != scores[:-1], True)
    correct = correct[last][::-1]
    predicted = (np.flatnonzero(last) + 1)[::-1]
    return ThresholdCurve(
        thresholds=scores[last][::-1],
        precision=correct / predicted,
        recall=correct / max(gold, 1),
        f1=2 * correct / (predicted + gold),
    )

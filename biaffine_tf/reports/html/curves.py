"""What a threshold on the scores of entities would do to precision and recall.

The entities are those that the decoder kept: nothing is decoded again, so that
a threshold can only take entities away. `calibration.thresholds` searches
thresholds over all candidates.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from biaffine_tf.calibration.scaling import Outcomes


@dataclasses.dataclass(frozen=True, slots=True)
class ThresholdCurve:
    """Micro scores of the entities that score at least a threshold.

    Attributes:
        thresholds: Every distinct score, ascending, float64 `[K]`.
        precision: At each of them, `[K]`.
        recall: Likewise.
        f1: Likewise.
    """

    thresholds: np.ndarray
    precision: np.ndarray
    recall: np.ndarray
    f1: np.ndarray

    @property
    def best(self) -> int:
        """Index of the lowest threshold with the best F1."""
        return int(self.f1.argmax())


def threshold_curve(found: Outcomes, gold: int) -> ThresholdCurve:
    """Scores of the entities above every threshold.

    Args:
        found: The entities and whether they are right; at least one.
        gold: Number of distinct gold spans.

    Returns:
        The curve. Its first point is that of all entities.
    """
    order = np.argsort(-found.scores, kind="stable")
    scores = found.scores[order]
    correct = np.cumsum(found.right[order])
    # Equal scores fall together: the last of them says what is kept.
    last = np.append(scores[1:] != scores[:-1], True)
    correct = correct[last][::-1]
    predicted = (np.flatnonzero(last) + 1)[::-1]
    return ThresholdCurve(
        thresholds=scores[last][::-1],
        precision=correct / predicted,
        recall=correct / max(gold, 1),
        f1=2 * correct / (predicted + gold),
    )

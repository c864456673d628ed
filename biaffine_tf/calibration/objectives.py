"""Objectives of the threshold search, with confidence bounds.

Their settings are flags: NumPy is imported only where it is needed.
"""

from __future__ import annotations

import dataclasses
import enum
from typing import TYPE_CHECKING, NamedTuple

from biaffine_tf.config import Settings, setting

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

# Minimum sample size of a proportion. Below it, one more success would move it
# by 2 points or more, and even 50 out of 50 do not make 0.95 certain.
MIN_COUNT = 50


class Curve(NamedTuple):
    """Counts of entities of some labels at each cut on scores.

    Attributes:
        cuts: Cuts in descending order, float64 `[K]`; nothing passes the first.
        correct: Number of correct entities at each cut, int64 `[K]`.
        predicted: Number of predicted entities at each cut, int64 `[K]`.
        gold: Number of gold spans.
    """

    cuts: np.ndarray
    correct: np.ndarray
    predicted: np.ndarray
    gold: int


class ThresholdMetric(enum.StrEnum):
    """Metric that the threshold of each label optimizes.

    - `f1`: maximum F1.
    - `precision`: maximum recall with precision at least the target.
    - `recall`: maximum precision with recall at least the target.
    """

    F1 = "f1"
    PRECISION = "precision"
    RECALL = "recall"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThresholdObjective(Settings):
    """A metric, its target, and the confidence level of reaching it.

    Among hundreds of cuts some look better than they are, and the lowest that
    seems to reach a target is likely one of them. So the one-sided lower bound
    of precision (or recall) must reach it rather than the observed value.
    (C. Clopper and E. Pearson, The Use of Confidence or Fiducial Limits
    Illustrated in the Case of the Binomial, Biometrika 26, 1934.)

    The bound is that of a single cut: where hardly any cut reaches the target,
    one may still seem to by chance. Held-out metrics show it.

    Attributes:
        metric: Metric to optimize.
        target: Minimum precision or recall; None for F1.
        certainty: Confidence level of the bounds.

    Raises:
        ConfigError: If a value is out of range, or F1 has a target.
    """

    metric: ThresholdMetric = setting(ThresholdMetric.F1, former="aim")
    target: float | None = setting(
        None,
        above=0,
        below=1,
        flag="threshold_target",
        help="Minimum precision or recall to reach on unseen text.",
    )
    certainty: float = setting(0.95, minimum=0.5, below=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.require(
            (self.target is None) == (self.metric is ThresholdMetric.F1),
            "target",
            "left out with --threshold_objective=f1"
            if self.metric is ThresholdMetric.F1
            else f"above 0 and below 1, the {self.metric} to reach",
        )

    def choose(self, curve: Curve) -> int | None:
        """Chooses the best cut; the highest of equally good ones.

        Args:
            curve: Counts at each cut.

        Returns:
            Index of the cut. None if no cut is certain to meet the target, or
            there are fewer than `MIN_COUNT` entities to show it (for recall:
            gold spans; for F1: the larger of gold and predicted).
        """
        import numpy as np

        if self.target is None:
            enough = max(curve.gold, curve.predicted.max()) >= MIN_COUNT
            good = np.full(curve.cuts.shape, enough)
        else:
            trials = self._trials(curve)
            bounds = lower_bound(curve.correct, trials, self.certainty)
            good = (bounds >= self.target) & (trials >= MIN_COUNT)
        match self.metric:
            case ThresholdMetric.F1:
                either = np.maximum(curve.predicted + curve.gold, 1)
                best = 2 * curve.correct / either
            case ThresholdMetric.PRECISION:
                best = curve.correct  # goes with the recall
            case ThresholdMetric.RECALL:
                best = curve.correct / np.maximum(curve.predicted, 1)
        return int(np.where(good, best, -1).argmax()) if good.any() else None

    def refuted(self, curve: Curve) -> np.ndarray:
        """Marks the cuts that are certain to miss the target.

        Args:
            curve: Counts at each cut.

        Returns:
            bool `[K]`: whether even the upper bound is below the target.
        """
        import numpy as np

        if self.target is None:
            return np.zeros(curve.cuts.shape, bool)
        trials = self._trials(curve)
        wrong = lower_bound(trials - curve.correct, trials, self.certainty)
        return 1 - wrong < self.target

    def is_hopeless(self, curve: Curve) -> bool:
        """Returns whether all cuts with enough entities are refuted.

        Enough is `MIN_COUNT` entities or a quarter of all: a label of any
        precision looks good at some very high cut.
        """
        trials = self._trials(curve)
        enough = trials >= min(MIN_COUNT, trials.max() / 4)
        return bool(self.refuted(curve)[enough].all())

    def _trials(self, curve: Curve) -> np.ndarray:
        """Returns the denominator of precision or recall, `[K]`."""
        if self.metric == ThresholdMetric.RECALL:
            return curve.predicted * 0 + curve.gold
        return curve.predicted


def lower_bound(
    successes: npt.ArrayLike, trials: npt.ArrayLike, certainty: float
) -> np.ndarray:
    """Computes one-sided lower bounds of proportions (Clopper and Pearson).

    Args:
        successes: Numbers of successes, any shape.
        trials: Numbers of trials, same shape.
        certainty: Confidence level.

    Returns:
        Bounds of the same shape, float64; 0 for no successes.
    """
    # Slow to import.
    import numpy as np
    from scipy import special

    successes, trials = np.asarray(successes), np.asarray(trials)
    bounds = special.betaincinv(
        np.maximum(successes, 1), trials - successes + 1, 1 - certainty
    )
    return np.where(successes > 0, bounds, 0.0)

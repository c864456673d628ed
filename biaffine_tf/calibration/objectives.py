"""What thresholds are searched for, and how sure it is that a cut will do."""

from __future__ import annotations

import dataclasses
import enum
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from biaffine_tf.config import Settings, setting

# A share of fewer is not believed. One more or less would move it by 2 points
# and more; even 50 right out of 50 do not make 0.95 certain.
MIN_COUNT = 50


class Curve(NamedTuple):
    """What each cut on scores lets through, of some labels.

    Attributes:
        cuts: Descending, float64 `[K]`; the first lets nothing through.
        correct: Entities that gold has, int64 `[K]`.
        predicted: Entities, int64 `[K]`.
        gold: Gold spans.
    """

    cuts: np.ndarray
    correct: np.ndarray
    predicted: np.ndarray
    gold: int


class ThresholdMetric(enum.StrEnum):
    """What thresholds are for, of each label by itself.

    - `f1`: the best F1.
    - `precision`: the greatest recall with precision at least the target.
    - `recall`: the greatest precision with recall at least the target.
    """

    F1 = "f1"
    PRECISION = "precision"
    RECALL = "recall"


@dataclasses.dataclass(frozen=True, kw_only=True)
class ThresholdObjective(Settings):
    """A metric, its target, and how sure its being met must be.

    Among hundreds of cuts some look better than they are, and the lowest that
    seems to reach a target is likely one of them. So it is not the precision
    (or recall) as counted that must reach it but its one-sided lower bound.
    (C. Clopper and E. Pearson, The Use of Confidence or Fiducial Limits
    Illustrated in the Case of the Binomial, Biometrika 26, 1934.)

    The bound is that of a single cut: where hardly any cut reaches the target,
    one may still do so by luck. Held-out figures tell.

    Attributes:
        metric: What is wanted.
        target: The precision or recall; None for F1.
        certainty: How often such a bound is below the truth.

    Raises:
        ConfigError: If a value is out of range, or F1 has a target.
    """

    metric: ThresholdMetric = setting(ThresholdMetric.F1, former="aim")
    target: float | None = setting(
        None,
        above=0,
        below=1,
        flag="threshold_target",
        help="Precision or recall that thresholds are to reach on unseen text.",
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
        """The cut with the best metric; of equal ones the highest.

        Args:
            curve: What there is to choose from.

        Returns:
            Its index. None if no cut is sure to meet the target, or if fewer
            than `MIN_COUNT` entities (for a recall: gold spans; for F1: of
            either) would have to show it.
        """
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
        """The cuts that are sure to miss the target.

        Args:
            curve: What there is to choose from.

        Returns:
            bool `[K]`: where even the upper bound is below the target.
        """
        if self.target is None:
            return np.zeros(curve.cuts.shape, bool)
        trials = self._trials(curve)
        wrong = lower_bound(trials - curve.correct, trials, self.certainty)
        return 1 - wrong < self.target

    def is_hopeless(self, curve: Curve) -> bool:
        """Whether all cuts are refuted but those that let next to none through.

        That is `MIN_COUNT` entities or a quarter of them all: at the very top a
        label of any precision looks good at some cut.
        """
        trials = self._trials(curve)
        enough = trials >= min(MIN_COUNT, trials.max() / 4)
        return bool(self.refuted(curve)[enough].all())

    def _trials(self, curve: Curve) -> np.ndarray:
        """What the target is a share of, `[K]`."""
        if self.metric == ThresholdMetric.RECALL:
            return np.full_like(curve.predicted, curve.gold)
        return curve.predicted


def lower_bound(
    successes: npt.ArrayLike, trials: npt.ArrayLike, certainty: float
) -> np.ndarray:
    """Exact one-sided lower bounds of proportions (Clopper and Pearson).

    Args:
        successes: Integers of any shape.
        trials: Of the same shape, none less than its successes.
        certainty: How often the bound is below the truth.

    Returns:
        float64 of that shape; 0 where nothing succeeded.
    """
    # Takes longer to load than everything else here.
    from scipy import special

    successes, trials = np.asarray(successes), np.asarray(trials)
    bounds = special.betaincinv(
        np.maximum(successes, 1), trials - successes + 1, 1 - certainty
    )
    return np.where(successes > 0, bounds, 0.0)

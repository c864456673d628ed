"""Search for the best threshold on calibrated scores of each label."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Collection, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from biaffine_tf.calibration.confidence import Confidence, sigmoid
from biaffine_tf.calibration.objectives import (
    Curve,
    ThresholdMetric,
    ThresholdObjective,
)
from biaffine_tf.calibration.sweeps import Decode, Sweeper
from biaffine_tf.evaluation.matching import Pair


class Thresholds(NamedTuple):
    """Result of `search`.

    Attributes:
        confidence: The given calibration with a threshold for every label of
            gold or candidates.
        sharing: Labels that share a threshold.
        unmet: Labels that cannot reach the target: none of their candidates
            pass for a precision target, all for a recall target.
    """

    confidence: Confidence
    sharing: tuple[str, ...]
    unmet: tuple[str, ...]


def search(
    pairs: Sequence[Pair],
    calibration: Confidence,
    *,
    objective: ThresholdObjective,
    decode: Decode,
) -> Thresholds:
    """Finds the best thresholds for an objective.

    Each label in turn gets its best cut, given the cuts of the others so far
    (initially even odds). Labels without a cut that is certain to meet the
    objective share one: the best for all of them together, else the best if
    all labels had the same. Labels that are certain to miss the target, at
    every cut or at the shared one, are excluded.

    Args:
        pairs: Pairs of a gold sentence and the same sentence with all scored
            candidates as spans.
        calibration: Temperature and bias.
        objective: Metric and target.
        decode: The decoder. Candidates that share no character with others
            must not affect each other.

    Returns:
        The thresholds. Metrics on the same sentences are optimistic.
    """
    sweeper = Sweeper(pairs, calibration, decode)
    cuts = sweeper.cuts
    last_resort = _last_resort(objective, sweeper)
    doubtful: dict[str, Curve] = {}
    unmet = []
    for label in sweeper.labels:
        curve = sweeper.lower([label])
        index = objective.choose(curve)
        if index is not None:
            cuts[label] = float(curve.cuts[index])
        elif objective.is_hopeless(curve):
            cuts[label] = last_resort
            unmet.append(label)
        else:
            doubtful[label] = curve
    hopeful = [label for label in sweeper.labels if label not in unmet]
    shared = _shared_cut(objective, sweeper, [doubtful, hopeful])
    for label, curve in doubtful.items():
        if shared is None or _is_refuted(objective, curve, shared):
            cuts[label] = last_resort
            unmet += [label] if objective.target else []
        else:
            cuts[label] = shared
    confidence = dataclasses.replace(
        calibration,
        thresholds={label: float(sigmoid(cut)) for label, cut in cuts.items()},
        default_threshold=float(
            sigmoid(last_resort if shared is None else shared)
        ),
    )
    sharing = tuple(label for label in doubtful if label not in unmet)
    return Thresholds(confidence, sharing, tuple(sorted(unmet)))


def _last_resort(objective: ThresholdObjective, sweeper: Sweeper) -> float:
    """Returns the cut for labels that cannot meet the objective."""
    match objective.metric:
        case ThresholdMetric.F1:
            return 0.0  # even odds
        case ThresholdMetric.PRECISION:
            return math.inf
        case ThresholdMetric.RECALL:
            return sweeper.lowest


def _shared_cut(
    objective: ThresholdObjective,
    sweeper: Sweeper,
    groups: Iterable[Collection[str]],
) -> float | None:
    """Returns the best cut of the first group that has one."""
    for group in groups:
        curve = sweeper.lower(group)
        index = objective.choose(curve)
        if index is not None:
            return float(curve.cuts[index])
    return None


def _is_refuted(
    objective: ThresholdObjective, curve: Curve, cut: float
) -> bool:
    """Whether a cut, of the curve or between its cuts, is certain to miss."""
    index = np.flatnonzero(curve.cuts >= cut)[-1]  # same candidates pass
    return bool(objective.refuted(curve)[index])

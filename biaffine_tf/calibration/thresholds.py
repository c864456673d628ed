"""Search of the best threshold on calibrated scores for each label."""

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
    """What `search` found.

    Attributes:
        confidence: The calibration given, with a threshold for every label
            that gold or candidates have.
        sharing: Labels that share one.
        unmet: Labels that the target is out of reach for: none of their
            candidates is let through for a precision, all are for a recall.
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
    """Finds the thresholds that serve an objective best on these sentences.

    Each label in turn gets the cut that is best for it as the others are by
    then, at first at even odds. Labels for which no cut is sure to do share
    one: the best for all of them together, else the best if all labels had
    the same. Labels that are sure to miss the target, be it at every cut or
    at the shared one, take no part in that.

    Args:
        pairs: Gold sentences, and the same ones with all their candidates for
            spans, with scores of the model.
        calibration: Temperature and bias.
        objective: What is wanted.
        decode: The decoder, which must let candidates alone that share no
            character with the others.

    Returns:
        The thresholds. On the sentences they were found on they look better
        than they are.
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
    """The cut where none is good: what can be done for the target."""
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
    """The best cut of the first group that has one."""
    for group in groups:
        curve = sweeper.lower(group)
        index = objective.choose(curve)
        if index is not None:
            return float(curve.cuts[index])
    return None


def _is_refuted(
    objective: ThresholdObjective, curve: Curve, cut: float
) -> bool:
    """Whether any cut, not only one of the curve's, is sure to miss."""
    index = np.flatnonzero(curve.cuts >= cut)[-1]  # what passes is the same
    return bool(objective.refuted(curve)[index])

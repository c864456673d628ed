"""Calibration error of scores, and fitting of temperature and bias.

A score is the probability of an event: gold contains exactly this (start, end,
label). All candidates count, also those that no decoder keeps, down to the
minimum score they were requested with.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import require_spans

BINS = 15  # as in Guo et al., 2017
# Minimum number of candidates for a fit.
MIN_CANDIDATES = 50
_SLOPES = (0.1, 10.0)  # 1 / temperature
_BIASES = (-10.0, 10.0)


class Scaling(enum.StrEnum):
    """Calibration method: parameters fitted to the log-odds of scores.

    - `temperature` divides them. A score of 0.5 does not change, so errors at
      0.5 remain. (Guo et al., On Calibration of Modern Neural Networks, ICML
      2017.)
    - `platt` adds a bias as well. (J. Platt, Probabilistic Outputs for Support
      Vector Machines, 1999.)
    """

    TEMPERATURE = "temperature"
    PLATT = "platt"


class Outcomes(NamedTuple):
    """Candidates of a data set, and whether they are correct.

    Attributes:
        scores: Scores of the model, float64 `[N]`.
        right: Whether gold has the candidate, bool `[N]`.
        sentences: Index of the sentence of each candidate, int64 `[N]`.
    """

    scores: np.ndarray
    right: np.ndarray
    sentences: np.ndarray

    def select(self, mask: np.ndarray) -> Outcomes:
        """Selects candidates by a mask, bool `[N]`."""
        return Outcomes(*(values[mask] for values in self))


class Fit(NamedTuple):
    """A calibration.

    Attributes:
        confidence: Temperature and bias; no thresholds.
        note: Problem of the fit; empty if there is none.
    """

    confidence: Confidence
    note: str = ""


@dataclasses.dataclass(frozen=True, slots=True)
class Bin:
    """Candidates with scores in (lower, upper]; the first bin includes 0.

    Attributes:
        lower: Lower bound.
        upper: Upper bound.
        count: Number of candidates.
        confidence: Mean score.
        accuracy: Fraction of correct candidates.
    """

    lower: float
    upper: float
    count: int
    confidence: float
    accuracy: float


@dataclasses.dataclass(frozen=True, kw_only=True)
class Reliability:
    """Calibration metrics of scores.

    Attributes:
        error: Expected calibration error: mean over candidates of
            |accuracy - confidence| of their bin, with bins of equal width.
            (Guo et al., 2017, equation 3.)
        brier: Mean squared distance of scores from 1 (right) or 0 (wrong).
        likelihood: Mean negative log-likelihood, in nats.
        bins: Bins that are not empty, by score: the reliability diagram.
    """

    error: float
    brier: float
    likelihood: float
    bins: tuple[Bin, ...]

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Reliability:
        """Restores the metrics from `dataclasses.asdict` or JSON of it."""
        bins = tuple(Bin(**one) for one in values["bins"])
        return cls(**{**values, "bins": bins})


def find_outcomes(pairs: Sequence[Pair]) -> Outcomes:
    """Compares candidates with gold.

    Args:
        pairs: Pairs of a gold sentence and the same sentence with all scored
            candidates as spans; they may overlap, and duplicates count once,
            with the higher score.

    Returns:
        Outcomes of all candidates, in the order of the sentences.

    Raises:
        DataError: If a sentence is unlabelled (spans is None), or a candidate
            has no score in [0, 1].
    """
    scores: list[float] = []
    right: list[bool] = []
    sentences: list[int] = []
    for index, (gold, predicted) in enumerate(pairs):
        keys = {span.key for span in require_spans(gold, "gold")}
        best: dict[tuple[int, int, str], float] = {}
        for span in require_spans(predicted, "predicted"):
            if span.score is None or not 0 <= span.score <= 1:
                raise DataError(
                    f"{predicted.surface(span)!r} ({span.label}) has the score "
                    f"{span.score!r}",
                    file=predicted.file,
                    line=predicted.line,
                    remedy="give every candidate its probability, in [0, 1]",
                )
            best[span.key] = max(span.score, best.get(span.key, 0.0))
        scores += best.values()
        right += [key in keys for key in best]
        sentences += [index] * len(best)
    return Outcomes(
        np.array(scores, np.float64),
        np.array(right, bool),
        np.array(sentences, np.int64),
    )


def fit_scaling(
    outcomes: Outcomes, *, scaling: Scaling = Scaling.TEMPERATURE
) -> Fit:
    """Fits temperature, and the bias of Platt scaling, to outcomes.

    Minimizes the mean negative log-likelihood of the outcomes given the
    calibrated scores, which is convex in (1 / temperature, bias).

    Args:
        outcomes: Candidates, and whether they are correct.
        scaling: Calibration method.

    Returns:
        The fit. Scores stay unchanged if there are fewer than
        `MIN_CANDIDATES`, or all are right, or all are wrong.
    """
    count, right = len(outcomes.right), int(outcomes.right.sum())
    if count < MIN_CANDIDATES:
        note = f"scores are not calibrated: only {count} candidates"
        return Fit(Confidence(), note)
    if right in (0, count):
        what = "right" if right else "wrong"
        note = f"scores are not calibrated: all {count} candidates are {what}"
        return Fit(Confidence(), note)
    slope, bias = _minimise(
        Confidence().log_odds(outcomes.scores), outcomes.right, scaling
    )
    note = ""
    if slope in _SLOPES or bias in _BIASES:
        note = (
            f"calibration ended at a bound (temperature {1 / slope:.3g}, bias "
            f"{bias:.3g}): scores say little about what is right"
        )
    return Fit(Confidence(temperature=1 / slope, bias=bias), note)


def _minimise(
    log_odds: np.ndarray, right: np.ndarray, scaling: Scaling
) -> tuple[float, float]:
    # Slow to import.
    from scipy import optimize

    features = np.stack([log_odds, np.ones_like(log_odds)])  # [2, N]
    free = 1 if scaling is Scaling.TEMPERATURE else 2

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        logits = weights @ features[:free]  # [N]
        loss = np.logaddexp(0, logits) - right * logits
        residual = np.exp(-np.logaddexp(0, -logits)) - right
        return loss.mean(), features[:free] @ residual / len(right)

    solution = optimize.minimize(
        loss,
        [1.0, 0.0][:free],
        jac=True,
        method="L-BFGS-B",
        bounds=[_SLOPES, _BIASES][:free],
        options={"ftol": 1e-14, "gtol": 1e-9},
    )
    slope, bias = [*solution.x.tolist(), 0.0][:2]
    return slope, bias


def measure_reliability(scores: np.ndarray, right: np.ndarray) -> Reliability:
    """Computes calibration metrics.

    Args:
        scores: Scores in [0, 1], calibrated or not, `[N]`.
        right: Whether each candidate is correct, bool `[N]`.

    Returns:
        The metrics; zeros if there are no scores.
    """
    if not len(scores):
        return Reliability(error=0.0, brier=0.0, likelihood=0.0, bins=())
    edges = np.linspace(0, 1, BINS + 1)
    where = np.searchsorted(edges[1:-1], scores, side="left")  # (lower, upper]
    bins = []
    for index in np.unique(where).tolist():
        inside = where == index
        bins.append(
            Bin(
                float(edges[index]),
                float(edges[index + 1]),
                int(inside.sum()),
                float(scores[inside].mean()),
                float(right[inside].mean()),
            )
        )
    gaps = [b.count * abs(b.accuracy - b.confidence) for b in bins]
    log_odds = Confidence().log_odds(scores)
    losses = np.logaddexp(0, log_odds) - right * log_odds
    return Reliability(
        error=sum(gaps) / len(scores),
        brier=float(np.square(scores - right).mean()),
        likelihood=float(losses.mean()),
        bins=tuple(bins),
    )

"""Calibrated scores, and the thresholds that candidates must pass.

A score p is the probability of a candidate's label. Its log-odds are divided
by a temperature and moved by a bias,

    z = log(p / (1 - p)) / temperature + bias

and sigmoid(z) is the calibrated score: how often such candidates are right.
Temperature and thresholds are fitted in `calibration.fitting`.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from biaffine_tf.config import Settings, setting, settings_of
from biaffine_tf.decoding.candidates import Candidate
from biaffine_tf.errors import ConfigError

DEFAULT_THRESHOLD = 0.5
# Closer to 1, a float64 has fewer than four digits of the difference from 1.
_CLOSEST = 1e-12
MAX_LOG_ODDS = math.log1p(-_CLOSEST) - math.log(_CLOSEST)
# Upper bound of the rounding error of float32 logits.
_ROUNDING = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confidence(Settings):
    """Calibration of a model's scores, and thresholds per label.

    Attributes:
        temperature: Divisor of the log-odds; above 1 for an overconfident
            model. (C. Guo et al., On Calibration of Modern Neural Networks,
            ICML 2017.)
        bias: Added to the divided log-odds; 0 for temperature alone.
        thresholds: Threshold in (0, 1] by label, which the calibrated scores of
            candidates must exceed; 1 rejects all. None decides by the
            candidates' margins alone.
        default_threshold: Threshold of labels that `thresholds` lacks.

    Raises:
        ConfigError: If a value is out of range.
    """

    temperature: float = setting(1.0, above=0)
    bias: float = 0.0
    thresholds: Mapping[str, float] | None = None
    default_threshold: float = setting(DEFAULT_THRESHOLD, above=0, maximum=1)

    def __post_init__(self) -> None:
        super().__post_init__()
        check = settings_of(Confidence)["default_threshold"].convert
        for label, value in (self.thresholds or {}).items():
            check(value, shown=f"the threshold of {label!r}")

    @property
    def is_plain(self) -> bool:
        """Whether scores stay unchanged."""
        return self.temperature == 1 and self.bias == 0

    def rescale(self, log_odds: npt.ArrayLike) -> np.ndarray:
        """Calibrates log-odds.

        Args:
            log_odds: The model's log-odds, any shape.

        Returns:
            Calibrated log-odds of the same shape, finite, float64.
        """
        finite = np.clip(
            np.asarray(log_odds, np.float64), -MAX_LOG_ODDS, MAX_LOG_ODDS
        )
        return finite / self.temperature + self.bias

    def log_odds(self, scores: npt.ArrayLike) -> np.ndarray:
        """Returns the calibrated log-odds of the model's scores in [0, 1]."""
        clipped = np.clip(
            np.asarray(scores, np.float64), _CLOSEST, 1 - _CLOSEST
        )
        return self.rescale(np.log(clipped) - np.log1p(-clipped))

    def calibrate(self, scores: npt.ArrayLike) -> np.ndarray:
        """Calibrates scores; their order stays.

        Args:
            scores: The model's scores in [0, 1], any shape.

        Returns:
            Calibrated scores of the same shape, in [0, 1], float64.
        """
        return sigmoid(self.log_odds(scores))

    def rescore(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Replaces logits and log-odds of candidates by calibrated log-odds.

        Args:
            candidates: Candidates with the model's log-odds.

        Returns:
            All candidates, in the order given; margins stay unchanged.

        Raises:
            ValueError: If a candidate has no log-odds.
        """
        candidates = list(candidates)
        given = np.array([one.log_odds for one in candidates], np.float64)
        if np.isnan(given).any():
            raise ValueError("candidates without log-odds")
        return [
            Candidate(one.start, one.end, one.label, one.margin, new, new)
            for one, new in zip(
                candidates, self.rescale(given).tolist(), strict=True
            )
        ]

    def apply(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Calibrates candidates and drops those not above their threshold.

        Without thresholds every candidate keeps its logit and its margin, so
        the decoder decides as before; only the log-odds are calibrated.

        With thresholds, margins become the log-odds above the threshold, and
        logits the calibrated log-odds: greedy decoding then also ranks by the
        scores for which the thresholds were fitted, and decides alike for
        systems that give no logits.

        Args:
            candidates: Candidates of one sentence with the model's log-odds.

        Returns:
            The remaining candidates, in the order given.

        Raises:
            ValueError: If a candidate has no log-odds.
        """
        candidates = list(candidates)
        rescored = self.rescore(candidates)
        if self.thresholds is None:
            return [
                Candidate(*one[:5], calibrated.log_odds)
                for one, calibrated in zip(candidates, rescored, strict=True)
            ]
        cuts, default = self.cuts
        return above_cuts(
            rescored, {one.label: default for one in rescored} | cuts
        )

    @property
    def lowest_margin(self) -> float:
        """Lower bound of the margins of the candidates that `apply` keeps.

        The softmax odds of a label are at most its odds against "none":

            log(p / (1 - p)) <= logit[label] - logit[none] = margin

        So p >= s only if margin >= log(s / (1 - s)), where s is the lowest
        threshold with the calibration undone. The bound allows for float32
        rounding. It is 0 without thresholds: the margins decide.
        """
        if self.thresholds is None:
            return 0.0
        cuts, default = self.cuts
        lowest = min([default, *cuts.values()])
        log_odds = (lowest - self.bias) * self.temperature
        if log_odds <= -MAX_LOG_ODDS:
            return -math.inf  # not even a score of 0 is below it
        return log_odds - _ROUNDING

    @functools.cached_property
    def cuts(self) -> tuple[dict[str, float], float]:
        """Log-odds of the thresholds by label, and of the default threshold."""
        cuts = {
            label: to_log_odds(threshold)
            for label, threshold in (self.thresholds or {}).items()
        }
        return cuts, to_log_odds(self.default_threshold)

    def to_json(self) -> dict[str, Any]:
        """Returns the fields as plain values for `json.dumps`."""
        values = dataclasses.asdict(self)
        if self.thresholds is not None:
            values["thresholds"] = dict(self.thresholds)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Confidence:
        """Restores the settings from the result of `to_json`.

        Raises:
            ConfigError: If a field is unknown or out of range.
        """
        try:
            return cls(**values)
        except (AttributeError, TypeError) as error:
            raise ConfigError(
                f"not confidence settings: {error}",
                remedy="the file was written by another version",
            ) from error


def above_cuts(
    candidates: Iterable[Candidate], cuts: Mapping[str, float]
) -> list[Candidate]:
    """Selects candidates whose logit is above the cut of their label.

    Args:
        candidates: The candidates.
        cuts: Logit by label that candidates must exceed.

    Returns:
        Candidates above, in the order given; margin is logit minus cut.
    """
    return [
        Candidate(
            one.start, one.end, one.label, margin, one.logit, one.log_odds
        )
        for one in candidates
        if (margin := one.rank - cuts[one.label]) > 0
    ]


def sigmoid(log_odds: npt.ArrayLike) -> np.ndarray:
    """Converts log-odds of any shape to probabilities, without overflow."""
    return np.exp(-np.logaddexp(0, -np.asarray(log_odds, np.float64)))


def to_log_odds(probability: float) -> float:
    """Converts a probability in (0, 1] to log-odds."""
    if probability == 1:
        return math.inf
    return math.log(probability) - math.log1p(-probability)

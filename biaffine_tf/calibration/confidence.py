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
# Closer to 1 a float64 no longer has four digits of what is missing.
_CLOSEST = 1e-12
MAX_LOG_ODDS = math.log1p(-_CLOSEST) - math.log(_CLOSEST)
# More than what rounds logits in float32.
_ROUNDING = 0.01


@dataclasses.dataclass(frozen=True, kw_only=True)
class Confidence(Settings):
    """What a model's scores mean, and how high they must be.

    Attributes:
        temperature: What log-odds are divided by: above 1 for a model that is
            too sure. (C. Guo et al., On Calibration of Modern Neural Networks,
            ICML 2017.)
        bias: What is added to them then; 0 for temperature alone.
        thresholds: Label to calibrated score, in (0, 1], that its candidates
            must exceed; 1 lets none through. None to leave the decision to
            the margins as they are.
        default_threshold: Of the labels that `thresholds` does not have.

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
        """Whether scores stay what the model says."""
        return self.temperature == 1 and self.bias == 0

    def rescale(self, log_odds: npt.ArrayLike) -> np.ndarray:
        """Calibrated log-odds.

        Args:
            log_odds: Of the model, any shape.

        Returns:
            Of the same shape, finite, float64.
        """
        finite = np.clip(
            np.asarray(log_odds, np.float64), -MAX_LOG_ODDS, MAX_LOG_ODDS
        )
        return finite / self.temperature + self.bias

    def log_odds(self, scores: npt.ArrayLike) -> np.ndarray:
        """Calibrated log-odds of the model's scores, in [0, 1]."""
        clipped = np.clip(
            np.asarray(scores, np.float64), _CLOSEST, 1 - _CLOSEST
        )
        return self.rescale(np.log(clipped) - np.log1p(-clipped))

    def calibrate(self, scores: npt.ArrayLike) -> np.ndarray:
        """Calibrated scores, in the order of the model's.

        Args:
            scores: Of the model, any shape, in [0, 1].

        Returns:
            Of the same shape, in [0, 1], float64.
        """
        return sigmoid(self.log_odds(scores))

    def rescore(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Candidates with calibrated log-odds, also for logits.

        Args:
            candidates: Candidates with the model's log-odds.

        Returns:
            All of them, in the order given; margins stay what they were.

        Raises:
            ValueError: If one has no log-odds.
        """
        candidates = list(candidates)
        given = np.array([one.log_odds for one in candidates], np.float64)
        if np.isnan(given).any():
            raise ValueError("candidates without log-odds")
        return [
            one._replace(logit=log_odds, log_odds=log_odds)
            for one, log_odds in zip(
                candidates, self.rescale(given).tolist(), strict=True
            )
        ]

    def apply(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """What the decoder is to see.

        Without thresholds every candidate keeps its logit and its margin, and
        so the decoder its decision; only the log-odds are calibrated.

        With thresholds, margins become the log-odds above the threshold, and
        candidates not above it are dropped. Logits become the calibrated
        log-odds: greedy decoding, too, then goes by the scores by which the
        thresholds were found, and so decides alike on candidates of systems
        that have no logits.

        Args:
            candidates: Candidates of one sentence with the model's log-odds.

        Returns:
            Those left, in the order given.

        Raises:
            ValueError: If one has no log-odds.
        """
        candidates = list(candidates)
        rescored = self.rescore(candidates)
        if self.thresholds is None:
            return [
                one._replace(log_odds=calibrated.log_odds)
                for one, calibrated in zip(candidates, rescored, strict=True)
            ]
        cuts, default = self.cuts
        return above_cuts(
            rescored, {one.label: default for one in rescored} | cuts
        )

    @property
    def lowest_margin(self) -> float:
        """Margin that every candidate `apply` keeps is above.

        A softmax gives the label at most the odds that it has against "none"
        alone, whatever the other labels take:

            log(p / (1 - p)) <= logit[label] - logit[none] = margin

        So p >= s only if margin >= log(s / (1 - s)), and with calibration s
        is what the lowest threshold was before it. The bound allows for the
        rounding of float32. It is 0 without thresholds: the margins decide.
        """
        if self.thresholds is None:
            return 0.0
        cuts, default = self.cuts
        least = min([default, *cuts.values()])
        log_odds = (least - self.bias) * self.temperature
        if log_odds <= -MAX_LOG_ODDS:
            return -math.inf  # not even a score of 0 is below it
        return log_odds - _ROUNDING

    @functools.cached_property
    def cuts(self) -> tuple[dict[str, float], float]:
        """Log-odds of the thresholds by label, and of the default one."""
        cuts = {
            label: to_log_odds(threshold)
            for label, threshold in (self.thresholds or {}).items()
        }
        return cuts, to_log_odds(self.default_threshold)

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values, ready for `json.dumps`."""
        values = dataclasses.asdict(self)
        if self.thresholds is not None:
            values["thresholds"] = dict(self.thresholds)
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Confidence:
        """The inverse of `to_json`.

        Raises:
            ConfigError: If a field is unknown or out of range.
        """
        try:
            return cls(**values)
        except (AttributeError, TypeError) as error:
            raise ConfigError(
                f"no confidence settings: {error}",
                remedy="the file was written by another version",
            ) from error


def above_cuts(
    candidates: Iterable[Candidate], cuts: Mapping[str, float]
) -> list[Candidate]:
    """Candidates whose logit is above the cut of their label.

    Args:
        candidates: The candidates.
        cuts: Logit that those of each label must exceed.

    Returns:
        Those above, in the order given; their margins are how far.
    """
    return [
        Candidate(
            one.start, one.end, one.label, margin, one.logit, one.log_odds
        )
        for one in candidates
        if (margin := one.rank - cuts[one.label]) > 0
    ]


def sigmoid(log_odds: npt.ArrayLike) -> np.ndarray:
    """Probabilities of log-odds, any shape; inf gives 1. Never overflows."""
    return np.exp(-np.logaddexp(0, -np.asarray(log_odds, np.float64)))


def to_log_odds(probability: float) -> float:
    """Log-odds of a probability in (0, 1]."""
    if probability == 1:
        return math.inf
    return math.log(probability) - math.log1p(-probability)

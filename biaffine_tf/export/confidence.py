"""Calibration and thresholds in the graph."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.calibration.confidence import MAX_LOG_ODDS, Confidence
from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.spans import LabelMap


class GraphConfidence(tf.Module):
    """Calibrates candidates and applies thresholds, in double precision.

    Twin of `Confidence`.

    Args:
        confidence: The twin in Python.
        labels: Labels of the candidates.
    """

    def __init__(self, confidence: Confidence, labels: LabelMap) -> None:
        super().__init__()
        self._temperature = confidence.temperature
        self._bias = confidence.bias
        self._cuts: tf.Tensor | None = None
        if confidence.thresholds is not None:
            cuts, default = confidence.cuts
            self._cuts = tf.constant(
                [0.0, *(cuts.get(name, default) for name in labels.names)],
                tf.float64,
            )

    def __call__(self, candidates: CandidateTensors) -> CandidateTensors:
        """Returns the candidates for the decoder; twin of `Confidence.apply`.

        Args:
            candidates: Candidates with the model's log-odds, in float64.

        Returns:
            Candidates above their thresholds, in the given order.
        """
        candidates = self.calibrate(candidates)
        if self._cuts is None:
            return candidates
        log_odds = candidates.log_odds
        margins = log_odds - tf.gather(self._cuts, candidates.labels)
        above = candidates._replace(logits=log_odds, margins=margins)
        return above.where(margins > 0)

    def calibrate(self, candidates: CandidateTensors) -> CandidateTensors:
        """Calibrates the log-odds of all candidates."""
        finite = tf.clip_by_value(
            candidates.log_odds, -MAX_LOG_ODDS, MAX_LOG_ODDS
        )
        return candidates._replace(
            log_odds=finite / self._temperature + self._bias
        )

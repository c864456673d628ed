"""Twin of calibration and thresholds, in the graph."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.calibration.confidence import CLOSEST, Confidence
from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.spans import LabelMap


class GraphConfidence(tf.Module):
    """Calibrates candidates and applies thresholds as `Confidence` does.

    In double precision; the last bit of a logarithm may be another one.

    Args:
        confidence: The twin in Python.
        labels: The labels of the candidates.
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
        """What the decoder is to see; twin of `Confidence.apply`.

        Args:
            candidates: With the model's scores.

        Returns:
            Those above their thresholds, in the order given, in float64.
        """
        log_odds, scores = self._calibrate(candidates.scores)
        candidates = candidates._replace(scores=scores)
        if self._cuts is None:
            return candidates
        margins = log_odds - tf.gather(self._cuts, candidates.labels)
        above = candidates._replace(logits=log_odds, margins=margins)
        return above.where(margins > 0)

    def calibrate(self, candidates: CandidateTensors) -> CandidateTensors:
        """All candidates, as they are but for calibrated scores."""
        _, scores = self._calibrate(candidates.scores)
        return candidates._replace(scores=scores)

    def _calibrate(self, scores: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Calibrated log-odds and scores."""
        scores, place = _each_once(scores)
        scores = tf.clip_by_value(scores, CLOSEST, 1 - CLOSEST)
        odds = tf.math.log(scores) - tf.math.log1p(-scores)
        log_odds = odds / self._temperature + self._bias
        return tf.gather(log_odds, place), tf.gather(
            tf.sigmoid(log_odds), place
        )


def probabilities(log_odds: tf.Tensor) -> tf.Tensor:
    """Probabilities of log-odds, float64 `[N]`; twin of `sigmoid`."""
    log_odds, place = _each_once(log_odds)
    return tf.gather(tf.sigmoid(log_odds), place)


def _each_once(values: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Each different value, in float64, and where each of the `[N]` is there.

    Vector units and what is left of a loop for other units round logarithms
    and exponents differently, and ties would break.
    """
    return tf.unique(tf.cast(values, tf.float64))

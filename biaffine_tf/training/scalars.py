"""TensorBoard's scalars of a fine-tuning run, and the end of a diverged one.

By step: `step/loss`, `step/gradient_norm`, `step/learning_rate` and
`step/sentences_per_second`, each a mean over a thousandth of the run. By epoch:
`epoch/NAME` for each figure of the history, and `dev_f1/LABEL`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.evaluation import Scores
from biaffine_tf.training.divergence import (
    FigureBuffer,
    Remedies,
    StepFigures,
    check_steps,
    check_weights,
)

_POINTS = 1000  # of a curve

# Not finite where a loss scale mends it; those steps update nothing.
_CURVES = ("loss", "gradient_norm", "learning_rate")


class WatchSteps(tf_keras.callbacks.Callback):
    """Reads the figures of steps now and then: draws them, or ends the run.

    It must be the first callback that does something at the end of an epoch:
    after it the weights are known to be finite.

    Args:
        buffer: Filled by the training step.
        log: Of TensorBoard.
        remedies: What to change if the run diverges.
        weights: Of the model, by name.
        kept: Says what there is of the run on the disk.
        total_steps: Steps of the whole run.
    """

    def __init__(
        self,
        buffer: FigureBuffer,
        log: tf.summary.SummaryWriter,
        remedies: Remedies,
        *,
        weights: Mapping[str, tf.Variable],
        kept: Callable[[], str],
        total_steps: int,
    ) -> None:
        super().__init__()
        self._buffer = buffer
        self._remedies = remedies
        self._weights = weights
        self._kept = kept
        self._curves = _Curves(log, steps_per_point=-(-total_steps // _POINTS))
        self._done = 0
        self._begun = 0.0
        # Keras then leaves the metrics on the device at each step.
        self._supports_tf_logs = True

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Counts from the step that the run goes on from."""
        self._done = int(self.model.optimizer.iterations.numpy())
        self._buffer.begin(self._done)

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Starts the clock: an evaluation is no step."""
        self._begun = time.perf_counter()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Reads when it is time."""
        self._done += 1
        if self._buffer.is_due(self._done):
            self._read()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Looks at the last steps, and at what they made of the weights."""
        self._read()
        check_weights(
            self._weights, self._remedies, step=self._done, kept=self._kept()
        )

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Draws what is left."""
        self._curves.end()

    def _read(self) -> None:
        figures = self._buffer.read(self._done)
        now = time.perf_counter()
        check_steps(figures, self._remedies, kept=self._kept())
        self._curves.add(figures, seconds=now - self._begun)
        self._begun = now


class _Curves:
    """Means over as many steps as a point stands for."""

    def __init__(
        self, log: tf.summary.SummaryWriter, *, steps_per_point: int
    ) -> None:
        self._log = log
        self._steps_per_point = steps_per_point
        self._waiting: list[StepFigures] = []
        self._sentences = self._seconds = 0.0

    def add(self, figures: list[StepFigures], *, seconds: float) -> None:
        """Draws the points that are complete.

        Args:
            figures: Of steps, in order.
            seconds: That these steps took together.
        """
        self._waiting += figures
        self._sentences += sum(one.examples for one in figures)
        self._seconds += seconds
        size = self._steps_per_point
        if len(self._waiting) < size:
            return
        while len(self._waiting) >= size:
            self._draw(self._waiting[:size])
            del self._waiting[:size]
        self._draw_speed(figures[-1].step)

    def end(self) -> None:
        """Draws a last point of fewer steps, if there are any."""
        if self._waiting:
            last = self._waiting[-1].step
            self._draw(self._waiting)
            self._draw_speed(last)
            self._waiting = []
        self._log.flush()

    def _draw(self, figures: list[StepFigures]) -> None:
        figures = [one for one in figures if one.is_finite]
        if not figures:
            return
        with self._log.as_default(step=figures[-1].step):
            for name in _CURVES:
                mean = statistics.fmean(getattr(one, name) for one in figures)
                tf.summary.scalar(f"step/{name}", mean)

    def _draw_speed(self, step: int) -> None:
        if self._seconds > 0:
            with self._log.as_default(step=step):
                tf.summary.scalar(
                    "step/sentences_per_second",
                    self._sentences / self._seconds,
                )
        self._sentences = self._seconds = 0.0


class EpochScalars(tf_keras.callbacks.Callback):
    """Draws what is known at the end of each epoch.

    Args:
        log: Of TensorBoard.
        scores: The dev scores of the epoch; None without a dev set.
    """

    def __init__(
        self,
        log: tf.summary.SummaryWriter,
        scores: Callable[[], Scores | None],
    ) -> None:
        super().__init__()
        self._log = log
        self._scores = scores

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Writes the figures of the history, and F1 by label."""
        figures = {f"epoch/{name}": v for name, v in (logs or {}).items()}
        scores = self._scores()
        if scores is not None:
            for label, score in scores.labels.items():
                figures[f"dev_f1/{label}"] = score.f1
        with self._log.as_default(step=epoch + 1):
            for name, value in figures.items():
                tf.summary.scalar(name, float(value))
        self._log.flush()

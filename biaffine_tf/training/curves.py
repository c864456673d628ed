"""TensorBoard curves over the steps of a run.

`step/loss`, `step/gradient_norm`, `step/learning_rate` and the speed, such as
`step/sentences_per_second`; each point averages a thousandth of the run.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

import tensorflow as tf

from biaffine_tf.training.step_log import StepMetrics

_POINTS = 1000  # per curve

# Loss and gradients may be infinite in float16; such steps update nothing.
_CURVES = ("loss", "gradient_norm", "learning_rate")


class StepCurves:
    """Draws means over the steps of each point.

    Args:
        log: TensorBoard's writer.
        total_steps: Number of steps of the run.
        unit: Plural of the unit of speed, such as "sentences".
        seconds: Seconds of training before the first step.
    """

    def __init__(
        self,
        log: tf.summary.SummaryWriter,
        *,
        total_steps: int,
        unit: str,
        seconds: float = 0.0,
    ) -> None:
        self._log = log
        self._speed = f"step/{unit}_per_second"
        self._steps_per_point = -(-total_steps // _POINTS)
        self._waiting: list[StepMetrics] = []
        self._count = 0.0
        self._begun = seconds

    def add(self, steps: Sequence[StepMetrics], *, seconds: float) -> None:
        """Adds steps, and draws the points that are complete.

        Args:
            steps: Next steps in order.
            seconds: Seconds of training at their end.
        """
        self._count += sum(one.units for one in steps)
        self._waiting += steps
        size = self._steps_per_point
        if len(self._waiting) < size:
            return
        while len(self._waiting) >= size:
            self._draw(self._waiting[:size])
            del self._waiting[:size]
        self._draw_speed(steps[-1].step, seconds)

    def end(self) -> None:
        """Draws a last point of the remaining steps, if any."""
        if self._waiting:
            self._draw(self._waiting)
            self._waiting = []
        self._log.flush()

    def _draw(self, steps: Sequence[StepMetrics]) -> None:
        steps = [one for one in steps if one.is_finite]
        if steps:
            means = {
                f"step/{name}": statistics.fmean(
                    getattr(one, name) for one in steps
                )
                for name in _CURVES
            }
            draw(self._log, means, step=steps[-1].step)

    def _draw_speed(self, step: int, seconds: float) -> None:
        if seconds > self._begun:
            rate = self._count / (seconds - self._begun)
            draw(self._log, {self._speed: rate}, step=step)
            self._count, self._begun = 0.0, seconds


def draw(
    log: tf.summary.SummaryWriter, values: Mapping[str, float], *, step: int
) -> None:
    """Draws a point of each curve.

    Args:
        log: TensorBoard's writer.
        values: Values by the name of the curve.
        step: Step or epoch of the point.
    """
    with log.as_default(step=step):
        for name, value in values.items():
            # float32 would turn large numbers into infinity.
            tf.summary.scalar(name, tf.constant(value, tf.float64))

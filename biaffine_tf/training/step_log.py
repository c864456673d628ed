"""Loss, gradient norm and learning rate of the latest steps.

They stay on the device until they are read, since reading in each step would
make the host wait for the device.
"""

from __future__ import annotations

import math
import time
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.training.metrics import per_replica

_CAPACITY = 256  # steps
_SECONDS = 1.0  # minimum time between two readings


class StepMetrics(NamedTuple):
    """Metrics of a training step.

    Attributes:
        step: Number of the step, from 1.
        loss: Loss of the step.
        gradient_norm: Global norm of the gradients, before clipping.
        learning_rate: Learning rate of the optimizer.
        units: Number of sentences or tokens in the step.
        loss_scale: Factor of the loss; 1 except in float16.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    units: float
    loss_scale: float

    @property
    def has_diverged(self) -> bool:
        """Whether a value is not finite, and the loss scale is no remedy.

        In float16 the loss scale is halved down to 1 while gradients overflow.
        """
        return not self.is_finite and self.loss_scale <= 1

    @property
    def is_finite(self) -> bool:
        """Whether loss and gradients are finite."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient_norm)


class StepLog(tf.Module):
    """Ring buffer on the device with the metrics of the latest steps.

    Create it in the scope of the distribution strategy.
    """

    def __init__(self) -> None:
        super().__init__()
        self._rows = per_replica(
            tf.zeros([_CAPACITY, len(StepMetrics._fields) - 1])
        )
        self._read = 0
        self._read_at = time.monotonic()

    def add(
        self,
        step: tf.Tensor,
        *,
        loss: tf.Tensor,
        gradient_norm: tf.Tensor,
        learning_rate: tf.Tensor,
        units: tf.Tensor,
        loss_scale: tf.Tensor,
    ) -> None:
        """Adds a step, in its graph.

        Args:
            step: Number of the step from 0, integer.
            loss: Loss of this replica.
            gradient_norm: Norm of the gradients summed over replicas.
            learning_rate: See `StepMetrics`.
            units: Number of sentences or tokens on this replica.
            loss_scale: See `StepMetrics`.
        """
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        shared = [gradient_norm, learning_rate, loss_scale]
        norm, rate, scale = (tf.cast(x, tf.float32) / replicas for x in shared)
        row = tf.stack([loss, norm, rate, tf.cast(units, tf.float32), scale])
        here = tf.cast(tf.range(_CAPACITY), step.dtype) == step % _CAPACITY
        rows = tf.convert_to_tensor(self._rows)
        self._rows.assign(tf.where(here[:, None], row, rows))

    def begin(self, step: int) -> None:
        """Starts reading at a step, before it is added."""
        self._read = step
        self._read_at = time.monotonic()

    def is_due(self, done: int) -> bool:
        """Whether to read after `done` steps."""
        return (
            done - self._read >= _CAPACITY
            or time.monotonic() - self._read_at >= _SECONDS
        )

    def read(self, done: int) -> list[StepMetrics]:
        """Reads the steps since the last reading; waits for the device.

        Args:
            done: Number of steps done so far.
        """
        first, self._read = self._read, done
        self._read_at = time.monotonic()
        if done == first:
            return []
        rows = self._rows.read_value().numpy()
        return [
            StepMetrics(step + 1, *map(float, rows[step % _CAPACITY]))
            for step in range(max(first, done - _CAPACITY), done)
        ]

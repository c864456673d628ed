"""Losses and gradients that are no numbers end a run.

Figures of the latest steps stay on the device: to look at each step's would
make the host wait for the device in each.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import tensorflow as tf
import tf_keras

from biaffine_tf.config import Precision
from biaffine_tf.errors import ConfigError
from biaffine_tf.training.optimizer import sum_repeated_rows

_CAPACITY = 256  # steps
_SECONDS = 1.0  # between two readings, at least


class StepFigures(NamedTuple):
    """Figures of a training step.

    Attributes:
        step: Number of the step, from 1.
        loss: Of its batch.
        gradient_norm: Global norm of the gradients, before clipping.
        learning_rate: Of the optimizer.
        examples: Sentences, or sequences, in the batch.
        loss_scale: By which the loss was multiplied; 1 except in float16.
    """

    step: int
    loss: float
    gradient_norm: float
    learning_rate: float
    examples: float
    loss_scale: float

    @property
    def has_diverged(self) -> bool:
        """Whether a figure is no number, and not for a loss scale to mend.

        In float16 the loss scale is halved until gradients no longer overflow,
        down to 1.
        """
        return not self.is_finite and self.loss_scale <= 1

    @property
    def is_finite(self) -> bool:
        """Whether loss and gradients are numbers."""
        return math.isfinite(self.loss) and math.isfinite(self.gradient_norm)


class FigureBuffer(tf.Module):
    """Figures of the latest steps, on the device until they are read.

    Make it in the strategy's scope.
    """

    def __init__(self) -> None:
        super().__init__()
        # Each replica has its own, read as their sum.
        self._rows = tf.Variable(
            tf.zeros([_CAPACITY, len(StepFigures._fields) - 1]),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
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
        examples: tf.Tensor,
        loss_scale: tf.Tensor,
    ) -> None:
        """Notes the figures of a step; part of its graph.

        Args:
            step: Number of the step, from 0, integer.
            loss: This replica's part of the loss.
            gradient_norm: Of the gradients summed over replicas.
            learning_rate: As for `StepFigures`.
            examples: On this replica.
            loss_scale: As for `StepFigures`.
        """
        replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        shared = [gradient_norm, learning_rate, loss_scale]
        norm, rate, scale = (tf.cast(x, tf.float32) / replicas for x in shared)
        row = tf.stack([loss, norm, rate, tf.cast(examples, tf.float32), scale])
        here = tf.range(_CAPACITY) == tf.cast(step % _CAPACITY, tf.int32)
        rows = tf.convert_to_tensor(self._rows)
        self._rows.assign(tf.where(here[:, None], row, rows))

    def begin(self, step: int) -> None:
        """Counts from a step of which nothing is in the buffer."""
        self._read = step
        self._read_at = time.monotonic()

    def is_due(self, done: int) -> bool:
        """Whether it is time to read what is there after `done` steps."""
        return (
            done - self._read >= _CAPACITY
            or time.monotonic() - self._read_at >= _SECONDS
        )

    def read(self, done: int) -> list[StepFigures]:
        """Figures of the steps since the last reading; waits for the device.

        Args:
            done: Number of steps done so far.
        """
        first, self._read = self._read, done
        self._read_at = time.monotonic()
        if done == first:
            return []
        rows = self._rows.read_value().numpy()
        return [
            StepFigures(step + 1, *map(float, rows[step % _CAPACITY]))
            for step in range(max(first, done - _CAPACITY), done)
        ]


class Remedies(NamedTuple):
    """Settings whose change can keep a run from diverging.

    Attributes:
        learning_rate: Value of --learning_rate.
        max_gradient_norm: Value of --max_gradient_norm.
        precision: Value of --precision.
    """

    learning_rate: float
    max_gradient_norm: float
    precision: Precision

    def __str__(self) -> str:
        advice = [f"a smaller --learning_rate than {self.learning_rate:g}"]
        if self.max_gradient_norm > 1:
            advice.append(
                f"a smaller --max_gradient_norm than {self.max_gradient_norm:g}"
            )
        if self.precision is not Precision.FLOAT32:
            advice.append(
                f"--precision=float32 instead of {self.precision}",
            )
        *most, last = advice
        listed = f"{', '.join(most)} or {last}" if most else last
        return f"give {listed}, with --overwrite or another --output_dir"


def check_steps(
    figures: Iterable[StepFigures], remedies: Remedies, *, kept: str
) -> None:
    """Ends a run that has diverged.

    Args:
        figures: Of its latest steps.
        remedies: Settings to be changed.
        kept: What there is of the run on the disk, for the message.

    Raises:
        ConfigError: If the loss or the gradients of a step are no numbers.
    """
    for one in figures:
        if one.has_diverged:
            name, value = "the gradient norm", one.gradient_norm
            if not math.isfinite(one.loss):
                name, value = "the loss", one.loss
            raise ConfigError(
                f"stopped: {name} of step {one.step} is {value}; {kept}",
                remedy=str(remedies),
            )


def check_weights(
    weights: Mapping[str, tf.Variable],
    remedies: Remedies,
    *,
    step: int,
    kept: str,
) -> None:
    """Ends a run whose last update made weights that are no numbers.

    Args:
        weights: By name.
        remedies: As for `check_steps`.
        step: Number of steps done.
        kept: As for `check_steps`.

    Raises:
        ConfigError: If a weight is NaN or infinite.
    """
    finite = tf.stack(
        [
            tf.reduce_all(tf.math.is_finite(weight))
            for weight in weights.values()
        ]
    )
    for name, is_finite in zip(weights, finite.numpy(), strict=True):
        if not is_finite:
            raise ConfigError(
                f"stopped: after step {step} not all numbers of {name} are "
                f"finite; {kept}",
                remedy=str(remedies),
            )


def apply_and_note(
    optimizer: tf_keras.optimizers.Optimizer,
    gradients: Sequence[tf.Tensor | tf.IndexedSlices],
    variables: Sequence[tf.Variable],
    figures: FigureBuffer,
    *,
    max_norm: float,
    loss: tf.Tensor,
    examples: tf.Tensor,
) -> None:
    """Clips gradients, updates weights, and notes the figures of the step.

    Part of the graph of the step.

    Args:
        optimizer: It may scale losses.
        gradients: Of this replica, unscaled.
        variables: What they belong to.
        figures: Where to note the figures.
        max_norm: Gradients are clipped to this global norm.
        loss: This replica's part of the loss, not scaled.
        examples: On this replica.
    """
    # Summed here, which `apply_gradients` would else do: the norm is theirs.
    inner = getattr(optimizer, "inner_optimizer", optimizer)
    summed = sum_repeated_rows(
        [
            gradient
            for gradient, _ in inner.aggregate_gradients(
                list(zip(gradients, variables, strict=True))
            )
        ]
    )
    norm = tf.linalg.global_norm(summed)
    clipped, _ = tf.clip_by_global_norm(summed, max_norm, use_norm=norm)
    step = tf.identity(optimizer.iterations)
    scale = tf.identity(getattr(optimizer, "loss_scale", 1.0))
    optimizer.apply_gradients(
        zip(clipped, variables, strict=True), skip_gradients_aggregation=True
    )
    figures.add(
        step,
        loss=loss,
        gradient_norm=norm,
        learning_rate=optimizer.learning_rate,
        examples=examples,
        loss_scale=scale,
    )

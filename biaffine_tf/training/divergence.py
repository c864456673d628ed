"""Checks that loss, gradients and weights are finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.config import Precision
from biaffine_tf.errors import ConfigError
from biaffine_tf.training.step_log import StepMetrics


class Remedies(NamedTuple):
    """Settings to change if a run diverges.

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
    steps: Iterable[StepMetrics], remedies: Remedies, *, kept: str
) -> None:
    """Checks that the run has not diverged.

    Args:
        steps: Latest steps of the run.
        remedies: Settings to change.
        kept: Description of the run's files on disk, for the message.

    Raises:
        ConfigError: If loss or gradients of a step are not finite.
    """
    for one in steps:
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
    """Checks that the weights are finite.

    Args:
        weights: Weights by name.
        remedies: See `check_steps`.
        step: Number of steps done.
        kept: See `check_steps`.

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
                f"stopped: {name} is not finite after step {step}; {kept}",
                remedy=str(remedies),
            )

"""Checks that loss, gradients and weights are finite."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import tensorflow as tf

from biaffine_tf.config import Precision
from biaffine_tf.errors import ConfigError
from biaffine_tf.training.step_log import StepMetrics
from biaffine_tf.training.update import UpdateSettings


def check_steps(
    steps: Iterable[StepMetrics], settings: UpdateSettings, *, kept: str
) -> None:
    """Checks that the run has not diverged.

    Args:
        steps: Latest steps of the run.
        settings: Settings of the run; the message says which to change.
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
                remedy=_remedy(settings),
            )


def check_weights(
    weights: Mapping[str, tf.Variable],
    settings: UpdateSettings,
    *,
    step: int,
    kept: str,
) -> None:
    """Checks that the weights are finite.

    Args:
        weights: Weights by name.
        settings: See `check_steps`.
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
                remedy=_remedy(settings),
            )


def _remedy(settings: UpdateSettings) -> str:
    """Says which settings may have made a run diverge."""
    advice = [f"a smaller --learning_rate than {settings.learning_rate:g}"]
    if settings.max_gradient_norm > 1:
        advice.append(
            f"a smaller --max_gradient_norm than {settings.max_gradient_norm:g}"
        )
    if settings.precision is not Precision.FLOAT32:
        advice.append(f"--precision=float32 instead of {settings.precision}")
    *most, last = advice
    listed = f"{', '.join(most)} or {last}" if most else last
    return f"give {listed}, with --overwrite or another --output_dir"

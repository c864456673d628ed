"""Gradients summed over the batches of a step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.training.metrics import per_replica


class StepGradients(NamedTuple):
    """Loss and gradients of one batch, or summed over those of a step.

    Attributes:
        loss: Loss of this replica.
        gradients: Gradient of each trained variable, by its name.
        units: Number of sentences or tokens on this replica.
    """

    loss: tf.Tensor
    gradients: Mapping[str, tf.Tensor | tf.IndexedSlices]
    units: tf.Tensor


class GradientSums(tf.Module):
    """Sums the gradients of a step's batches on the device.

    Create it in the scope of the distribution strategy.

    Args:
        weights: Trained variables by name.
    """

    def __init__(self, weights: Mapping[str, tf.Variable]) -> None:
        super().__init__()
        self._loss = per_replica(tf.zeros([]))
        self._units = per_replica(tf.zeros([]))
        self._gradients = {
            name: per_replica(tf.zeros_like(variable))
            for name, variable in weights.items()
        }

    def add(self, batch: StepGradients) -> None:
        """Adds a batch, in a graph."""
        self._loss.assign_add(batch.loss)
        self._units.assign_add(batch.units)
        for name, gradient in batch.gradients.items():
            self._gradients[name].assign_add(tf.convert_to_tensor(gradient))

    def take(self, names: Iterable[str]) -> StepGradients:
        """Returns the sums and sets them to zero, in a graph.

        Args:
            names: Names of the variables that were added.
        """
        return StepGradients(
            _take(self._loss),
            {name: _take(self._gradients[name]) for name in names},
            _take(self._units),
        )


def _take(variable: tf.Variable) -> tf.Tensor:
    value = tf.convert_to_tensor(variable)
    variable.assign(tf.zeros_like(value))
    return value

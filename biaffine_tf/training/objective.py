"""Interfaces of the training loop: objective, adversary, batches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import tensorflow as tf

Batch = dict[str, tf.Tensor]
Metrics = dict[str, tuple[tf.Tensor, tf.Tensor]]
Gradients = list[Any]  # tensors or IndexedSlices


class Objective(Protocol):
    """A loss, and the variables that minimise it.

    An objective is a `tf.Module`. A checkpoint of it holds everything that a
    training step changes, the states of random generators included.

    Attributes:
        metric_names: Names of the metrics, in the order of `metrics`.
        losses: Names and weights of the metrics whose weighted sum is the loss.
        unit: Plural of what `count` counts, such as "sentences".
    """

    metric_names: tuple[str, ...]
    losses: Mapping[str, float]
    unit: str

    def trained_weights(self) -> dict[str, tf.Variable]:
        """Returns the trained variables by name; shared ones occur once."""

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the metrics of a batch, in a graph.

        Args:
            batch: Padded tensors; the first axis is that of the examples.
            training: Whether to apply dropout.
            seed: Seed of the objective's random numbers, int32 `[2]`.

        Returns:
            Sum over the batch of each metric, and the weight to divide it by,
            float32 scalars. Both are summed over batches and replicas.
        """

    def count(self, batch: Batch) -> tf.Tensor:
        """Counts the units of a batch, without padding; a scalar."""


class Loss(NamedTuple):
    """Loss of a pass.

    Attributes:
        value: The loss, for the log.
        scaled: The same times the loss scale, to differentiate.
    """

    value: tf.Tensor
    scaled: tf.Tensor


class LossOf(Protocol):
    """Weighs metrics, as the updater does."""

    def __call__(self, metrics: Metrics, losses: Mapping[str, float]) -> Loss:
        """Computes the loss.

        Args:
            metrics: Sum and weight of each metric.
            losses: Factors of those that are losses.
        """


class Differentiated(NamedTuple):
    """Result of all passes over a batch.

    Attributes:
        metrics: Metrics of the objective and of the adversary.
        loss: The whole loss.
        gradients: Its scaled gradients.
    """

    metrics: Metrics
    loss: tf.Tensor
    gradients: Gradients


class Adversary(Protocol):
    """Computes a loss and its gradients by several passes over a batch.

    Attributes:
        metric_names: Names of the metrics in addition to the objective's.
    """

    metric_names: tuple[str, ...]

    def differentiate(
        self,
        batch: Batch,
        variables: Sequence[tf.Variable],
        *,
        seed: tf.Tensor,
        loss_of: LossOf,
    ) -> Differentiated:
        """Computes metrics and gradients of a batch, in a graph.

        Args:
            batch: Padded tensors.
            variables: Variables to differentiate by.
            seed: Seed of the objective's random numbers, int32 `[2]`.
            loss_of: Weighs metrics.
        """


class BatchSource(Protocol):
    """Batches whose order depends only on the seed and the epoch.

    Attributes:
        per_epoch: Number of batches per epoch.
        spec: `element_spec` of the dataset, with unknown sizes as None.
    """

    per_epoch: int
    spec: Any

    def read(self, epoch: int, skip: int) -> Iterator[Batch]:
        """Reads batches until the end of the run.

        Args:
            epoch: First epoch, from 0.
            skip: Number of batches to skip in it.
        """

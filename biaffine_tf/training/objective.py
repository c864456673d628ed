"""The interface between the training loop and what it trains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

import tensorflow as tf

Batch = dict[str, tf.Tensor]
Metrics = dict[str, tuple[tf.Tensor, tf.Tensor]]


class Objective(Protocol):
    """A loss and the variables that it is minimised over.

    An objective is a `tf.Module`. A checkpoint of it holds everything that a
    training step changes, the states of random generators included.

    Attributes:
        metric_names: Names of the metrics, in the order of `metrics`.
        losses: Metrics whose weighted sum is the loss, and their weights.
        unit: Plural of what `count` counts, such as "sentences".
    """

    metric_names: tuple[str, ...]
    losses: Mapping[str, float]
    unit: str

    def trained_weights(self) -> dict[str, tf.Variable]:
        """Variables to be trained, by name; shared ones occur once."""

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the metrics of a batch; part of a graph.

        Args:
            batch: Padded tensors; the first axis is that of the examples.
            training: Whether dropout is on.
            seed: int32 `[2]`, for random numbers that the objective draws.

        Returns:
            For each metric its sum over the batch and the weight to divide
            the sum by, float32 scalars. Sums over batches and replicas of
            both give the metric of them all.
        """

    def count(self, batch: Batch) -> tf.Tensor:
        """Counts the units of a batch, without padding; a scalar."""


class BatchSource(Protocol):
    """Batches whose order depends on the seed and the epoch alone.

    Attributes:
        per_epoch: Number of batches in an epoch.
        spec: `element_spec` of the dataset, with unknown sizes as None.
    """

    per_epoch: int
    spec: Any

    def read(self, epoch: int, skip: int) -> Iterator[Batch]:
        """Reads from a batch on, until the end of the run.

        Args:
            epoch: Number of the epoch, from 0.
            skip: Number of its batches that are left out.
        """

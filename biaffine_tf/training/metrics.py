"""Sums of metrics over batches and replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import tensorflow as tf

_COUNT = "count"


class MetricSums(tf.Module):
    """Sums metrics on the device; `read` waits for it, `add` does not.

    The sums are float64, so that small terms are not lost. Create it in the
    scope of the distribution strategy.

    Args:
        names: Names of the metrics.
    """

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__()
        self._names = (*names, _COUNT)
        self._sums = per_replica(tf.zeros([len(self._names), 2], tf.float64))

    def add(
        self, metrics: dict[str, tuple[tf.Tensor, tf.Tensor]], count: tf.Tensor
    ) -> None:
        """Adds the metrics of a batch, in a graph.

        Args:
            metrics: Sum and weight of each metric.
            count: Number of units in the batch.
        """
        pairs = {**metrics, _COUNT: (count, tf.ones_like(count))}
        self._sums.assign_add(
            tf.stack([tf.cast(pairs[name], tf.float64) for name in self._names])
        )

    def read(self) -> MetricMeans:
        """Returns the metrics since the last `reset`."""
        return MetricMeans(self._names, self.state())

    def state(self) -> list[list[float]]:
        """Returns the sums as JSON values, for `restore`."""
        return self._sums.read_value().numpy().tolist()

    def restore(self, state: list[list[float]]) -> None:
        """Restores sums from `state`."""
        self._sums.assign(tf.constant(state, tf.float64))

    def reset(self) -> None:
        """Sets the sums to zero."""
        self.restore([[0.0, 0.0]] * len(self._names))


class MetricMeans:
    """Means of metrics over some batches.

    Args:
        names: Names of the metrics and of the count.
        sums: Sum and weight of each.
    """

    def __init__(
        self, names: Sequence[str], sums: Sequence[Sequence[float]]
    ) -> None:
        self._pairs = dict(zip(names, sums, strict=True))

    @property
    def count(self) -> float:
        """Number of units in the batches."""
        return self._pairs[_COUNT][0]

    def means(self) -> dict[str, float]:
        """Returns the mean of each metric with a weight."""
        return {
            name: total / weight
            for name, (total, weight) in self._pairs.items()
            if weight and name != _COUNT
        }

    def since(self, earlier: MetricMeans) -> MetricMeans:
        """Returns the metrics of the batches added after `earlier`."""
        differences = [
            [now - before for now, before in zip(*pairs, strict=True)]
            for pairs in zip(
                self._pairs.values(), earlier._pairs.values(), strict=True
            )
        ]
        return MetricMeans(tuple(self._pairs), differences)


def describe(metrics: Mapping[str, float]) -> str:
    """Formats metrics as one line for the user."""
    return ", ".join(
        f"{name.replace('_', ' ')} {_number(value)}"
        for name, value in metrics.items()
    )


def _number(value: float) -> str:
    """Four digits; five of a share near 1, most of which would be nines."""
    if value >= 1e6:
        return f"{value:.3e}"
    return f"{value:.5f}" if 0.99 < value < 1 else f"{value:.4f}"


def per_replica(value: tf.Tensor) -> tf.Variable:
    """Creates a variable for each replica, read as the sum of all."""
    return tf.Variable(
        value,
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )

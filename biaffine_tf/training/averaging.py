"""Averages of the weights over the steps of a run."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence

import tensorflow as tf

from biaffine_tf.config import Average, TrainingConfig


class WeightAverage(tf.Module):
    """An average of weights, which checkpoints hold.

    - `Average.EMA`: after step t, `a += (1 - d) (w - a)` with
      `d = min(decay, (1 + t) / (10 + t))`, t from 0. The average begins at the
      initial weights, and forgets them soon since the decay rises slowly.
    - `Average.SWA`: the mean of the weights after each step of the last part of
      the run, at least its last. Unlike in the paper, the learning rate goes on
      falling.

    Create it outside of the scope of a distribution strategy: there is one copy
    of the average, whatever the number of replicas.

    Args:
        weights: Weights by name.
        config: Settings with kind, decay and start.
        total_steps: Number of steps of the run.

    Reference:
        Polyak and Juditsky 1992; Izmailov et al. 2018
        (https://arxiv.org/abs/1803.05407).
    """

    def __init__(
        self,
        weights: Mapping[str, tf.Variable],
        config: TrainingConfig,
        *,
        total_steps: int,
    ) -> None:
        super().__init__()
        self.kind = config.average
        self._weights = list(weights.values())
        self._decay = config.ema_decay
        self._first = 0
        if self.kind is Average.SWA:
            first = math.ceil(config.swa_start * total_steps)
            self._first = min(first, total_steps - 1)
        self.averages = [
            tf.Variable(weight.read_value(), trainable=False)
            for weight in self._weights
        ]
        self.updates = tf.Variable(0, trainable=False, dtype=tf.int64)

    @property
    def exists(self) -> bool:
        """Whether there is an average yet."""
        return bool(self.updates.numpy())

    def add(self, step: int) -> None:
        """Adds the weights after a step.

        Args:
            step: Number of the step, from 0.
        """
        if step >= self._first:
            self._add()

    @tf.function(autograph=False)
    def _add(self) -> None:
        done = tf.cast(self.updates, tf.float32)
        if self.kind is Average.EMA:
            share = 1 - tf.minimum(self._decay, (1 + done) / (10 + done))
        else:
            share = 1 / (1 + done)
        for average, weight in zip(self.averages, self._weights, strict=True):
            average.assign_add(share * (weight - average))
        self.updates.assign_add(1)

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Sets the weights to the average within the block."""
        before = [tf.identity(weight) for weight in self._weights]
        try:
            self._assign(self.averages)
            yield
        finally:
            try:
                self._assign(before)
            except BaseException:  # SIGTERM, which is raised once
                self._assign(before)
                raise

    def _assign(self, values: Sequence[tf.Tensor | tf.Variable]) -> None:
        for weight, value in zip(self._weights, values, strict=True):
            weight.assign(value)

"""Updates of the weights, on any number of replicas."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import tensorflow as tf
import tf_keras

from biaffine_tf.config import Freeze, Precision
from biaffine_tf.seeds import small_seed
from biaffine_tf.training.accumulation import GradientSums, StepGradients
from biaffine_tf.training.averaging import WeightAverage
from biaffine_tf.training.metrics import MetricMeans, MetricSums
from biaffine_tf.training.objective import (
    Adversary,
    Batch,
    Differentiated,
    Loss,
    Metrics,
    Objective,
)
from biaffine_tf.training.optimizer import sum_repeated_rows
from biaffine_tf.training.step_log import StepLog

# Second component of variable names, after "encoder".
_EMBEDDINGS = {
    "word_embeddings",
    "position_embedding",
    "type_embeddings",
    "embeddings",
    "token_embeddings",
    "bigram_embeddings",
    "ngram_embeddings",
}
_BODY = {"transformer", "embedding_projection", "bilstm", "ngram_map"}
_FROZEN = {
    Freeze.NONE: set[str](),
    Freeze.BODY: _BODY,
    Freeze.EMBEDDINGS: _EMBEDDINGS,
    Freeze.ENCODER: _BODY | _EMBEDDINGS,
}


class UpdateSettings(Protocol):
    """Settings of an update, for fine-tuning and pretraining."""

    @property
    def learning_rate(self) -> float:
        """Peak learning rate."""

    @property
    def gradient_accumulation(self) -> int:
        """Number of batches per step."""

    @property
    def max_gradient_norm(self) -> float:
        """Maximum global norm of the gradients."""

    @property
    def precision(self) -> Precision:
        """Precision of matrix products."""

    @property
    def freeze(self) -> Freeze:
        """Frozen parts of the encoder."""

    @property
    def thaw_after(self) -> int | None:
        """Number of steps before everything is unfrozen; None for never."""

    @property
    def seed(self) -> int:
        """Seed of the objective's random numbers."""


class Updater(tf.Module):
    """Updates the weights of an objective, step by step.

    Create and call it in the scope of the distribution strategy. Batches of all
    shapes share one graph, so that an update does not depend on earlier
    batches.

    Args:
        objective: Objective with initial weights.
        settings: Settings of the run.
        optimizer: Optimizer; its variables are created here.
        strategy: Distribution strategy.
        batch_spec: `element_spec` of the dataset of batches.
        adversary: Computes the gradients by several passes; None for one.
        average: Average of the weights to keep; None for none.

    Attributes:
        objective: The objective.
        strategy: The distribution strategy.
        optimizer: The optimizer.
        weights: Trained variables by name.
        sums: Sums of the training metrics.
        log: Metrics of the latest steps.
        average: Average of the weights, or None.
    """

    def __init__(
        self,
        objective: Objective,
        settings: UpdateSettings,
        optimizer: tf_keras.optimizers.Optimizer,
        *,
        strategy: tf.distribute.Strategy,
        batch_spec: Any,
        adversary: Adversary | None = None,
        average: WeightAverage | None = None,
    ) -> None:
        super().__init__()
        self.objective = objective
        self.optimizer = optimizer
        self.weights = objective.trained_weights()
        optimizer.build(list(self.weights.values()))
        self._settings = settings
        self.strategy = strategy
        self._signature = [batch_spec, tf.TensorSpec([2], tf.int32)]
        self._adversary = adversary
        self.average = average
        more = adversary.metric_names if adversary else ()
        self.sums = MetricSums((*objective.metric_names, *more))
        self._evaluation_sums = MetricSums(objective.metric_names)
        self.log = StepLog()
        self._gradient_sums = (
            GradientSums(self.weights)
            if settings.gradient_accumulation > 1
            else None
        )

    def step(self, batches: Sequence[Batch], number: int) -> None:
        """Updates the weights once, without waiting for the device.

        Args:
            batches: Batches to accumulate gradients over; the last step of an
                epoch may have fewer than `gradient_accumulation`.
            number: Number of the step from 0.
        """
        frozen = self._settings.freeze
        thaw = self._settings.thaw_after
        if thaw is not None and number >= thaw:
            frozen = Freeze.NONE
        share = tf.constant(1 / len(batches))
        base = small_seed(self._settings.seed)
        for index, batch in enumerate(batches):
            seed = tf.constant([(base + index) % 2**31, number])
            self._batch_function(frozen)(batch, seed, share)
        if self._gradient_sums is not None:
            self._update_function(frozen, self._gradient_sums)()
        if self.average is not None:
            self.average.add(number)

    def evaluate(self, batches: Iterable[Batch]) -> MetricMeans:
        """Computes the metrics of batches, without dropout.

        Args:
            batches: Batches; random numbers depend on the position of each.
        """
        self._evaluation_sums.reset()
        for number, batch in enumerate(batches):
            self._evaluate(batch, tf.constant([number, 0]))
        return self._evaluation_sums.read()

    # The few graphs live as long as the updater.
    @functools.cache  # noqa: B019
    def _batch_function(
        self, frozen: Freeze
    ) -> tf.types.experimental.GenericFunction:
        """Traces a step of one batch, or its part of the sums."""
        chosen = self._unfrozen(frozen)

        def work(batch: Batch, seed: tf.Tensor, share: tf.Tensor) -> None:
            self._process(batch, seed, share, chosen)

        @tf.function(
            input_signature=[*self._signature, tf.TensorSpec([], tf.float32)],
            autograph=False,
        )
        def run(batch: Batch, seed: tf.Tensor, share: tf.Tensor) -> None:
            self.strategy.run(work, (batch, seed, share))

        return run

    @functools.cache  # noqa: B019
    def _update_function(
        self, frozen: Freeze, sums: GradientSums
    ) -> tf.types.experimental.GenericFunction:
        """Traces the update by the summed gradients."""
        chosen = self._unfrozen(frozen)

        def work() -> None:
            self._apply(sums.take(chosen), chosen)

        @tf.function(input_signature=[], autograph=False)
        def run() -> None:
            self.strategy.run(work)

        return run

    def _unfrozen(self, frozen: Freeze) -> dict[str, tf.Variable]:
        return {
            name: variable
            for name, variable in self.weights.items()
            if not _is_frozen(name, frozen)
        }

    @functools.cached_property
    def _evaluate(self) -> tf.types.experimental.GenericFunction:
        def evaluate(batch: Batch, seed: tf.Tensor) -> None:
            metrics = self.objective.metrics(batch, training=False, seed=seed)
            self._evaluation_sums.add(metrics, self._count(batch))

        @tf.function(input_signature=self._signature, autograph=False)
        def run(batch: Batch, seed: tf.Tensor) -> None:
            self.strategy.run(evaluate, (batch, seed))

        return run

    def _process(
        self,
        batch: Batch,
        seed: tf.Tensor,
        share: tf.Tensor,
        chosen: dict[str, tf.Variable],
    ) -> None:
        metrics, loss, gradients = self._differentiate(
            batch, seed + _replica_offset(), share, list(chosen.values())
        )
        count = self._count(batch)
        named = dict(zip(chosen, gradients, strict=True))
        found = StepGradients(loss, named, count)
        if self._gradient_sums is None:
            self._apply(found, chosen)
        else:
            self._gradient_sums.add(found)
        self.sums.add(metrics, count)

    def _differentiate(
        self,
        batch: Batch,
        seed: tf.Tensor,
        share: tf.Tensor,
        variables: list[tf.Variable],
    ) -> Differentiated:
        """Computes metrics, loss and scaled gradients of a batch."""

        def loss_of(metrics: Metrics, losses: Mapping[str, float]) -> Loss:
            loss = scaled = share * _weighted_loss(metrics, losses)
            if self._settings.precision is Precision.FLOAT16:
                scaled = self.optimizer.get_scaled_loss(loss)
            return Loss(loss, scaled)

        if self._adversary is not None:
            return self._adversary.differentiate(
                batch, variables, seed=seed, loss_of=loss_of
            )
        with tf.GradientTape() as tape:
            metrics = self.objective.metrics(batch, training=True, seed=seed)
            loss = loss_of(metrics, self.objective.losses)
        gradients = tape.gradient(loss.scaled, variables)
        return Differentiated(metrics, loss.value, gradients)

    def _apply(
        self, found: StepGradients, chosen: dict[str, tf.Variable]
    ) -> None:
        """Clips the gradients, updates the weights, and logs the step."""
        optimizer = self.optimizer
        variables = list(chosen.values())
        gradients = list(found.gradients.values())
        if self._settings.precision is Precision.FLOAT16:
            gradients = optimizer.get_unscaled_gradients(gradients)
        # Summed here, not in `apply_gradients`: the norm is that of the sum.
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        pairs = inner.aggregate_gradients(
            list(zip(gradients, variables, strict=True))
        )
        summed = sum_repeated_rows([gradient for gradient, _ in pairs])
        norm = tf.linalg.global_norm(summed)
        clipped, _ = tf.clip_by_global_norm(
            summed, self._settings.max_gradient_norm, use_norm=norm
        )
        step = tf.identity(optimizer.iterations)
        scale = tf.identity(getattr(optimizer, "loss_scale", 1.0))
        optimizer.apply_gradients(
            zip(clipped, variables, strict=True),
            skip_gradients_aggregation=True,
        )
        self.log.add(
            step,
            loss=found.loss,
            gradient_norm=norm,
            learning_rate=optimizer.learning_rate,
            units=found.units,
            loss_scale=scale,
        )

    def _count(self, batch: Batch) -> tf.Tensor:
        return tf.cast(self.objective.count(batch), tf.float32)


def _weighted_loss(metrics: Metrics, losses: Mapping[str, float]) -> tf.Tensor:
    """Computes the replica's part of the loss of the batch."""
    return tf.add_n(
        [
            factor
            * tf.math.divide_no_nan(
                metrics[name][0], _sum_over_replicas(metrics[name][1])
            )
            for name, factor in losses.items()
        ]
    )


def _is_frozen(name: str, frozen: Freeze) -> bool:
    encoder, *parts = name.split("/")
    return encoder == "encoder" and parts[0] in _FROZEN[frozen]


def _replica_offset() -> tf.Tensor:
    """Returns an offset of the seed, different for each replica."""
    context = tf.distribute.get_replica_context()
    index = tf.convert_to_tensor(context.replica_id_in_sync_group, tf.int32)
    return 7919 * index


def _sum_over_replicas(weight: tf.Tensor) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return weight
    return context.all_reduce(tf.distribute.ReduceOp.SUM, weight)

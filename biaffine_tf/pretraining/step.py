"""One step of pretraining, on any number of replicas."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
import tf_keras

from biaffine_tf.config import Precision
from biaffine_tf.pretraining.objectives import (
    Batch,
    Figures,
    PretrainingObjective,
)
from biaffine_tf.pretraining.settings import Freeze, PretrainingConfig
from biaffine_tf.seeds import small_seed
from biaffine_tf.training.divergence import FigureBuffer, apply_and_note
from biaffine_tf.training.optimizer import AdamW, WarmupLinearDecay

# Parts of variable names: what belongs to the embeddings, what to the layers.
_EMBEDDINGS = {
    "word_embeddings",
    "position_embedding",
    "type_embeddings",
    "embeddings",
}
_BODY = {"transformer", "embedding_projection"}

_PIECES = "pieces"


class Sums:
    """Figures of some batches."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, name: str, total: float, weight: float) -> None:
        """Adds to one figure."""
        before = self._sums.get(name, (0.0, 0.0))
        self._sums[name] = (before[0] + total, before[1] + weight)

    def since(self, before: Sums) -> Sums:
        """Figures of the batches that came after others were summed."""
        later = Sums()
        for name, (total, weight) in self._sums.items():
            less = before._sums.get(name, (0.0, 0.0))
            later.add(name, total - less[0], weight - less[1])
        return later

    @property
    def pieces(self) -> int:
        """Pieces that there were, padding apart."""
        return round(self._sums.get(_PIECES, (0.0, 0.0))[0])

    def means(self) -> dict[str, float]:
        """Each figure but those that nothing was counted for."""
        return {
            name: total / weight
            for name, (total, weight) in self._sums.items()
            if weight and name != _PIECES
        }


class Stepper(tf.Module):
    """Updates an objective's weights, batch by batch.

    Make and call it in the strategy's scope. Only `read` waits for devices.

    Args:
        objective: With its initial weights.
        config: Of the run.
        pad_id: Id of the padding piece.
        strategy: What it runs under.
        batch_spec: Types of the batches, `element_spec` of their dataset. All
            shapes go through one graph, so that what a batch does to the
            weights does not depend on the batches before it.

    Attributes:
        optimizer: With its variables.
        figures: Of the latest steps.
    """

    def __init__(
        self,
        objective: PretrainingObjective,
        config: PretrainingConfig,
        *,
        pad_id: int,
        strategy: tf.distribute.Strategy,
        batch_spec: Any,
    ) -> None:
        super().__init__()
        self._objective = objective
        self._signature = [batch_spec, tf.TensorSpec([2], tf.int32)]
        self._pad_id = pad_id
        self._config = config
        self._strategy = strategy
        self._variables = weights_of(objective)
        self.optimizer = _make_optimizer(config)
        self.optimizer.build(self._variables)
        self._names = (*objective.figure_names, _PIECES)
        # In float64, so that what steps add to long sums is not rounded off.
        self._sums = _local(tf.zeros([len(self._names), 2], tf.float64))
        self.figures = FigureBuffer()
        self._loss_of_step = _local(tf.zeros([]))
        self._gradients = [
            _local(tf.zeros_like(variable))
            for variable in self._variables * (config.gradient_accumulation > 1)
        ]

    def step(self, batches: Sequence[Batch], number: int) -> None:
        """One update of the weights.

        Args:
            batches: As many as gradients are accumulated over; at the end of
                a pass over the corpus there may be fewer.
            number: Of the step, from 0.
        """
        frozen = self._config.freeze
        thaw = self._config.thaw_after
        if thaw is not None and number >= thaw:
            frozen = Freeze.NONE
        share = tf.constant(1 / len(batches))
        base = small_seed(self._config.seed)
        for index, batch in enumerate(batches):
            seed = tf.constant([(base + index) % 2**31, number])
            is_last = index == len(batches) - 1
            self._compiled(frozen, index == 0, is_last)(batch, seed, share)

    def evaluate(self, batch: Batch, seed: tf.Tensor) -> None:
        """Adds the figures of a batch, without dropout or update."""
        self._evaluate(batch, seed)

    def read(self) -> Sums:
        """Figures since the last `clear`, each a sum and its weight."""
        values = self._sums.read_value().numpy()
        sums = Sums()
        for name, (total, weight) in zip(self._names, values, strict=True):
            sums.add(name, float(total), float(weight))
        return sums

    def clear(self) -> None:
        """Begins to sum figures anew."""
        self.restore([[0.0, 0.0]] * len(self._names))

    def state(self) -> list[list[float]]:
        """The sums, for `restore`."""
        return self._sums.read_value().numpy().tolist()

    def restore(self, state: list[list[float]]) -> None:
        """Goes on from sums."""
        self._sums.assign(tf.constant(state, tf.float64))

    # Few, and they live as long as the stepper.
    @functools.cache  # noqa: B019
    def _compiled(
        self, frozen: Freeze, is_first: bool, is_last: bool
    ) -> tf.types.experimental.GenericFunction:
        """What is done with a batch of a step.

        Args:
            frozen: Which variables stay as they are.
            is_first: Whether it is the first batch of the step.
            is_last: Whether it is the last one.
        """
        chosen = [
            index
            for index, variable in enumerate(self._variables)
            if not _is_frozen(variable.name, frozen)
        ]

        def update(batch: Batch, seed: tf.Tensor, share: tf.Tensor) -> None:
            self._update(batch, seed, share, chosen, is_first, is_last)

        @tf.function(
            input_signature=[*self._signature, tf.TensorSpec([], tf.float32)],
            autograph=False,
        )
        def run(batch: Batch, seed: tf.Tensor, share: tf.Tensor) -> None:
            self._strategy.run(update, (batch, seed, share))

        return run

    @functools.cached_property
    def _evaluate(self) -> tf.types.experimental.GenericFunction:
        @tf.function(input_signature=self._signature, autograph=False)
        def run(batch: Batch, seed: tf.Tensor) -> None:
            def evaluate(batch: Batch, seed: tf.Tensor) -> None:
                self._count(
                    batch,
                    self._objective.figures(batch, training=False, seed=seed),
                )

            self._strategy.run(evaluate, (batch, seed))

        return run

    def _update(
        self,
        batch: Batch,
        seed: tf.Tensor,
        share: tf.Tensor,
        chosen: Sequence[int],
        is_first: bool,
        is_last: bool,
    ) -> None:
        """What one replica does with its part of a batch."""
        variables = [self._variables[index] for index in chosen]
        with tf.GradientTape() as tape:
            figures = self._objective.figures(
                batch, training=True, seed=seed + _replica()
            )
            loss = scaled = share * self._loss(figures)
            if self._config.precision is Precision.FLOAT16:
                scaled = self.optimizer.get_scaled_loss(loss)
        gradients = tape.gradient(scaled, variables)
        if is_first:
            self._loss_of_step.assign(loss)
        else:
            self._loss_of_step.assign_add(loss)
        if not (is_first and is_last):
            gradients = self._accumulate(gradients, chosen, is_first=is_first)
        if is_last:
            if self._config.precision is Precision.FLOAT16:
                gradients = self.optimizer.get_unscaled_gradients(gradients)
            apply_and_note(
                self.optimizer,
                gradients,
                variables,
                self.figures,
                max_norm=self._config.max_gradient_norm,
                loss=tf.convert_to_tensor(self._loss_of_step),
                examples=tf.shape(batch["input_ids"])[0],
            )
        self._count(batch, figures)

    def _loss(self, figures: Figures) -> tf.Tensor:
        """The replica's part of the loss of the whole batch."""
        return tf.add_n(
            [
                factor
                * tf.math.divide_no_nan(
                    figures[name][0], _over_replicas(figures[name][1])
                )
                for name, factor in self._objective.factors.items()
            ]
        )

    def _accumulate(
        self,
        gradients: Sequence[tf.Tensor | tf.IndexedSlices],
        chosen: Sequence[int],
        *,
        is_first: bool,
    ) -> list[tf.Tensor]:
        kept = [self._gradients[index] for index in chosen]
        for variable, gradient in zip(kept, gradients, strict=True):
            gradient = tf.convert_to_tensor(gradient)
            if is_first:
                variable.assign(gradient)
            else:
                variable.assign_add(gradient)
        return [tf.convert_to_tensor(variable) for variable in kept]

    def _count(self, batch: Batch, figures: Figures) -> None:
        real = tf.cast(batch["original_ids"] != self._pad_id, tf.float32)
        pieces = (tf.reduce_sum(real), tf.constant(1.0))
        pairs = {**figures, _PIECES: pieces}
        sums = tf.stack([pairs[name] for name in self._names])
        self._sums.assign_add(tf.cast(sums, tf.float64))


def _make_optimizer(
    config: PretrainingConfig,
) -> tf_keras.optimizers.Optimizer:
    optimizer: tf_keras.optimizers.Optimizer = AdamW(
        WarmupLinearDecay(
            config.learning_rate,
            total_steps=config.num_train_steps,
            warmup_steps=config.num_warmup_steps,
        ),
        decay=config.weight_decay,
        scaled_component="transformer",
        scale=config.body_learning_rate_ratio,
        epsilon=1e-6,  # as BERT's
    )
    if config.precision is Precision.FLOAT16:
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(optimizer)
    return optimizer


def _is_frozen(name: str, frozen: Freeze) -> bool:
    """Whether a variable of this name stays as it is."""
    encoder, *parts = name.split("/")
    if encoder != "encoder" or frozen is Freeze.NONE:
        return False
    return parts[0] in (_BODY if frozen is Freeze.BODY else _EMBEDDINGS)


def weights_of(objective: PretrainingObjective) -> list[tf.Variable]:
    """All that learns, each once: two encoders can share embeddings."""
    parts = [objective.encoder_part, objective.generator_part]
    variables = [v for p in parts if p for v in p.trainable_variables]
    return list({variable.ref(): variable for variable in variables}.values())


def _local(value: tf.Tensor) -> tf.Variable:
    """A variable that every replica has for itself, read as their sum."""
    return tf.Variable(
        value,
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )


def _replica() -> tf.Tensor:
    """Number of this replica; no two draw the same."""
    context = tf.distribute.get_replica_context()
    index = tf.convert_to_tensor(context.replica_id_in_sync_group, tf.int32)
    return 7919 * index


def _over_replicas(weight: tf.Tensor) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return weight
    return context.all_reduce(tf.distribute.ReduceOp.SUM, weight)

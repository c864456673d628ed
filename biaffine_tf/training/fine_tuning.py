"""Fine-tuning: from records to a model directory."""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from biaffine_tf import model_directory
from biaffine_tf.config import (
    Average,
    ClassWeights,
    EncoderConfig,
    ExperimentConfig,
    TrainingConfig,
)
from biaffine_tf.files import remove, write_json
from biaffine_tf.heads.pairs.initialization import (
    class_counts,
    weights_of_classes,
)
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.records.augmentation import Augmentation
from biaffine_tf.records.features import Counts
from biaffine_tf.records.span_batches import (
    Buckets,
    make_buckets,
    training_batches,
)
from biaffine_tf.records.span_records import Records
from biaffine_tf.records.span_sampling import balance_labels
from biaffine_tf.training.adversarial import make_adversary
from biaffine_tf.training.averaging import WeightAverage
from biaffine_tf.training.dev_evaluation import DevEvaluation, Evaluate
from biaffine_tf.training.loop import Entry, Loop
from biaffine_tf.training.objective import Batch
from biaffine_tf.training.optimizer import layer_factors, make_optimizer
from biaffine_tf.training.position import Period
from biaffine_tf.training.setup import distribute, environment
from biaffine_tf.training.span_objective import SpanObjective
from biaffine_tf.training.update import Updater


class SpanBatches:
    """Training batches of a run.

    Args:
        records: Training data.
        buckets: Buckets of these records.
        config: Settings with seed and number of epochs.
        pad_id: Id of the padding token.
        strategy: Distribution strategy.
        augmentation: Changes of the sentences; None for none.

    Attributes:
        per_epoch: Number of batches per epoch.
        spec: `element_spec` of the dataset.
    """

    def __init__(
        self,
        records: Records,
        buckets: Buckets,
        config: TrainingConfig,
        *,
        pad_id: int,
        strategy: tf.distribute.Strategy,
        augmentation: Augmentation | None = None,
    ) -> None:
        self._augmentation = augmentation
        self._weights = None
        if config.label_balance:
            self._weights = balance_labels(
                records, buckets.lengths, threshold=config.label_balance
            )
        self._records = records
        self._buckets = buckets
        self._config = config
        self._pad_id = pad_id
        self._strategy = strategy
        self.per_epoch = buckets.steps_per_epoch
        self.spec = self._dataset(0, 0).element_spec

    def read(self, epoch: int, skip: int) -> Iterator[Batch]:
        """Reads batches from an epoch on, skipping its first `skip`."""
        return iter(self._dataset(epoch, skip))

    def _dataset(self, epoch: int, skip: int) -> tf.data.Dataset:
        batches = training_batches(
            self._records,
            self._buckets,
            seed=self._config.seed,
            epochs=range(epoch, self._config.num_train_epochs),
            skip=skip,
            pad_id=self._pad_id,
            temperature=self._config.distil_temperature or 1.0,
            augmentation=self._augmentation,
            weights=self._weights,
        )
        return distribute(batches, self._strategy)


def train(
    config: ExperimentConfig,
    records: Records,
    model: SpanModel,
    *,
    strategy: tf.distribute.Strategy,
    evaluate: Evaluate | None,
    eval_counts: Counts | None,
    output_dir: str,
    save_every: Period,
    augmentation: Augmentation | None = None,
) -> dict[str, Any]:
    """Trains a model, or continues from the last checkpoint of a run.

    Args:
        config: Settings, the same as when the run was started.
        records: Training data.
        model: Model built under the strategy, with initial weights.
        strategy: Strategy from `set_up`.
        evaluate: Called after each epoch; None without a dev set, where the
            model of the last epoch is kept.
        eval_counts: Counts of the evaluated sentences, for the record.
        output_dir: Model directory whose description has been written.
        save_every: When to save checkpoints besides the end of each epoch.
        augmentation: Changes of the sentences; None for none.

    Returns:
        Contents of `scores.json`: scores of the best epoch, if there is a dev
        set, and facts about the run.
    """
    training = config.training
    buckets = make_buckets(
        records.lengths,
        num_buckets=training.num_buckets,
        batch_size=training.train_batch_size,
        token_budget=training.token_budget,
    )
    batches = SpanBatches(
        records,
        buckets,
        training,
        pad_id=model.pad_id,
        strategy=strategy,
        augmentation=augmentation,
    )
    steps = total_steps(training, batches.per_epoch)
    average = make_average(training, model, total_steps=steps)
    with strategy.scope():
        updater = make_updater(
            training,
            model,
            strategy=strategy,
            batch_spec=batches.spec,
            total_steps=steps,
            class_weights=weigh_classes(training, records, model),
            average=average,
        )
    loop = Loop(
        updater,
        batches,
        DevEvaluation(
            config, model, output_dir, evaluate=evaluate, average=average
        ),
        training,
        output_dir=output_dir,
        total_steps=steps,
        evaluate_every=Period(epochs=1),
        save_every=dataclasses.replace(save_every, epochs=1),
    )
    if loop.restore() and loop.history:
        model_directory.check_kept(output_dir, has_dev_set=evaluate is not None)
    loop.run()
    scores = _finish(config, records, eval_counts, loop.history, output_dir)
    remove(os.path.join(output_dir, model_directory.CHECKPOINTS))
    return scores


def total_steps(config: TrainingConfig, batches_per_epoch: int) -> int:
    """Counts the steps of a run; an epoch's last may have fewer batches."""
    return config.num_train_epochs * math.ceil(
        batches_per_epoch / config.gradient_accumulation
    )


def make_updater(
    config: TrainingConfig,
    model: SpanModel,
    *,
    strategy: tf.distribute.Strategy,
    batch_spec: Any,
    total_steps: int,
    class_weights: np.ndarray | None = None,
    average: WeightAverage | None = None,
) -> Updater:
    """Builds the updater of a model, within the strategy's scope.

    Args:
        config: Settings of the objective and the optimizer.
        model: Model built under the strategy.
        strategy: Strategy from `set_up`.
        batch_spec: `element_spec` of the batches.
        total_steps: Number of steps of the run.
        class_weights: See `SpanObjective`.
        average: Average of the weights to keep, or None.
    """
    objective = SpanObjective(model, config, class_weights)
    new_parts = dict.fromkeys(
        ("neck", model.head.name), config.head_learning_rate_ratio
    )
    optimizer = make_optimizer(
        config,
        total_steps=total_steps,
        warmup_steps=round(total_steps * config.warmup_proportion),
        factors=new_parts | _layer_factors(config, model),
    )
    return Updater(
        objective,
        config,
        optimizer,
        strategy=strategy,
        batch_spec=batch_spec,
        adversary=make_adversary(config, objective),
        average=average,
    )


def _layer_factors(
    config: TrainingConfig, model: SpanModel
) -> dict[str, float]:
    encoder = model.config.encoder
    if not isinstance(encoder, EncoderConfig):
        return {}
    return layer_factors(encoder.num_layers, config.layer_decay)


def weigh_classes(
    config: TrainingConfig, records: Records, model: SpanModel
) -> np.ndarray | None:
    """Returns the class weights of the settings; None if there are none."""
    power = {ClassWeights.INVERSE: 1.0, ClassWeights.SQRT_INVERSE: 0.5}.get(
        config.class_weights
    )
    if power is None:
        return None
    counts = class_counts(
        records.cells,
        records.scored_lengths,
        num_classes=model.num_classes,
        max_span_width=model.config.head.max_span_width,
        neg_sample=config.neg_sample,
        hidden=records.hidden,
    )
    return weights_of_classes(counts, power)


def make_average(
    config: TrainingConfig, model: SpanModel, *, total_steps: int
) -> WeightAverage | None:
    """Builds the average of a run, out of the scope; None if there is none."""
    if config.average is Average.NONE:
        return None
    return WeightAverage(model.saved_weights(), config, total_steps=total_steps)


def _finish(
    config: ExperimentConfig,
    records: Records,
    eval_counts: Counts | None,
    history: list[Entry],
    output_dir: str,
) -> dict[str, Any]:
    """Completes and returns the scores of the kept model."""
    scores = model_directory.read_scores(output_dir) or {}
    seconds = sum(entry["seconds"] for entry in history)
    scores.update(
        complete=True,
        epochs=len(history),
        seconds=round(seconds, 1),
        seconds_per_epoch=round(seconds / len(history), 1),
        training_counts=dataclasses.asdict(records.counts),
        environment=environment(),
    )
    if eval_counts is not None:
        scores["eval_counts"] = dataclasses.asdict(eval_counts)
    write_json(os.path.join(output_dir, model_directory.SCORES), scores)
    return scores

"""Fine-tuning: from records to a model directory."""

from __future__ import annotations

import dataclasses
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras
from tqdm import tqdm

from biaffine_tf import model_directory
from biaffine_tf.config import ClassWeights, ExperimentConfig, TrainingConfig
from biaffine_tf.evaluation import Scores
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
from biaffine_tf.training import nothing_found
from biaffine_tf.training.loop import Entry, Evaluated, Loop
from biaffine_tf.training.metrics import MetricMeans, describe
from biaffine_tf.training.objective import Batch, Metrics
from biaffine_tf.training.optimizer import make_optimizer
from biaffine_tf.training.position import Period, Position
from biaffine_tf.training.setup import distribute, environment
from biaffine_tf.training.update import Updater

# Scores a model on the dev set; returns the scores and a writer of predictions.
Evaluate = Callable[[SpanModel], tuple[Scores, Callable[[str], None]]]


class SpanObjective(tf.Module):
    """Loss of the head of a span model, as an objective.

    It is divided by the number of sentences per batch, as in the original
    implementation.

    Args:
        model: Model with initial weights.
        config: Settings of loss and sampling.
        class_weights: Factor of the loss of each class, float32 `[C]`; None
            without `TrainingConfig.class_weights`.
    """

    losses = {"loss": 1.0}  # noqa: RUF012 (never changed)
    unit = "sentences"

    def __init__(
        self,
        model: SpanModel,
        config: TrainingConfig,
        class_weights: np.ndarray | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._options: dict[str, Any] = {}
        if class_weights is not None:
            self._options["class_weights"] = class_weights
        self.metric_names = model.head.metric_names
        self._config = config
        # Keras would leave these out of checkpoints.
        self.random_states = [
            layer._random_generator._generator
            for layer in model.submodules
            if isinstance(layer, tf_keras.layers.Dropout)
        ]

    def trained_weights(self) -> dict[str, tf.Variable]:
        """Returns all weights of the model."""
        return self.model.saved_weights()

    def metrics(
        self, batch: Batch, *, training: bool, seed: tf.Tensor
    ) -> Metrics:
        """Computes the metrics of the head."""
        return self.model.batch_metrics(
            batch,
            self._config,
            seed=seed,
            training=training,
            **self._options,
        )

    def count(self, batch: Batch) -> tf.Tensor:
        """Counts the sentences of a batch."""
        return tf.shape(batch["input_ids"])[0]


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
    with strategy.scope():
        updater = make_updater(
            training,
            model,
            strategy=strategy,
            batch_spec=batches.spec,
            total_steps=steps,
            class_weights=weigh_classes(training, records, model),
        )
    loop = Loop(
        updater,
        batches,
        DevEvaluation(config, model, output_dir, evaluate=evaluate),
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
) -> Updater:
    """Builds the updater of a model, within the strategy's scope.

    Args:
        config: Settings of the objective and the optimizer.
        model: Model built under the strategy.
        strategy: Strategy from `set_up`.
        batch_spec: `element_spec` of the batches.
        total_steps: Number of steps of the run.
        class_weights: See `SpanObjective`.
    """
    optimizer = make_optimizer(
        config,
        total_steps=total_steps,
        warmup_steps=round(total_steps * config.warmup_proportion),
        scaled_component=model.head.name,
        scale=config.head_learning_rate_ratio,
    )
    return Updater(
        SpanObjective(model, config, class_weights),
        config,
        optimizer,
        strategy=strategy,
        batch_spec=batch_spec,
    )


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


class DevEvaluation:
    """Scores the dev set after each epoch, and keeps the best model.

    Without a dev set it keeps the latest model, without scores.

    Args:
        config: Settings of the run.
        model: Model in training.
        output_dir: Model directory.
        evaluate: Scores the model; None without a dev set.
    """

    history_key = "epochs"

    def __init__(
        self,
        config: ExperimentConfig,
        model: SpanModel,
        output_dir: str,
        *,
        evaluate: Evaluate | None,
    ) -> None:
        self._config = config
        self._model = model
        self._output_dir = output_dir
        self._evaluate = evaluate

    def evaluate(
        self,
        at: Position,
        metrics: MetricMeans,
        *,
        seconds: float,
        history: list[Entry],
    ) -> Evaluated:
        """Scores, reports, and keeps the best model."""
        begun = time.perf_counter()
        scores, write_predictions = None, None
        if self._evaluate is not None:
            scores, write_predictions = self._evaluate(self._model)
        evaluation_seconds = time.perf_counter() - begun
        values = metrics.means() | {"sentences": metrics.count}
        values |= _flat(scores) if scores else {}
        entry = {
            "epoch": at.epoch,
            **values,
            "training_seconds": seconds,
            "evaluation_seconds": evaluation_seconds,
            "seconds": seconds + evaluation_seconds,
        }
        best, f1 = max(map(_f1, history), default=0.0), _f1(entry)
        names = self._model.head.metric_names
        tqdm.write(_summary(entry, names, is_best=f1 > best))
        # At an F1 of 0, the latest model has learnt the most.
        if f1 > best or not best:
            self._keep(entry, scores, write_predictions)
        hint = nothing_found.hint([*history, entry], config=self._config)
        if hint is not None:
            tqdm.write(hint)
        curves = {f"epoch/{name}": value for name, value in values.items()}
        for label, score in scores.labels.items() if scores else ():
            curves[f"dev_f1/{label}"] = score.f1
        return Evaluated(entry, curves, at.epoch)

    def stop_reason(self, history: list[Entry]) -> str | None:
        """Returns a reason if no epoch has improved for as long as allowed."""
        patience = self._config.training.early_stopping_patience
        if patience is None or not history:
            return None
        scores = [_f1(entry) for entry in history]
        if len(scores) - 1 - scores.index(max(scores)) < patience:
            return None
        return f"no better micro F1 for {patience} epochs"

    def describe_kept(self, history: list[Entry], saved_step: int) -> str:
        """Names the epoch of the kept model."""
        del saved_step
        if not history:
            return "no epoch has ended, so there is no model"
        scores = model_directory.read_scores(self._output_dir) or {}
        return f"{self._output_dir} keeps the model of epoch {scores['epoch']}"

    def _keep(
        self,
        entry: Entry,
        scores: Scores | None,
        write_predictions: Callable[[str], None] | None,
    ) -> None:
        folder = self._output_dir
        model_directory.save_weights(folder, self._model)
        if write_predictions is not None:
            write_predictions(os.path.join(folder, model_directory.PREDICTIONS))
        write_json(
            os.path.join(folder, model_directory.SCORES),
            {
                **(scores.to_json() if scores else {}),
                "epoch": entry["epoch"],
                "seed": self._config.training.seed,
                "complete": False,
            },
        )


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


def _flat(scores: Scores) -> dict[str, float]:
    return {
        f"{name}_{metric}": getattr(getattr(scores, name), metric)
        for name in ("micro", "macro", "cluener")
        for metric in ("precision", "recall", "f1")
    }


def _f1(entry: Entry) -> float:
    return entry.get("micro_f1", 0.0)


def _summary(
    entry: Entry, metric_names: Sequence[str], *, is_best: bool
) -> str:
    metrics = describe({k: entry[k] for k in metric_names if k in entry})
    trained = f"epoch {entry['epoch']}: {metrics}"
    if "micro_f1" not in entry:
        return f"{trained} ({entry['training_seconds']:.0f} s)"
    return (
        f"{trained}; dev micro F1 "
        f"{entry['micro_f1']:.4f}, macro F1 {entry['macro_f1']:.4f}, cluener "
        f"F1 {entry['cluener_f1']:.4f} "
        f"({entry['training_seconds']:.0f} + "
        f"{entry['evaluation_seconds']:.0f} s)"
        + (" (best so far)" if is_best else "")
    )

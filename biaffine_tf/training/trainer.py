"""A run from records to a model directory."""

from __future__ import annotations

import dataclasses
import functools
import os
import platform
import random
import shutil
from collections.abc import Callable
from importlib import metadata
from typing import Any

import tensorflow as tf
import tf_keras
from tf_keras.src import backend

from biaffine_tf import __version__, model_directory
from biaffine_tf.config import ExperimentConfig, Precision, TrainingConfig
from biaffine_tf.evaluation import Scores
from biaffine_tf.files import write_json
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.records.features import Counts
from biaffine_tf.records.span_batches import (
    Buckets,
    make_buckets,
    training_batches,
)
from biaffine_tf.records.span_records import Records
from biaffine_tf.seeds import small_seed
from biaffine_tf.training import nothing_found
from biaffine_tf.training.callbacks import (
    EvaluateEpoch,
    History,
    Progress,
)
from biaffine_tf.training.divergence import Remedies
from biaffine_tf.training.optimizer import make_optimizer
from biaffine_tf.training.run_state import RunCheckpoints
from biaffine_tf.training.scalars import EpochScalars, WatchSteps
from biaffine_tf.training.step import SpanTrainer

# Scores the model on the dev set; writes its predictions to the given file.
Evaluate = Callable[[SpanModel], tuple[Scores, Callable[[str], None]]]


def set_up(*, seed: int, precision: Precision) -> tf.distribute.Strategy:
    """Makes the process deterministic and finds its devices.

    Call it once, before any model is built.

    Args:
        seed: Of everything random.
        precision: Keras's global mixed-precision policy.

    Returns:
        The strategy to build and train under: all GPUs of this machine, or
        its only device.
    """
    # Random states that are variables, so that checkpoints hold them and a
    # run that starts again draws what it would have drawn.
    tf_keras.backend.experimental.enable_tf_random_generator()
    tf_keras.utils.set_random_seed(small_seed(seed))
    # Layers and initialisers draw their own seeds from these, which take any.
    random.seed(seed)
    backend._SEED_GENERATOR.generator = random.Random(seed)
    tf.config.experimental.enable_op_determinism()
    tf_keras.mixed_precision.set_global_policy(str(precision))
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def train(
    config: ExperimentConfig,
    records: Records,
    model: SpanModel,
    *,
    strategy: tf.distribute.Strategy,
    evaluate: Evaluate | None,
    eval_counts: Counts | None,
    output_dir: str,
) -> dict[str, Any]:
    """Trains a model, or goes on from the last epoch of a killed run.

    Args:
        config: The experiment; the same as when the run was started.
        records: Training data.
        model: Built under the strategy, with its initial weights.
        strategy: From `set_up`.
        evaluate: Called after each epoch; None without a dev set: the last
            epoch's model is then kept.
        eval_counts: What became of the sentences it scores, for the record.
        output_dir: A model directory whose description is written.

    Returns:
        What `scores.json` holds: the scores of the best epoch, if there is a
        dev set, and how they were got.
    """
    training = config.training
    buckets = make_buckets(
        records.lengths,
        num_buckets=training.num_buckets,
        batch_size=training.train_batch_size,
        token_budget=training.token_budget,
    )
    with strategy.scope():
        trainer = make_trainer(training, model, buckets)
        checkpoint = tf.train.Checkpoint(
            model=model,
            optimizer=trainer.optimizer,
            random_states=_random_states(model),
        )
    folder = os.path.join(output_dir, model_directory.CHECKPOINTS)
    checkpoints = RunCheckpoints(checkpoint, folder)
    history = _restore(
        checkpoints, output_dir, has_dev_set=evaluate is not None
    )
    done = len(history.epochs)
    keeper = _Keeper(config, model, records, output_dir, evaluate)
    end_of_epoch = EvaluateEpoch(
        evaluate=keeper.evaluate,
        keep=keeper.keep,
        history=history,
        patience=training.early_stopping_patience,
        checkpoints=checkpoints,
        hint=functools.partial(nothing_found.hint, config=config),
    )
    if done < training.num_train_epochs and not end_of_epoch.stopped_early:
        log = tf.summary.create_file_writer(
            os.path.join(output_dir, model_directory.LOGS)
        )
        watch = WatchSteps(
            trainer.figures,
            log,
            Remedies(
                learning_rate=training.learning_rate,
                max_gradient_norm=training.max_gradient_norm,
                precision=training.precision,
            ),
            weights=model.saved_weights(),
            kept=lambda: _kept(history, output_dir),
            total_steps=buckets.steps_per_epoch * training.num_train_epochs,
        )
        scalars = EpochScalars(log, lambda: keeper.scores)
        _fit(
            trainer,
            config,
            records,
            buckets,
            done,
            [watch, end_of_epoch, scalars],
        )
    scores = keeper.finish(history, eval_counts)
    shutil.rmtree(folder, ignore_errors=True)
    return scores


def make_trainer(
    config: TrainingConfig, model: SpanModel, buckets: Buckets
) -> SpanTrainer:
    """Joins a model with its optimizer; call it in the strategy's scope.

    Args:
        config: Objective and optimizer.
        model: Built.
        buckets: They tell the number of steps.

    Returns:
        Compiled, with the optimizer's variables.
    """
    model.encoder.gradient_checkpointing = config.gradient_checkpointing
    model.encoder.xla = config.xla
    trainer = SpanTrainer(model, config)
    optimizer = make_optimizer(
        config, total_steps=buckets.steps_per_epoch * config.num_train_epochs
    )
    trainer.compile(optimizer=optimizer)
    optimizer.build(model.trainable_variables)
    return trainer


def _random_states(model: SpanModel) -> list[tf.random.Generator]:
    """The generators of all dropouts, which Keras keeps out of checkpoints."""
    return [
        layer._random_generator._generator
        for layer in model.submodules
        if isinstance(layer, tf_keras.layers.Dropout)
    ]


def _restore(
    checkpoints: RunCheckpoints, output_dir: str, *, has_dev_set: bool
) -> History:
    """Restores the newest checkpoint; returns the epochs done.

    Raises:
        ConfigError: If the run cannot be gone on from.
    """
    path = os.path.join(output_dir, model_directory.HISTORY)
    found = checkpoints.restore()
    if found is None:
        return History(path)
    model_directory.check_kept(output_dir, has_dev_set=has_dev_set)
    history = History(path, found.state["epochs"])
    history.write()
    print(f"going on after epoch {found.number}, from {found.path}", flush=True)
    return history


def _kept(history: History, output_dir: str) -> str:
    """Describes what is left of a run on the disk."""
    if not history.epochs:
        return "no epoch has ended, so that there is no model"
    scores = model_directory.read_scores(output_dir) or {}
    return f"{output_dir} keeps the model of epoch {scores.get('epoch')}"


def _fit(
    trainer: SpanTrainer,
    config: ExperimentConfig,
    records: Records,
    buckets: Buckets,
    done: int,
    callbacks: list[tf_keras.callbacks.Callback],
) -> None:
    epochs = config.training.num_train_epochs
    batches = training_batches(
        records,
        buckets,
        seed=config.training.seed,
        epochs=range(done, epochs),
        pad_id=trainer.model.pad_id,
    )
    progress = Progress(sentences=sum(buckets.sentences), epochs=epochs)
    try:
        trainer.fit(
            batches,
            initial_epoch=done,
            epochs=epochs,
            steps_per_epoch=buckets.steps_per_epoch,
            verbose=0,
            callbacks=[progress, *callbacks],
        )
    finally:
        progress.close()


class _Keeper:
    """Writes the best model, its scores and its predictions.

    Without a dev set there are no scores and no predictions.
    """

    def __init__(
        self,
        config: ExperimentConfig,
        model: SpanModel,
        records: Records,
        output_dir: str,
        evaluate: Evaluate | None,
    ) -> None:
        self._config = config
        self._model = model
        self._records = records
        self._output_dir = output_dir
        self._evaluate = evaluate
        self._latest: tuple[Scores, Callable[[str], None]] | None = None

    @property
    def scores(self) -> Scores | None:
        """Scores of the latest evaluation."""
        return None if self._latest is None else self._latest[0]

    def evaluate(self) -> dict[str, float]:
        if self._evaluate is None:
            return {}
        self._latest = self._evaluate(self._model)
        scores = self._latest[0]
        return {
            f"{name}_{figure}": getattr(getattr(scores, name), figure)
            for name in ("micro", "macro", "cluener")
            for figure in ("precision", "recall", "f1")
        }

    def keep(self, entry: dict[str, Any]) -> None:
        model_directory.save_weights(self._output_dir, self._model)
        figures: dict[str, Any] = {}
        if self._latest is not None:
            scores, write_predictions = self._latest
            write_predictions(self._path(model_directory.PREDICTIONS))
            figures = scores.to_json()
        write_json(
            self._path(model_directory.SCORES),
            {
                **figures,
                "epoch": entry["epoch"],
                "seed": self._config.training.seed,
                "complete": False,
            },
        )

    def finish(
        self, history: History, eval_counts: Counts | None
    ) -> dict[str, Any]:
        scores = model_directory.read_scores(self._output_dir) or {}
        scores.update(
            complete=True,
            epochs=len(history.epochs),
            seconds=round(history.seconds, 1),
            seconds_per_epoch=round(history.seconds / len(history.epochs), 1),
            training_counts=dataclasses.asdict(self._records.counts),
            environment=environment(),
        )
        if eval_counts is not None:
            scores["eval_counts"] = dataclasses.asdict(eval_counts)
        write_json(self._path(model_directory.SCORES), scores)
        return scores

    def _path(self, name: str) -> str:
        return os.path.join(self._output_dir, name)


def environment() -> dict[str, Any]:
    """What figures depend on besides seed and settings."""
    packages = ("tensorflow", "tf_keras", "tf-models-official", "numpy")
    return {
        "biaffine_tf": __version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "devices": [d.device_type for d in tf.config.list_logical_devices()],
        **{name: metadata.version(name) for name in packages},
    }

"""Pretraining: from records of text to an encoder."""

from __future__ import annotations

import functools
import math
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import tensorflow as tf
from tqdm import tqdm

from biaffine_tf.config import Objective, PretrainingConfig
from biaffine_tf.pretraining.batches import epoch_batches, epoch_buckets
from biaffine_tf.pretraining.encoder_part import PretrainingObjective
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.training.loop import Entry, Evaluated, Loop
from biaffine_tf.training.metrics import MetricMeans, describe
from biaffine_tf.training.objective import Batch
from biaffine_tf.training.optimizer import make_optimizer
from biaffine_tf.training.position import Period, Position
from biaffine_tf.training.setup import distribute
from biaffine_tf.training.update import Updater

# Far worse than guessing; e^1000 would overflow.
_MAX_LOSS = 100.0
_FIRST_BATCHES = 8

# Writes the current encoder into the output directory.
WriteEncoder = Callable[[], None]


def train(
    config: PretrainingConfig,
    records: Records,
    objective: PretrainingObjective,
    *,
    strategy: tf.distribute.Strategy,
    output_dir: str,
    write_encoder: WriteEncoder,
    steps_per_evaluation: int,
    save_every: Period,
    max_eval_batches: int,
) -> dict[str, Any]:
    """Pretrains, or continues from the last checkpoint of a run.

    Args:
        config: Settings, the same as when the run was started.
        records: Records of training and held-out text.
        objective: Objective built under the strategy, with initial weights.
        strategy: Strategy from `training.setup.set_up`.
        output_dir: Directory of checkpoints, history and logs.
        write_encoder: Called after each checkpoint, and when a run continues
            from one: it may have been killed between the two.
        steps_per_evaluation: Number of steps between two evaluations.
        save_every: When to save a checkpoint.
        max_eval_batches: Maximum number of batches of held-out text.

    Returns:
        The last entry of the history.
    """
    batches = TextBatches(config, records, strategy)
    objective.prepare(batches.first(_FIRST_BATCHES))
    with strategy.scope():
        updater = make_updater(
            config, objective, strategy=strategy, batch_spec=batches.spec
        )
    loop = Loop(
        updater,
        batches,
        HeldOutEvaluation(
            updater, batches, output_dir, max_batches=max_eval_batches
        ),
        config,
        output_dir=output_dir,
        total_steps=config.num_train_steps,
        evaluate_every=Period(steps=steps_per_evaluation),
        save_every=save_every,
        after_save=write_encoder,
    )
    loop.restore()
    loop.run()
    return loop.history[-1]


def make_updater(
    config: PretrainingConfig,
    objective: PretrainingObjective,
    *,
    strategy: tf.distribute.Strategy,
    batch_spec: Any,
) -> Updater:
    """Builds the updater of an objective, within the strategy's scope.

    Args:
        config: Settings of the run.
        objective: Objective built under the strategy.
        strategy: Distribution strategy.
        batch_spec: `element_spec` of the batches.
    """
    optimizer = make_optimizer(
        config,
        total_steps=config.num_train_steps,
        warmup_steps=config.num_warmup_steps,
        factors={"transformer": config.body_learning_rate_ratio},
    )
    return Updater(
        objective,
        config,
        optimizer,
        strategy=strategy,
        batch_spec=batch_spec,
    )


class TextBatches:
    """Masked batches of a run.

    Args:
        config: Settings of the run.
        records: Records of training and held-out text.
        strategy: Distribution strategy.

    Attributes:
        per_epoch: Number of training batches per epoch.
        spec: `element_spec` of the batches.
    """

    def __init__(
        self,
        config: PretrainingConfig,
        records: Records,
        strategy: tf.distribute.Strategy,
    ) -> None:
        self._strategy = strategy
        self._records = records
        self._batches = functools.partial(
            epoch_batches,
            records,
            batch_size=config.train_batch_size,
            masking=config.masking,
            max_predictions=config.max_predictions_per_seq,
            seed=config.seed,
            with_teacher=config.objective is Objective.DISTIL
            and records.teacher is not None,
        )
        self.per_epoch = epoch_buckets(
            records, split=Split.TRAIN, batch_size=config.train_batch_size
        ).steps_per_epoch
        first = self._batches(split=Split.TRAIN, epoch=0)
        self.spec = distribute(first, strategy).element_spec

    def read(self, epoch: int, skip: int) -> Iterator[Batch]:
        """Reads batches without end, from epoch `epoch` on."""
        while True:
            yield from distribute(
                self._batches(split=Split.TRAIN, epoch=epoch, skip=skip),
                self._strategy,
            )
            epoch, skip = epoch + 1, 0

    def first(self, count: int) -> Iterator[Batch]:
        """Yields the first training batches, not distributed.

        Args:
            count: Maximum number of batches.
        """
        yield from self._batches(split=Split.TRAIN, epoch=0).take(count)

    def held_out(self, max_batches: int) -> tf.data.Dataset:
        """Returns the batches of held-out text, the same each time.

        Args:
            max_batches: Maximum number of batches.
        """
        if not self._records.num_records(Split.HELD_OUT):
            return tf.data.Dataset.range(0)
        return distribute(
            self._batches(
                split=Split.HELD_OUT, epoch=0, max_batches=max_batches
            ),
            self._strategy,
        )


class HeldOutEvaluation:
    """Computes metrics of held-out text.

    Args:
        updater: Updater of the objective.
        batches: Batches of the run.
        output_dir: Output directory.
        max_batches: Maximum number of batches of held-out text.
    """

    history_key = "evaluations"

    def __init__(
        self,
        updater: Updater,
        batches: TextBatches,
        output_dir: str,
        *,
        max_batches: int,
    ) -> None:
        self._updater = updater
        self._batches = batches
        self._output_dir = output_dir
        self._max_batches = max_batches

    def evaluate(
        self,
        at: Position,
        metrics: MetricMeans,
        *,
        seconds: float,
        history: list[Entry],
    ) -> Evaluated:
        """Computes metrics and reports."""
        del seconds, history
        begun = time.perf_counter()
        held_out = self._updater.evaluate(self._held_out)
        groups = {
            "training": metrics.means(),
            "held_out": _with_perplexity(held_out.means()),
        }
        entry = {
            "step": at.step,
            "epoch": at.epoch,
            "seconds": round(at.seconds, 1),
            "evaluation_seconds": round(time.perf_counter() - begun, 1),
            **groups,
        }
        tqdm.write(_line(entry))
        curves = {
            f"{group}/{name}": value
            for group, values in groups.items()
            for name, value in values.items()
        }
        return Evaluated(entry, curves, at.step)

    @functools.cached_property
    def _held_out(self) -> Iterable[Batch]:
        return self._batches.held_out(self._max_batches)

    def stop_reason(self, history: list[Entry]) -> str | None:
        """Never stops early."""
        del history
        return None

    def describe_kept(self, history: list[Entry], saved_step: int) -> str:
        """Names the step of the kept encoder."""
        del history
        if not saved_step:
            return "no checkpoint has been written, so there is no encoder"
        return f"{self._output_dir} keeps the encoder of step {saved_step}"


def _with_perplexity(metrics: dict[str, float]) -> dict[str, float]:
    if "mlm_loss" not in metrics:
        return metrics
    loss = min(metrics["mlm_loss"], _MAX_LOSS)
    return {**metrics, "mlm_perplexity": math.exp(loss)}


def _line(entry: Entry) -> str:
    """Formats metrics of held-out text, or of training if there is none."""
    group = "held_out" if entry["held_out"] else "training"
    return (
        f"step {entry['step']}: {group.replace('_', ' ')}: "
        f"{describe(entry[group])} "
        f"({entry['seconds']:.0f} s of training)"
    )

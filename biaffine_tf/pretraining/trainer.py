"""A pretraining run: steps, held-out figures, checkpoints, the encoder."""

from __future__ import annotations

import itertools
import math
import os
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Self

import tensorflow as tf
from tqdm import tqdm

from biaffine_tf.files import write_json
from biaffine_tf.pretraining.batches import epoch_batches
from biaffine_tf.pretraining.objectives import (
    Batch,
    PretrainingObjective,
)
from biaffine_tf.pretraining.output import CHECKPOINTS, HISTORY, LOGS
from biaffine_tf.pretraining.settings import PretrainingConfig
from biaffine_tf.pretraining.step import Stepper, Sums, weights_of
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.training.divergence import (
    Remedies,
    check_steps,
    check_weights,
)
from biaffine_tf.training.run_state import RunCheckpoints

# Far worse than guessing; e^1000 is no float.
_MOST_LOSS = 100.0

# Writes the encoder as it is now into the output directory.
WriteEncoder = Callable[[], None]


class Position(tf.Module):
    """Where in the run and in the corpus the next step begins."""

    def __init__(self) -> None:
        super().__init__()
        self._step = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._epoch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._batch = tf.Variable(0, dtype=tf.int64, trainable=False)
        self._seconds = tf.Variable(0.0, dtype=tf.float64, trainable=False)
        self.step = self.epoch = self.batch = 0
        self.seconds = 0.0

    def load(self) -> None:
        """Takes what a checkpoint has restored."""
        self.step = int(self._step.numpy())
        self.epoch = int(self._epoch.numpy())
        self.batch = int(self._batch.numpy())
        self.seconds = float(self._seconds.numpy())

    def store(self) -> None:
        """Leaves it for a checkpoint to save."""
        self._step.assign(self.step)
        self._epoch.assign(self.epoch)
        self._batch.assign(self.batch)
        self._seconds.assign(self.seconds)


def train(
    config: PretrainingConfig,
    records: Records,
    objective: PretrainingObjective,
    *,
    strategy: tf.distribute.Strategy,
    output_dir: str,
    write_encoder: WriteEncoder,
    steps_per_evaluation: int,
    steps_per_checkpoint: int,
    max_eval_batches: int,
) -> dict[str, Any]:
    """Pretrains, or goes on from the last checkpoint of a killed run.

    Args:
        config: The run; the same as when it was started.
        records: Text to learn from and held-out text.
        objective: Built under the strategy, with its initial weights.
        strategy: From `training.trainer.set_up`.
        output_dir: Where checkpoints, history and logs go.
        write_encoder: Called after each checkpoint, and when one is gone on
            from: a kill may have come between the two.
        steps_per_evaluation: Steps between two looks at held-out text.
        steps_per_checkpoint: Most steps that a kill can lose.
        max_eval_batches: Most batches of held-out text to look at.

    Returns:
        The last entry of the history: figures on held-out text, time.
    """
    run = _Run(
        config,
        records,
        objective,
        strategy=strategy,
        output_dir=output_dir,
        max_eval_batches=max_eval_batches,
    )
    if run.restore():
        write_encoder()
    run.watch()
    at = run.position
    progress = _Progress(run, config.num_train_steps)
    begun = time.perf_counter()
    with progress:
        for batches in run.steps():
            run.stepper.step(batches, at.step)
            at.step += 1
            at.batch += len(batches)
            now = time.perf_counter()
            # With what it waited for data and devices.
            at.seconds += now - begun
            begun = now
            progress.show(run)
            is_last = at.step == config.num_train_steps
            evaluates = is_last or at.step % steps_per_evaluation == 0
            saves = is_last or at.step % steps_per_checkpoint == 0
            run.check(at_once=evaluates or saves)
            if evaluates:
                run.evaluate()
                begun = time.perf_counter()
            if saves:
                run.save()
                write_encoder()
                begun = time.perf_counter()
    return run.history[-1]


class _Run:
    """The state of a run, in memory and on disk."""

    def __init__(
        self,
        config: PretrainingConfig,
        records: Records,
        objective: PretrainingObjective,
        *,
        strategy: tf.distribute.Strategy,
        output_dir: str,
        max_eval_batches: int,
    ) -> None:
        self._config = config
        self._records = records
        self._strategy = strategy
        self._output_dir = output_dir
        self._max_eval_batches = max_eval_batches
        self._log = tf.summary.create_file_writer(
            os.path.join(output_dir, LOGS)
        )
        self.position = Position()
        self.history: list[dict[str, Any]] = []
        with strategy.scope():
            self.stepper = Stepper(
                objective,
                config,
                pad_id=records.pad_id,
                strategy=strategy,
                batch_spec=self._batches(Split.TRAIN, 0).element_spec,
            )
            checkpoint = tf.train.Checkpoint(
                objective=objective,
                optimizer=self.stepper.optimizer,
                position=self.position,
            )
        self._checkpoints = RunCheckpoints(
            checkpoint, os.path.join(output_dir, CHECKPOINTS)
        )
        self._saved = 0
        self._weights = {v.name: v for v in weights_of(objective)}
        self._remedies = Remedies(
            learning_rate=config.learning_rate,
            max_gradient_norm=config.max_gradient_norm,
            precision=config.precision,
        )

    def restore(self) -> bool:
        """Goes back to the newest checkpoint; returns whether there is one."""
        found = self._checkpoints.restore()
        if found is None:
            return False
        self.position.load()
        self._saved = self.position.step
        self.history = found.state["evaluations"]
        # Not in checkpoints of older versions.
        if (sums := found.state.get("sums")) is not None:
            self.stepper.restore(sums)
        if self.history:  # else no evaluation has been
            self._write_history()
        print(f"going on after step {self._saved}, from {found.path}")
        return True

    def watch(self) -> None:
        """Begins to look for losses and gradients that are no numbers."""
        self.stepper.figures.begin(self.position.step)

    def check(self, *, at_once: bool) -> None:
        """Ends the run if it has diverged.

        Args:
            at_once: Look now, at the weights too; else when it is time.
        """
        step, figures = self.position.step, self.stepper.figures
        kept = "no checkpoint has been written, so that there is no encoder"
        if self._saved:
            kept = f"{self._output_dir} keeps the encoder of step {self._saved}"
        if at_once or figures.is_due(step):
            check_steps(figures.read(step), self._remedies, kept=kept)
        if at_once:
            check_weights(self._weights, self._remedies, step=step, kept=kept)

    def steps(self) -> Iterator[list[Batch]]:
        """The batches of each step that is still to do."""
        at = self.position
        size = self._config.gradient_accumulation
        while at.step < self._config.num_train_steps:
            stream = iter(self._batches(Split.TRAIN, at.epoch, skip=at.batch))
            while batches := list(itertools.islice(stream, size)):
                yield batches
                if at.step == self._config.num_train_steps:
                    return
            at.epoch += 1
            at.batch = 0

    def evaluate(self) -> None:
        """Looks at held-out text and writes down what is seen."""
        training = self.stepper.read().means()
        self.stepper.clear()
        begun = time.perf_counter()
        if self._records.num_records(Split.HELD_OUT):
            batches = self._batches(
                Split.HELD_OUT, 0, max_batches=self._max_eval_batches
            )
            for index, batch in enumerate(batches):
                self.stepper.evaluate(batch, tf.constant([index, 0]))
        figures = _with_perplexity(self.stepper.read().means())
        self.stepper.clear()
        entry = {
            "step": self.position.step,
            "epoch": self.position.epoch,
            "seconds": round(self.position.seconds, 1),
            "evaluation_seconds": round(time.perf_counter() - begun, 1),
            "training": training,
            "held_out": figures,
        }
        self.history.append(entry)
        self._write_history()
        self._write_scalars("held_out", figures)
        self._write_scalars("training", training)
        tqdm.write(_line(entry))

    def save(self) -> None:
        """Writes a checkpoint: from here a killed run goes on."""
        self.position.store()
        self._saved = self.position.step
        state = {"evaluations": self.history, "sums": self.stepper.state()}
        self._checkpoints.save(self._saved, state)

    def _batches(
        self,
        split: Split,
        epoch: int,
        *,
        skip: int = 0,
        max_batches: int | None = None,
    ) -> tf.data.Dataset:
        batches = epoch_batches(
            self._records,
            split=split,
            epoch=epoch,
            batch_size=self._config.train_batch_size,
            masking=self._config.masking,
            max_predictions=self._config.max_predictions_per_seq,
            seed=self._config.seed,
            skip=skip,
            max_batches=max_batches,
        )
        if self._strategy.num_replicas_in_sync > 1:
            batches = self._strategy.experimental_distribute_dataset(batches)
        return batches

    def _write_history(self) -> None:
        path = os.path.join(self._output_dir, HISTORY)
        write_json(path, {"evaluations": self.history})

    def _write_scalars(self, group: str, figures: dict[str, float]) -> None:
        with self._log.as_default(step=self.position.step):
            for name, value in figures.items():
                # Written as float32, which may be infinity.
                value = tf.constant(value, tf.float64)
                tf.summary.scalar(f"{group}/{name}", value)
        self._log.flush()


class _Progress:
    """A bar over the steps, with the figures of the last stretch."""

    def __init__(self, run: _Run, total: int) -> None:
        self._bar = tqdm(
            desc="pretraining",
            total=total,
            initial=run.position.step,
            unit=" steps",
            mininterval=0,
        )
        # A terminal redraws one line; a log file gets a line each time.
        self._interval = 1.0 if sys.stderr.isatty() else 30.0
        self._shown = time.monotonic()
        self._seconds = run.position.seconds
        self._sums = run.stepper.read()
        self._evaluations = len(run.history)

    def show(self, run: _Run) -> None:
        now = time.monotonic()
        if now - self._shown < self._interval:
            return
        total = run.stepper.read()
        if len(run.history) > self._evaluations:  # which clear the sums
            self._sums, self._evaluations = Sums(), len(run.history)
        sums, self._sums = total.since(self._sums), total
        figures = {name: f"{mean:.3f}" for name, mean in sums.means().items()}
        rate = sums.pieces / (run.position.seconds - self._seconds)
        self._bar.set_postfix(
            {**figures, "pieces/s": f"{rate:.0f}"}, refresh=False
        )
        self._bar.update(run.position.step - self._bar.n)
        self._shown, self._seconds = now, run.position.seconds

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._bar.update(self._bar.total - self._bar.n)
        self._bar.close()


def _with_perplexity(figures: dict[str, float]) -> dict[str, float]:
    if "mlm_loss" not in figures:
        return figures
    loss = min(figures["mlm_loss"], _MOST_LOSS)
    return {**figures, "mlm_perplexity": math.exp(loss)}


def _line(entry: dict[str, Any]) -> str:
    """What is seen of held-out text; of the training where there is none."""
    group = "held_out" if entry["held_out"] else "training"
    figures = ", ".join(
        f"{name.replace('_', ' ')} {_number(value)}"
        for name, value in entry[group].items()
    )
    return (
        f"step {entry['step']}: {group.replace('_', ' ')}: {figures} "
        f"({entry['seconds']:.0f} s of training)"
    )


def _number(value: float) -> str:
    return f"{value:.4f}" if value < 1e6 else f"{value:.3e}"

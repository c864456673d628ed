"""The training loop of fine-tuning and pretraining.

Evaluates and saves a run of steps at intervals. The files on disk are complete
at any moment: a killed run continues from its last checkpoint, also in the
middle of an epoch, and ends in the same weights as an undisturbed one.
"""

from __future__ import annotations

import dataclasses
import itertools
import os
import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import tensorflow as tf
from tqdm import tqdm

from biaffine_tf.files import write_json
from biaffine_tf.model_directory import CHECKPOINTS, HISTORY, LOGS
from biaffine_tf.training.curves import StepCurves, draw
from biaffine_tf.training.divergence import check_steps, check_weights
from biaffine_tf.training.metrics import MetricMeans
from biaffine_tf.training.objective import Batch, BatchSource
from biaffine_tf.training.optimizer import is_large
from biaffine_tf.training.position import Period, Position
from biaffine_tf.training.progress import Progress
from biaffine_tf.training.run_state import RunCheckpoints
from biaffine_tf.training.termination import Terminated, Termination
from biaffine_tf.training.update import Updater, UpdateSettings

Entry = dict[str, Any]


class Evaluated(NamedTuple):
    """Result of an evaluation.

    Attributes:
        entry: An entry of the history, JSON values.
        curves: Values for TensorBoard, by the name of the curve.
        point: Step or epoch of these values.
    """

    entry: Entry
    curves: dict[str, float]
    point: int


class Evaluation(Protocol):
    """Evaluates a model in training.

    Attributes:
        history_key: Key of the entries in history.json.
    """

    history_key: str

    def evaluate(
        self,
        at: Position,
        metrics: MetricMeans,
        *,
        seconds: float,
        history: list[Entry],
    ) -> Evaluated:
        """Evaluates, reports, and keeps the model if it is the best.

        Args:
            at: Position in the run.
            metrics: Training metrics since the last evaluation.
            seconds: Seconds of training since then.
            history: Entries so far.
        """

    def stop_reason(self, history: list[Entry]) -> str | None:
        """Returns a reason to end the run now, if there is one."""

    def describe_kept(self, history: list[Entry], saved_step: int) -> str:
        """Describes the run's files on disk, if it ended now.

        Args:
            history: Entries so far.
            saved_step: Step of the last checkpoint; 0 if there is none.
        """


class Loop:
    """Runs an objective from its first step or its last checkpoint.

    Args:
        updater: Objective and optimizer.
        batches: Training batches.
        evaluation: How to evaluate.
        settings: Settings of the run.
        output_dir: Directory of checkpoints, history and logs.
        total_steps: Number of steps of the run.
        evaluate_every: When to evaluate, besides the end of the run.
        save_every: When to save a checkpoint, besides the end of the run.
        after_save: Called after each checkpoint, and again when a run continues
            from one, since it may have been killed before the call.

    Attributes:
        position: Position of the next step.
        history: Entries of all evaluations so far.
    """

    def __init__(
        self,
        updater: Updater,
        batches: BatchSource,
        evaluation: Evaluation,
        settings: UpdateSettings,
        *,
        output_dir: str,
        total_steps: int,
        evaluate_every: Period,
        save_every: Period,
        after_save: Callable[[], None] = lambda: None,
    ) -> None:
        self.position = Position()
        self.history: list[Entry] = []
        self._updater = updater
        self._batches = batches
        self._evaluation = evaluation
        self._settings = settings
        self._output_dir = output_dir
        self._total_steps = total_steps
        self._evaluate_every = evaluate_every
        self._save_every = save_every
        self._after_save = after_save
        extra = {"average": updater.average} if updater.average else {}
        self._checkpoints = RunCheckpoints(
            tf.train.Checkpoint(
                objective=updater.objective,
                optimizer=updater.optimizer,
                **extra,
            ),
            os.path.join(output_dir, CHECKPOINTS),
        )
        self._evaluated = _Moment()
        self._saved = _Moment()
        self._stream: Iterator[Batch] | None = None
        self._log = tf.summary.create_file_writer(
            os.path.join(output_dir, LOGS)
        )

    def restore(self) -> bool:
        """Restores the newest complete checkpoint.

        Returns:
            Whether there is one.

        Raises:
            ConfigError: If there are checkpoints, but none can be read.
        """
        restored = self._checkpoints.restore()
        if restored is None:
            return False
        state = restored.state
        self.position = Position(**state["position"])
        self._evaluated = _Moment(**state["evaluated"])
        self.history = state["history"]
        self._updater.sums.restore(state["sums"])
        self._saved = _Moment(self.position.step, self.position.seconds)
        if self.history:
            self._write_history()
        print(
            f"continuing after step {self.position.step} of "
            f"{self._total_steps}, from {restored.path}",
            flush=True,
        )
        self._after_save()
        return True

    def run(self) -> None:
        """Trains, evaluates and saves until the end of the run.

        Raises:
            ConfigError: If loss, gradients or weights are no longer finite.
            Terminated: On SIGTERM, after the run has been saved.
        """
        unit = self._updater.objective.unit
        at = self.position
        self._describe_tables()
        self._updater.log.begin(at.step)
        curves = StepCurves(
            self._log,
            total_steps=self._total_steps,
            unit=unit,
            seconds=at.seconds,
        )
        bar = Progress(
            self._updater.sums,
            total=self._total_steps,
            unit=unit,
            step=at.step,
            seconds=at.seconds,
        )
        with self._updater.strategy.scope(), Termination() as termination, bar:
            try:
                while self._pause(termination, curves, bar):
                    begun = time.perf_counter()
                    self._step()
                    at.seconds += time.perf_counter() - begun
                    bar.update(at.step, at.epoch + 1, at.seconds)
            except Terminated:
                if at.step > self._saved.step:
                    self._save()
                tqdm.write(
                    f"stopped by SIGTERM after step {at.step}; the same "
                    "command continues from there"
                )
                raise
        curves.end()

    def _describe_tables(self) -> None:
        """Names the tables of which a step updates only some rows."""
        for name, variable in self._updater.weights.items():
            if is_large(variable):
                tqdm.write(
                    f"{name} has {variable.shape[0]} rows: each step updates "
                    "those of its batch"
                )

    def _pause(
        self, termination: Termination, curves: StepCurves, bar: Progress
    ) -> bool:
        """Evaluates and saves if due; returns whether the run goes on."""
        at = self.position
        is_end = at.step >= self._total_steps
        evaluates = at.step > self._evaluated.step and (
            is_end or self._evaluate_every.is_due(at)
        )
        saves = at.step > self._saved.step and (
            is_end
            or termination.requested
            or self._save_every.is_due(
                at, seconds=time.monotonic() - self._saved.clock
            )
        )
        self._check(curves, thoroughly=evaluates or saves)
        if evaluates:
            bar.show(at.step, at.epoch + (at.batch > 0), at.seconds)
            self._evaluate(termination)
            bar.restart(at.seconds)
        if saves:
            self._save()
        if termination.requested:
            raise Terminated
        if not is_end and (evaluates or self._stream is None):
            reason = self._evaluation.stop_reason(self.history)
            if reason is not None:
                tqdm.write(f"stopped: {reason}")
                if at.step > self._saved.step:
                    self._save()
                return False
        return not is_end

    def _step(self) -> None:
        at, per_epoch = self.position, self._batches.per_epoch
        if self._stream is None:
            self._stream = self._batches.read(at.epoch, at.batch)
        size = min(self._settings.gradient_accumulation, per_epoch - at.batch)
        batches = list(itertools.islice(self._stream, size))
        self._updater.step(batches, at.step)
        at.step += 1
        at.batch += size
        if at.batch == per_epoch:
            at.epoch, at.batch = at.epoch + 1, 0

    def _check(self, curves: StepCurves, *, thoroughly: bool) -> None:
        """Checks for divergence, and draws the latest steps.

        Args:
            curves: Curves to draw.
            thoroughly: Whether to check all steps and weights now, instead of
                the steps at intervals.
        """
        step, log = self.position.step, self._updater.log
        if not thoroughly and not log.is_due(step):
            return
        kept = self._evaluation.describe_kept(self.history, self._saved.step)
        latest = log.read(step)
        check_steps(latest, self._settings, kept=kept)
        curves.add(latest, seconds=self.position.seconds)
        if thoroughly:
            check_weights(
                self._updater.weights, self._settings, step=step, kept=kept
            )

    def _evaluate(self, termination: Termination) -> None:
        at = self.position
        # SIGTERM interrupts an evaluation, which is then done again as a whole.
        with termination.at_once():
            entry, curves, point = self._evaluation.evaluate(
                at,
                self._updater.sums.read(),
                seconds=at.seconds - self._evaluated.seconds,
                history=self.history,
            )
        draw(self._log, curves, step=point)
        self._log.flush()
        self._updater.sums.reset()
        self._evaluated = _Moment(at.step, at.seconds)
        self.history.append(entry)
        self._write_history()

    def _save(self) -> None:
        at = self.position
        self._checkpoints.save(
            at.step,
            {
                "position": dataclasses.asdict(at),
                "evaluated": self._evaluated.to_json(),
                "history": self.history,
                "sums": self._updater.sums.state(),
            },
        )
        self._saved = _Moment(at.step, at.seconds)
        self._after_save()

    def _write_history(self) -> None:
        write_json(
            os.path.join(self._output_dir, HISTORY),
            {self._evaluation.history_key: self.history},
        )


@dataclasses.dataclass(frozen=True)
class _Moment:
    """Time of the last evaluation or checkpoint."""

    step: int = 0
    seconds: float = 0.0
    clock: float = dataclasses.field(default_factory=time.monotonic)

    def to_json(self) -> dict[str, Any]:
        return {"step": self.step, "seconds": self.seconds}

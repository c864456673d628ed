"""What happens at the end of a batch and of an epoch."""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable
from typing import Any

import tf_keras
from tqdm import tqdm

from biaffine_tf.files import write_json
from biaffine_tf.training.run_state import RunCheckpoints


class Progress(tf_keras.callbacks.Callback):
    """A bar for each epoch: loss, both accuracies, sentences a second.

    Args:
        sentences: Sentences in an epoch.
        epochs: Epochs of the run.
    """

    def __init__(self, *, sentences: int, epochs: int) -> None:
        super().__init__()
        self._sentences = sentences
        self._epochs = epochs
        self._bar: tqdm | None = None
        # A terminal redraws one line; a log file gets a line each time.
        self._interval = 1.0 if sys.stderr.isatty() else 30.0
        self._shown = 0.0
        # Keras then leaves the metrics on the device at each step.
        self._supports_tf_logs = True

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Starts the bar."""
        self._bar = tqdm(
            desc=f"epoch {epoch + 1}/{self._epochs}",
            total=self._sentences,
            unit=" sentences",
            mininterval=0,
        )
        self._shown = time.monotonic()

    def on_train_batch_end(
        self, batch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Moves the bar now and then; reading metrics waits for the device."""
        if logs and time.monotonic() - self._shown >= self._interval:
            self._show(logs)

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Moves the bar to the end and closes it."""
        if self._bar is not None:
            self._show(logs or {})
            self._bar.close()

    def close(self) -> None:
        """Closes the bar where it is, so that other lines can follow."""
        if self._bar is not None:
            self._bar.close()

    def _show(self, logs: dict[str, Any]) -> None:
        if self._bar is None or not logs:
            return
        values = {name: float(value) for name, value in logs.items()}
        self._bar.set_postfix(
            loss=f"{values['loss']:.3f}",
            positive=f"{values['positive_accuracy']:.4f}",
            negative=f"{values['negative_accuracy']:.5f}",
            refresh=False,
        )
        self._bar.update(int(values["sentences"]) - self._bar.n)
        self._shown = time.monotonic()


@dataclasses.dataclass
class History:
    """The scores of every epoch so far, kept in a file.

    Attributes:
        path: The file.
        epochs: One entry an epoch, in order.
    """

    path: str
    epochs: list[dict[str, Any]] = dataclasses.field(default_factory=list)

    def append(self, entry: dict[str, Any]) -> None:
        """Adds an epoch and writes the file."""
        self.epochs.append(entry)
        self.write()

    def write(self) -> None:
        """Writes the file."""
        write_json(self.path, {"epochs": self.epochs})

    @property
    def best_f1(self) -> float:
        """The best micro F1 so far; 0 before the first epoch or without one."""
        return max((_f1(entry) for entry in self.epochs), default=0.0)

    @property
    def epochs_since_best(self) -> int:
        """Epochs after the first one that has the best micro F1."""
        scores = [_f1(entry) for entry in self.epochs]
        return len(scores) - 1 - scores.index(max(scores)) if scores else 0

    @property
    def seconds(self) -> float:
        """Time of all epochs, over all starts of the run."""
        return sum(entry["seconds"] for entry in self.epochs)


class EvaluateEpoch(tf_keras.callbacks.Callback):
    """Scores the dev set, keeps the best model, stops early, checkpoints.

    The order makes a kill at any moment harmless: what is on disk is either
    from before this epoch, which is then done again, or complete.

    Args:
        evaluate: Scores the model; returns flat figures, `micro_f1` among
            them, or none if there is no dev set.
        keep: Called with the newest entry when it is the best, and while no
            epoch has found anything or there is no dev set.
        history: Scores so far.
        patience: Epochs without a better micro F1 before stopping; None never.
        checkpoints: Saves the state of the run.
        hint: Advice, if there is any, from the entries so far.
    """

    def __init__(
        self,
        *,
        evaluate: Callable[[], dict[str, float]],
        keep: Callable[[dict[str, Any]], None],
        history: History,
        patience: int | None,
        checkpoints: RunCheckpoints,
        hint: Callable[[list[dict[str, Any]]], str | None],
    ) -> None:
        super().__init__()
        self._evaluate = evaluate
        self._keep = keep
        self._history = history
        self._patience = patience
        self._checkpoints = checkpoints
        self._hint = hint
        self._begun = 0.0

    def on_epoch_begin(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Starts the clock."""
        self._begun = time.perf_counter()

    def on_epoch_end(
        self, epoch: int, logs: dict[str, Any] | None = None
    ) -> None:
        """Scores, keeps, records, checkpoints, in this order."""
        logs = {} if logs is None else logs
        trained = time.perf_counter()
        scores = self._evaluate()
        ended = time.perf_counter()
        entry = {
            "epoch": epoch + 1,
            **{name: float(value) for name, value in logs.items()},
            **scores,
            "training_seconds": trained - self._begun,
            "evaluation_seconds": ended - trained,
            "seconds": ended - self._begun,
        }
        logs.update(scores)  # for TensorBoard
        best, f1 = self._history.best_f1, _f1(entry)
        tqdm.write(_summary(entry, is_best=f1 > best))
        # While nothing is found, the longest training has learnt the most.
        if f1 > best or not best:
            self._keep(entry)
        self._history.append(entry)
        self._checkpoints.save(epoch + 1, {"epochs": self._history.epochs})
        if (hint := self._hint(self._history.epochs)) is not None:
            tqdm.write(hint)
        if self.stopped_early:
            tqdm.write(
                f"stopped: no better micro F1 for {self._patience} epochs"
            )
            self.model.stop_training = True

    @property
    def stopped_early(self) -> bool:
        """Whether the patience is used up."""
        if self._patience is None:
            return False
        return self._history.epochs_since_best >= self._patience


def _f1(entry: dict[str, Any]) -> float:
    return entry.get("micro_f1", 0.0)


def _summary(entry: dict[str, Any], *, is_best: bool) -> str:
    trained = (
        f"epoch {entry['epoch']}: loss {entry['loss']:.4f}, "
        f"positive accuracy {entry['positive_accuracy']:.4f}, "
        f"negative accuracy {entry['negative_accuracy']:.5f}"
    )
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

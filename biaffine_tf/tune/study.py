"""A search with Optuna, which is loaded when needed; it survives kills."""

from __future__ import annotations

import enum
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from biaffine_tf.errors import ConfigError
from biaffine_tf.tune.space import Parameter

DATABASE = "study.db"
_NAME = "biaffine_tf"
_ERROR = "error"  # attribute of trials whose command has failed
_STARTUP = 5  # trials before any is pruned
_WARM_UP = 1  # epochs of each trial before it may be pruned


class Sampler(enum.StrEnum):
    """Method to choose the next trial.

    - `tpe`: tree-structured Parzen estimators (Bergstra et al. 2011,
      https://papers.nips.cc/paper/4443).
    - `random`: independent draws.
    """

    TPE = "tpe"
    RANDOM = "random"


class Pruner(enum.StrEnum):
    """Method to end hopeless trials early.

    - `median`: if the best F1 so far is below the median of earlier trials at
      the same epoch.
    """

    MEDIAN = "median"
    NONE = "none"


class Result(NamedTuple):
    """The end of a trial's training.

    Attributes:
        f1: Best dev micro F1; None if there is none.
        is_pruned: Whether it was ended early.
        error: Why it has failed; empty if it has not.
    """

    f1: float | None
    is_pruned: bool = False
    error: str = ""


class Row(NamedTuple):
    """A trial as the table shows it; the first has the number 1."""

    number: int
    state: str
    f1: float | None
    epochs: int
    seconds: float
    values: dict[str, Any]


# Trains with values in a folder; is told to report the F1 of epochs to a
# function that returns whether to stop.
Train = Callable[[dict[str, Any], Callable[[int, float], bool]], Result]


class Study:
    """A search in a folder.

    Args:
        folder: Folder of the database.
        parameters: Space of the search.
        sampler: Method to choose trials.
        pruner: Method to end trials.
        seed: Random seed; trial n depends on it, on n and on the trials before.

    Raises:
        ConfigError: If Optuna is not installed.
    """

    def __init__(
        self,
        folder: str,
        parameters: Sequence[Parameter],
        *,
        sampler: Sampler,
        pruner: Pruner,
        seed: int,
    ) -> None:
        self._optuna = _load_optuna()
        self._parameters = parameters
        self._sampler, self._seed = sampler, seed
        path = os.path.abspath(os.path.join(folder, DATABASE))
        pruners = self._optuna.pruners
        self._study = self._optuna.create_study(
            storage=f"sqlite:///{path}",
            study_name=_NAME,
            direction="maximize",
            load_if_exists=True,
            pruner=pruners.MedianPruner(
                n_startup_trials=_STARTUP, n_warmup_steps=_WARM_UP
            )
            if pruner is Pruner.MEDIAN
            else pruners.NopPruner(),
        )
        self._take_up_killed()

    @property
    def finished(self) -> int:
        """Number of trials that have ended by themselves."""
        return sum(row.state != "killed" for row in self.rows())

    def run_trial(self, train: Train) -> Result:
        """Runs the next trial.

        Args:
            train: Trains with the values of the trial.
        """
        number = len(self._study.trials)
        samplers = self._optuna.samplers
        kind = (
            samplers.TPESampler
            if self._sampler is Sampler.TPE
            else samplers.RandomSampler
        )
        # Each trial has a seed of its own: a resumed search repeats no draw.
        self._study.sampler = kind(seed=(self._seed + number) % 2**32)
        trial = self._study.ask()
        values = {one.name: one.suggest(trial) for one in self._parameters}

        def report(epoch: int, f1: float) -> bool:
            trial.report(f1, epoch)
            return bool(trial.should_prune())

        result = train(values, report)
        states = self._optuna.trial.TrialState
        if result.error:
            trial.set_user_attr(_ERROR, result.error)
            self._study.tell(trial, state=states.FAIL)
        elif result.is_pruned:
            self._study.tell(trial, state=states.PRUNED)
        else:
            self._study.tell(trial, result.f1)
        return result

    def rows(self) -> list[Row]:
        """Returns the trials that have ended or were killed, in order."""
        return [
            _row(trial)
            for trial in self._study.get_trials(deepcopy=False)
            if trial.state.is_finished()
        ]

    def best(self) -> Row | None:
        """Returns the complete trial with the highest F1; None if none is."""
        done = [row for row in self.rows() if row.state == "complete"]
        return max(
            done, key=lambda row: (row.f1 or 0.0, -row.number), default=None
        )

    def _take_up_killed(self) -> None:
        """Gives trials whose process was killed another start."""
        states = self._optuna.trial.TrialState
        for trial in self._study.get_trials(states=(states.RUNNING,)):
            self._study.tell(trial.number, state=states.FAIL)
            if trial.params:
                self._study.enqueue_trial(trial.params)


def folder_of(values: dict[str, Any]) -> str:
    """Returns the folder name of a trial: equal values share their training."""
    text = json.dumps(values, sort_keys=True)
    return f"trial-{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def table(rows: Sequence[Row]) -> Iterator[str]:
    """Yields the lines of a table of trials, values separated by tabs."""
    names = list(dict.fromkeys(name for row in rows for name in row.values))
    yield "\t".join(["trial", "state", "micro_f1", "epochs", "seconds", *names])
    for row in rows:
        f1 = "" if row.f1 is None else f"{row.f1:.4f}"
        cells = [row.number, row.state, f1, row.epochs, f"{row.seconds:.0f}"]
        cells += [row.values.get(name, "") for name in names]
        yield "\t".join(map(str, cells))


def _row(trial: Any) -> Row:
    state = trial.state.name.lower()
    reached = trial.intermediate_values
    f1 = trial.value
    if f1 is None and reached:
        f1 = max(reached.values())
    if state == "fail":
        state = "failed" if _ERROR in trial.user_attrs else "killed"
    spent = trial.duration.total_seconds() if trial.duration else 0.0
    number = trial.number + 1  # as in "trial 1 of 20"
    return Row(number, state, f1, len(reached), spent, dict(trial.params))


def _load_optuna() -> Any:
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise ConfigError(
            "this needs optuna, which is not installed",
            remedy="in the folder of biaffine_tf: pip install '.[tune]'",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna

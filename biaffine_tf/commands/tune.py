r"""Searches the flags of training: trials in processes of their own.

biaffine-tune --train_data=train.json --eval_data=dev.json \
    --encoder_dir=ENCODER --trials=20 --study=STUDY \
    --search=learning_rate:log:1e-5:1e-3 --search=head_dropout:0.1,0.3

Takes the flags of biaffine-train but for --output_dir. After a kill, the same
command goes on with the trial that was killed; more --trials add to a study.
STUDY holds trials.tsv, best.flags for --flagfile, plots, and a SQLite database
of Optuna (pip install '.[tune]').
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import os
from collections.abc import Callable
from typing import Any, NoReturn

from biaffine_tf import model_directory
from biaffine_tf.commands import flags, running
from biaffine_tf.commands import training_inputs as inputs
from biaffine_tf.commands.flag_types import (
    FLAGS,
    Inputs,
    Path,
    as_argument,
    define,
    given_arguments,
)
from biaffine_tf.config import setting
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import atomic_write, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.locks import locked, wait_until_free
from biaffine_tf.processes import our_command, run_command
from biaffine_tf.tune import plots, space
from biaffine_tf.tune.study import (
    Pruner,
    Result,
    Row,
    Sampler,
    Study,
    folder_of,
    table,
)

_TRIALS = "trials"
_PLOTS = "plots"
_ABOUT = "study.json"
# Flags that cannot be searched, or that trials do not get.
_NOT_OF_TRIALS = ("output_dir", "plan", "check_only", "overwrite", "test_data")


@dataclasses.dataclass
class TuneFlags:
    """A search over flags of training."""

    study: Path | None = setting(None, help="Folder of the search.")
    trials: int = setting(
        20, minimum=1, help="Trials of the study, earlier ones included."
    )
    search: Inputs | None = setting(
        None,
        help="Flag to search, once for each: NAME:LOW:HIGH, NAME:log:LOW:HIGH "
        "or NAME:A,B,C.",
    )
    sampler: Sampler = setting(
        Sampler.TPE,
        help="Choose trials by tree-structured Parzen estimators, or randomly.",
    )
    pruner: Pruner = setting(
        Pruner.MEDIAN,
        help="End a trial whose dev micro F1 is below the median of earlier "
        "trials at the same epoch, or none.",
    )


def main() -> None:
    """Runs the trials that are missing."""
    parameters = space.parse(FLAGS.search, _convert)
    if not (FLAGS.eval_data or FLAGS.dev_fraction or FLAGS.fold):
        raise ConfigError(
            "a search needs a dev set",
            remedy="give --eval_data or --dev_fraction",
        )
    for name in _NOT_OF_TRIALS:
        if FLAGS[name].present and FLAGS[name].value:
            raise ConfigError(
                f"--{name} is given, which a search does without",
                remedy=f"leave out --{name}",
            )
    folder = os.path.abspath(FLAGS.study)
    with locked(folder):
        _check_same(folder)
        study = Study(
            folder,
            parameters,
            sampler=FLAGS.sampler,
            pruner=FLAGS.pruner,
            seed=FLAGS.seed,
        )
        while study.finished < FLAGS.trials:
            print(f"trial {study.finished + 1} of {FLAGS.trials}", flush=True)
            result = study.run_trial(functools.partial(_train, folder))
            _write(folder, study, parameters)
            if result.error and study.best() is None:
                raise ConfigError(
                    f"a trial has failed: {result.error}",
                    remedy="correct the flags and start again in another "
                    "--study",
                )
        _write(folder, study, parameters)
        _print(folder, study)


def _convert(name: str, text: str) -> Any:
    """Converts a value of a flag; see `space.parse`."""
    own = [field.name for field in dataclasses.fields(TuneFlags)]
    if name not in FLAGS or name in (*own, *_NOT_OF_TRIALS):
        close = difflib.get_close_matches(name, FLAGS, n=1)
        raise ConfigError(
            f"--search names {name!r}, which is no flag of training",
            remedy=f"did you mean {close[0]}?" if close else "see --help",
        )
    return FLAGS[name].parser.parse(text)


def _check_same(folder: str) -> None:
    """Checks that a folder is new or of this search, and describes it.

    Raises:
        ConfigError: If it holds another search.
    """
    own = [field.name for field in dataclasses.fields(TuneFlags)]
    about = {
        "search": list(FLAGS.search),
        "sampler": str(FLAGS.sampler),
        "pruner": str(FLAGS.pruner),
        "flags": given_arguments(besides=own),
        "data": {
            name: corpus.fingerprint()
            for name in ("train_data", "eval_data")
            if (corpus := inputs.open_corpus(name, flags.read_options()))
        },
    }
    path = os.path.join(folder, _ABOUT)
    try:
        before = read_json(
            path, what="of a search", remedy="give another --study"
        )
    except FileNotFoundError:
        write_json(path, about)
        return
    differing = [
        key for key, value in about.items() if before.get(key) != value
    ]
    if differing:
        raise ConfigError(
            f"{folder}: holds another search, which differs in "
            f"{', '.join(differing)}",
            remedy="give another --study",
        )


def _train(
    folder: str, values: dict[str, Any], report: Callable[[int, float], bool]
) -> Result:
    """Trains with the values of a trial; see `study.Train`."""
    trial = os.path.join(folder, _TRIALS, folder_of(values))
    os.makedirs(os.path.dirname(trial), exist_ok=True)
    wait_until_free(trial)
    print(", ".join(f"{k}={v}" for k, v in values.items()), flush=True)
    own = [field.name for field in dataclasses.fields(TuneFlags)]
    reported = 0
    is_pruned = False

    def watch() -> bool:
        nonlocal reported, is_pruned
        scores = _epochs(trial)
        for epoch in range(reported, len(scores)):
            is_pruned |= report(epoch, max(scores[: epoch + 1]))
        reported = max(reported, len(scores))
        return is_pruned

    code = run_command(
        [
            *our_command("train"),
            *given_arguments(besides={*own, *values}),
            *(as_argument(name, value) for name, value in values.items()),
            f"--output_dir={trial}",
        ],
        log=f"{trial}.log",
        watch=watch,
    )
    if is_pruned:
        print(f"pruned after epoch {reported}", flush=True)
        return Result(None, is_pruned=True)
    if code:
        return Result(None, error=f"exit code {code}, see {trial}.log")
    watch()  # of short trials, epochs may have gone by unseen
    found = model_directory.read_scores(trial) or {}
    f1 = found["micro"]["f1"]
    print(f"micro F1 {f1:.4f}", flush=True)
    return Result(f1)


def _epochs(directory: str) -> list[float]:
    """Returns the dev micro F1 of the epochs of a training so far."""
    history = model_directory.read_history(directory)
    return [one.get("micro_f1", 0.0) for one in history]


def _write(
    folder: str, study: Study, parameters: list[space.Parameter]
) -> None:
    """Writes table, plots and best flags."""
    rows = study.rows()
    with atomic_write(os.path.join(folder, "trials.tsv")) as file:
        file.writelines(f"{line}\n" for line in table(rows))
    drawn = {"history": plots.history(rows)}
    drawn |= {one.name: plots.parameter(one, rows) for one in parameters}
    os.makedirs(os.path.join(folder, _PLOTS), exist_ok=True)
    for name, picture in drawn.items():
        with atomic_write(os.path.join(folder, _PLOTS, f"{name}.svg")) as file:
            file.write(picture)
    best = study.best()
    if best is not None:
        with atomic_write(os.path.join(folder, "best.flags")) as file:
            file.writelines(f"{line}\n" for line in _flags(best))


def _flags(best: Row) -> list[str]:
    return [
        f"# Trial {best.number}, dev micro F1 {best.f1 or 0.0:.4f}.",
        *(as_argument(name, value) for name, value in best.values.items()),
    ]


def _print(folder: str, study: Study) -> None:
    for line in table(study.rows()):
        print(line)
    best = study.best()
    if best is not None:
        print(
            f"best: trial {best.number}, micro F1 {best.f1 or 0.0:.4f}, in "
            f"{os.path.join(folder, _TRIALS, folder_of(best.values))}; its "
            f"flags: {os.path.join(folder, 'best.flags')}"
        )


def define_tune_flags() -> None:
    """Defines the flags of training and those of a search."""
    flags.define_training_flags()
    define("Search", TuneFlags)


def run() -> NoReturn:
    """Runs the command and exits the process."""
    define_tune_flags()
    running.run(
        main,
        usage=__doc__,
        required=["train_data", "study", "search"],
        out_of_memory="give a smaller --train_batch_size or --token_budget",
    )

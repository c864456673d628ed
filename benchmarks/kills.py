r"""Kills training at random moments, and compares the weights in the end.

python benchmarks/kills.py [--kills=30] [--seed=0] [--runs=DIR]
    [--only=fine_tuning,mlm,electra,distil]

Each objective is trained on the corpus of examples/ undisturbed, and by the
same command started again after each kill (SIGKILL, up to some seconds after
the first new checkpoint), in as many runs as that many kills take. The weights
and the history, times apart, must be the same byte for byte. The exit code says
whether they are.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).resolve().parent.parent
_POLL = 0.05  # seconds
_MAX_WAIT = 3.0  # seconds between a checkpoint and the kill, at most
_TEACHER = "teacher"
_SAVE = "--save_checkpoints_steps=1"


class Job(NamedTuple):
    """A training run.

    Attributes:
        command: Command and flags, without the output directory.
        weights: Files that must be the same.
        entries: Key of the entries in history.json.
    """

    command: list[str]
    weights: tuple[str, ...]
    entries: str


def jobs(runs: pathlib.Path) -> dict[str, Job]:
    """The runs, by objective.

    Args:
        runs: Folder with `records` of text, and a teacher.
    """
    pretrain = [
        "pretrain/run_pretraining.py",
        f"--records_dir={runs / 'records'}",
        "--bert_config_file=examples/bert_config.json",
        "--num_train_steps=120",
        "--num_warmup_steps=10",
        "--train_batch_size=4",
        "--gradient_accumulation=2",
        "--eval_steps=25",
        "--max_eval_batches=3",
        _SAVE,
    ]
    return {
        "fine_tuning": Job(
            [
                "run_classifier.py",
                "--flagfile=recipes/demo.flags",
                "--num_train_epochs=2",
                "--gradient_accumulation=2",
                "--nocalibrate",
                "--noreport",
                _SAVE,
            ],
            ("weights.safetensors",),
            "epochs",
        ),
        "mlm": Job(
            [*pretrain, "--objective=mlm"],
            ("model.safetensors",),
            "evaluations",
        ),
        "electra": Job(
            [*pretrain, "--objective=electra", "--generator_size=0.5"],
            ("model.safetensors", "generator/model.safetensors"),
            "evaluations",
        ),
        "distil": Job(
            [
                *pretrain,
                "--objective=distil",
                f"--teacher_dir={runs / _TEACHER}",
                "--mlm_weight=1",
            ],
            ("model.safetensors",),
            "evaluations",
        ),
    }


def main() -> int:
    """Runs the jobs; the exit code says whether all are as undisturbed."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--runs", type=pathlib.Path)
    parser.add_argument("--only", default="fine_tuning,mlm,electra,distil")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        runs = options.runs or pathlib.Path(scratch)
        _make_records(runs)
        _make_teacher(runs)
        same = [
            _compare(name, jobs(runs)[name], runs, options.kills, options.seed)
            for name in options.only.split(",")
        ]
    return 0 if all(same) else 1


def _compare(
    name: str, job: Job, runs: pathlib.Path, kills: int, seed: int
) -> bool:
    """Kills runs until there were enough kills, and compares their ends."""
    whole = runs / name / "whole"
    whole.parent.mkdir(parents=True, exist_ok=True)
    _run(job, whole)
    rng = random.Random(seed)
    left, number, same = kills, 0, True
    while left:
        killed = runs / name / f"killed_{number}"
        steps = []
        while left:
            step = _run_and_kill(job, killed, rng.uniform(0, _MAX_WAIT))
            if step is None:  # it has ended
                break
            steps.append(step)
            left -= 1
        _run(job, killed)
        is_same = _result(job, whole) == _result(job, killed)
        print(
            f"{name}: killed {len(steps)} times, last checkpoints of steps "
            f"{steps}: {'the same' if is_same else 'NOT THE SAME'}",
            flush=True,
        )
        same, number = same and is_same, number + 1
    return same


def _run(job: Job, output: pathlib.Path) -> None:
    with open(output.with_suffix(".log"), "a", encoding="utf-8") as log:
        subprocess.run(
            _command(job, output),
            check=True,
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def _run_and_kill(job: Job, output: pathlib.Path, wait: float) -> int | None:
    """Kills the run some time after its first new checkpoint.

    Returns:
        Step of the last checkpoint; None if the run ended before.
    """
    before = _checkpoint(output)
    with open(output.with_suffix(".log"), "a", encoding="utf-8") as log:
        process = subprocess.Popen(
            _command(job, output),
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        while process.poll() is None and _checkpoint(output) == before:
            time.sleep(_POLL)
        time.sleep(wait)
        if process.poll() is not None:
            return None
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    return _checkpoint(output)


def _checkpoint(output: pathlib.Path) -> int:
    """Step of the last complete checkpoint; 0 if there is none."""
    found = (output / "checkpoints").glob("ckpt-*.json")
    return max((int(path.stem.split("-")[1]) for path in found), default=0)


def _result(job: Job, output: pathlib.Path) -> tuple[Any, ...]:
    """Digests of the weights, and the history without times."""
    history = json.loads((output / "history.json").read_text())
    entries = [
        {k: v for k, v in entry.items() if "seconds" not in k}
        for entry in history[job.entries]
    ]
    digests = [
        hashlib.sha256((output / name).read_bytes()).hexdigest()
        for name in job.weights
    ]
    return entries, digests


def _command(job: Job, output: pathlib.Path) -> list[str]:
    return [sys.executable, *job.command, f"--output_dir={output}"]


def _make_records(runs: pathlib.Path) -> None:
    runs.mkdir(parents=True, exist_ok=True)
    subprocess.run(
        [
            sys.executable,
            "pretrain/create_pretraining_data.py",
            "--input_file=examples/unlabelled.txt",
            "--document=line",
            "--held_out=0.1",
            "--vocab_file=examples/vocab.txt",
            f"--output_dir={runs / 'records'}",
            "--max_seq_length=64",
        ],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _make_teacher(runs: pathlib.Path) -> None:
    """Makes an encoder of almost random weights."""
    subprocess.run(
        [
            sys.executable,
            "pretrain/run_pretraining.py",
            f"--records_dir={runs / 'records'}",
            "--bert_config_file=examples/bert_config.json",
            "--num_train_steps=1",
            "--num_warmup_steps=0",
            f"--output_dir={runs / _TEACHER}",
        ],
        check=True,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


if __name__ == "__main__":
    sys.exit(main())

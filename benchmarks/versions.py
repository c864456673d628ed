"""Speed and memory of this program beside those of an earlier commit.

python benchmarks/versions.py --before=COMMIT [--shapes=4x256,...] [--rounds=5]
    [--only=training,pretraining,prediction,head] [--json=FILE]

Both programs are measured in turns, each in a process of its own with two
threads, by the workers of `train_speed`, `pretrain_speed`, `predict_speed` and
`head`. A ratio above 1 says that this program is faster; it is the median over
the rounds. Needs the real data.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, report
from benchmarks.harness import ROOT, Worker, alternate, ratio
from biaffine_tf.files import write_json

WANTED = 0.97
_SEED = 42
_BATCHES = {"4x256": 24, "6x384": 12, "12x768": 4}
_TEXTS = {"4x256": 1343, "6x384": 672, "12x768": 168}
_HEAD_LENGTHS = (64, 256)
_HEAD_CALLS = 20

# Makes a worker of the program in a folder; what it is asked in each round.
Subject = tuple[str, dict[str, Any], dict[str, Any]]


def subjects(shape: str) -> dict[str, Subject]:
    """Measurements of an encoder, by the names of --only."""
    batches = _BATCHES.get(shape, 4)
    texts = data.spread(data.texts("dev"), _TEXTS.get(shape, 168))
    common = {"shape": shape, "seed": _SEED}
    return {
        "training": (
            "benchmarks.workers.ours_training:TrainingSteps",
            {"batches": batches, **common},
            {},
        ),
        "pretraining": (
            "benchmarks.workers.ours_pretraining:MaskedSteps",
            {"batches": batches, **common},
            {},
        ),
        "prediction": (
            "benchmarks.workers.ours_prediction:Predictions",
            {
                "texts": texts,
                "single_texts": data.spread(texts, 64),
                "entities_per_sentence": data.entities_per_sentence("dev"),
                **common,
            },
            {},
        ),
        "prediction, one by one": (
            "benchmarks.workers.ours_prediction:Predictions",
            {
                "texts": texts[:64],
                "single_texts": data.spread(texts, 64),
                "entities_per_sentence": data.entities_per_sentence("dev"),
                **common,
            },
            {"one_by_one": True},
        ),
    }


def heads() -> Iterator[tuple[str, Subject]]:
    """The head alone: loss and gradients of vectors 384 wide."""
    for length in _HEAD_LENGTHS:
        settings = {
            "length": length,
            "num_classes": 11,
            "width": 384,
            "batch": 8,
            "seed": _SEED,
        }
        subject = "benchmarks.workers.ours_head:HeadSteps"
        yield f"head, {length}", (subject, settings, {"repeats": _HEAD_CALLS})


def main() -> int:
    """Measures; the exit code says whether nothing is slower by over 3 %."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--before", required=True, metavar="COMMIT")
    parser.add_argument("--shapes", default="4x256,6x384,12x768")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--only", default="training,pretraining,prediction,head"
    )
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        default=ROOT / "benchmarks" / "results" / "versions.json",
    )
    options = parser.parse_args()
    data.require()
    os.environ["BIAFFINE_DATA"] = str(data.DATA)  # for the other folder
    wanted = tuple(options.only.split(","))
    rows, goals = [], []
    with tempfile.TemporaryDirectory() as name:
        before = pathlib.Path(name)
        _check_out(options.before, before)
        for what, shape, subject in _chosen(wanted, options.shapes.split(",")):
            row = _compare(subject, before, options.rounds, f"{what} {shape}")
            rows.append({"what": what, "encoder": shape, **row})
            goals.append(
                report.Goal.at_least(
                    f"{what} {shape}".strip(), WANTED, row["ratio"]
                )
            )
    report.print_table("now over before", rows)
    found = [goal._asdict() for goal in goals]
    report.print_table("goals", found)
    write_json(
        options.json,
        {
            "before": options.before,
            "rounds": options.rounds,
            "machine": report.machine(),
            "versions": report.versions(),
            "rows": rows,
            "goals": found,
        },
    )
    return int(not all(goal.met for goal in goals))


def _chosen(
    wanted: tuple[str, ...], shapes: list[str]
) -> Iterator[tuple[str, str, Subject]]:
    for shape in shapes:
        for what, subject in subjects(shape).items():
            if what.startswith(wanted):
                yield what, shape, subject
    for what, subject in heads():
        if what.startswith(wanted):
            yield what, "", subject


def _compare(
    subject: Subject, before: pathlib.Path, rounds: int, title: str
) -> dict[str, Any]:
    name, settings, request = subject
    with contextlib.ExitStack() as stack:
        workers = {
            when: stack.enter_context(Worker(name, root=root, **settings))
            for when, root in (("before", before), ("now", ROOT))
        }
        asked: dict[str, Callable[[], Any]] = {
            when: _ask(worker, request) for when, worker in workers.items()
        }
        measured = alternate(asked, rounds=rounds, title=title)
        row: dict[str, Any] = {
            "ratio": round(ratio(measured["now"], measured["before"]), 3)
        }
        for when, worker in workers.items():
            rates = [one.rate for one in measured[when]]
            row[when] = [round(rate, 2) for rate in rates]
            if "peak_bytes" in worker.about:
                row[f"{when}_peak_mib"] = worker.about["peak_bytes"] >> 20
    return row


def _ask(worker: Worker, request: dict[str, Any]) -> Callable[[], Any]:
    return lambda: worker.measure(**request)


def _check_out(commit: str, folder: pathlib.Path) -> None:
    archive = subprocess.run(
        ["git", "archive", commit], cwd=ROOT, check=True, capture_output=True
    )
    subprocess.run(["tar", "x", "-C", folder], input=archive.stdout, check=True)


if __name__ == "__main__":
    sys.exit(main())

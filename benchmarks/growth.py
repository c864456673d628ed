"""Corpora ten and a hundred times as long: time linear, memory flat.

python benchmarks/growth.py [--quick] [--json=FILE]

2 000 sentences of CLUENER, ten times and a hundred times themselves, through
what a corpus of any size goes through: the writing of records (one process, as
two would start at some size and bend the line), the training input (the tf.data
pipeline, iterated without a model) and the prediction of a file with a tiny
model. Each in a process of its own; memory is the peak above what the process
held before the stage began.

One round unless `--rounds` asks for more: nothing is compared with another
program here, and the longest stages last minutes, each a mean by itself.
"""

from __future__ import annotations

import functools
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, harness, options, plots
from benchmarks.harness import Measurement, Worker
from benchmarks.report import Goal, Report

NAME = "growth"
# In this order: the records of a corpus come before its input.
STAGES = ("records", "training input", "prediction")
TIMES = (1, 10, 100)
TIME_GOAL = (8.0, 12.5)
MEMORY_GOAL = 1.25
_SLACK_BYTES = 64 * 2**20
_LINES, _QUICK_LINES = 2000, 100


def main() -> int:
    """Measures all stages; the exit code says whether the goals are met."""
    chosen = options.parse(NAME, __doc__, rounds=1)
    data.require()
    options.require_packages("matplotlib")
    report = Report(NAME, chosen)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        sizes = write_corpora(folder, _QUICK_LINES if chosen.quick else _LINES)
        with Worker(
            "benchmarks.workers.ours_growth:TinyModel",
            folder=str(folder / "model"),
            entities_per_sentence=data.entities_per_sentence("dev"),
            seed=chosen.seed,
        ):
            pass
        measured = harness.alternate(
            {
                f"{stage} x{times}": functools.partial(
                    run_stage, stage, times, size, folder, chosen.seed
                )
                for stage in STAGES
                for times, size in sizes.items()
            },
            rounds=chosen.rounds,
            title="growth:",
        )
    add_rows(measured, sizes, report)
    if not chosen.quick:
        for stage in STAGES:
            add_goals(stage, measured, report)
    return report.finish(_plot(measured, sizes))


def write_corpora(folder: pathlib.Path, lines: int) -> dict[int, int]:
    """Writes `xN.json`: the first lines of the train set, N times.

    Returns:
        The number of lines of each, by N.
    """
    text = (data.CLUENER / "train.json").read_text(encoding="utf-8")
    chosen = text.splitlines(keepends=True)[:lines]
    for times in TIMES:
        with open(folder / f"x{times}.json", "w", encoding="utf-8") as file:
            for _ in range(times):
                file.writelines(chosen)
    return {times: times * len(chosen) for times in TIMES}


def run_stage(
    stage: str, times: int, size: int, folder: pathlib.Path, seed: int
) -> Measurement:
    """One stage for one corpus, in a process of its own."""
    with Worker(
        "benchmarks.workers.ours_growth:Stage",
        stage=stage,
        corpus=str(folder / f"x{times}.json"),
        sentences=size,
        folder=str(folder / f"records-x{times}"),
        model=str(folder / "model"),
        seed=seed,
    ) as worker:
        return worker.measure()


def add_rows(
    measured: dict[str, list[Measurement]],
    sizes: dict[int, int],
    report: Report,
) -> None:
    """Seconds and memory of every stage and size."""
    for stage in STAGES:
        for times, size in sizes.items():
            found = measured[f"{stage} x{times}"]
            report.rows.append(
                {
                    **harness.row(
                        stage,
                        [m.seconds for m in found],
                        unit="s",
                        corpus=f"x{times}",
                        sentences=size,
                    ),
                    "peak MiB": harness.rounded(_peak(found) / 2**20),
                    "elsewhere": harness.elsewhere(found),
                }
            )


def add_goals(
    stage: str, measured: dict[str, list[Measurement]], report: Report
) -> None:
    """Time within bounds of linear, memory within bounds of flat."""
    small, large = (
        measured[f"{stage} x{times}"] for times in (TIMES[-2], TIMES[-1])
    )
    seconds = statistics.median(
        b.seconds / a.seconds for a, b in zip(small, large, strict=True)
    )
    bound = MEMORY_GOAL * _peak(small) + _SLACK_BYTES
    report.goals += [
        Goal.within(f"{stage}: time, x100 over x10", *TIME_GOAL, seconds),
        Goal.at_most(
            f"{stage}: peak memory of x100 over 1.25 x10 + 64 MiB",
            1.0,
            _peak(large) / bound,
        ),
    ]


def _peak(found: Sequence[Measurement]) -> float:
    return statistics.median(m.extra["peak_bytes"] for m in found)


def _plot(
    measured: dict[str, list[Measurement]], sizes: dict[int, int]
) -> plots.Draw:
    figures: dict[str, Callable[[Sequence[Measurement]], Any]] = {
        "seconds": lambda found: statistics.median(m.seconds for m in found),
        "peak memory, MiB": lambda found: _peak(found) / 2**20,
    }
    panels = {
        what: {
            stage: [
                (size, figure(measured[f"{stage} x{times}"]))
                for times, size in sizes.items()
            ]
            for stage in STAGES
        }
        for what, figure in figures.items()
    }
    return plots.lines(
        panels, labels=("sentences", ""), title="Corpora of x1, x10 and x100"
    )


if __name__ == "__main__":
    sys.exit(main())

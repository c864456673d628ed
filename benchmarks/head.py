"""The biaffine head alone: banded, over all pairs, and plain PyTorch.

python benchmarks/head.py [--quick] [--json=FILE]

For sentences of L tokens and C classes: milliseconds of a forward pass and of
a forward and backward pass with the loss over all pairs, and the peak memory
of the latter above what the process held before (B = 1, vectors 768 wide,
every point in processes of its own). Then the head's share of a training step:
its forward and backward pass over the encoder's, for 8 sentences of 128 tokens
and 11 classes under a 12x768 encoder; the optimizer takes no part.
"""

from __future__ import annotations

import contextlib
import functools
import math
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, harness, options, plots
from benchmarks.harness import Worker
from benchmarks.report import Goal, Report

NAME = "head"
BAND, FULL, PLAIN = "ours, band of 32", "ours, all pairs", "plain PyTorch"
_WIDTH = 768
_SUBJECTS = {
    BAND: ("benchmarks.workers.ours_head:HeadSteps", {"max_span_width": 32}),
    FULL: ("benchmarks.workers.ours_head:HeadSteps", {}),
    PLAIN: ("benchmarks.workers.peer_head:HeadSteps", {}),
}

_LENGTHS = (64, 128, 512, 1024, 2048)
_CLASSES = (4, 11, 50)
_MAX_BYTES = 8 * 2**30
_ROUND_SECONDS = 0.3
_MAX_REPEATS = 200

SHARE_GOAL = 0.15
# Memory that grows with the length to this power is linear but for noise.
SLOPE_GOAL = 1.15
# Below this what is allocated once hides what grows.
_SLOPE_FROM = 512

# By classes and subject: (length, value).
Points = dict[int, dict[str, list[tuple[float, float]]]]


def main() -> int:
    """Measures all points and the share; says whether the goals are met."""
    chosen = options.parse(NAME, __doc__)
    data.require()
    options.require_packages("torch", "matplotlib")
    report = Report(NAME, chosen)
    lengths = _LENGTHS[:2] if chosen.quick else _LENGTHS
    classes = _CLASSES[:1] if chosen.quick else _CLASSES
    memory: Points = {}
    for num_classes in classes:
        for length in lengths:
            measure(length, num_classes, chosen, report, memory)
    share(chosen, report)
    if not chosen.quick:
        add_slope_goal(memory, report)
    panels = {f"C = {count}": curves for count, curves in memory.items()}
    return report.finish(
        plots.lines(
            panels,
            labels=("tokens", "MiB above start"),
            title="Peak memory of a training step of the head",
        )
    )


def measure(
    length: int,
    num_classes: int,
    chosen: options.Options,
    report: Report,
    memory: Points,
) -> None:
    """Measures one point for all subjects into the report and the memory."""
    point = {"tokens": length, "classes": num_classes}
    with contextlib.ExitStack() as stack:
        workers = {}
        for name, (subject, settings) in _SUBJECTS.items():
            if needed_bytes(name, length, num_classes) > _MAX_BYTES:
                report.rows.append(
                    {"what": name, **point, "skipped": "more than 8 GiB"}
                )
                continue
            workers[name] = stack.enter_context(
                Worker(
                    subject,
                    length=length,
                    num_classes=num_classes,
                    width=_WIDTH,
                    seed=chosen.seed,
                    **settings,
                )
            )
        forward = _times(workers, chosen.rounds, training=False)
        both = _times(workers, chosen.rounds, training=True)
        for name, worker in workers.items():
            mib = worker.about["peak_bytes"] / 2**20
            report.rows.append(
                {
                    "what": name,
                    **point,
                    "forward ms": forward[name],
                    "forward and backward ms": both[name],
                    "peak MiB": harness.rounded(mib),
                }
            )
            curves = memory.setdefault(num_classes, {})
            curves.setdefault(name, []).append((length, mib))


def needed_bytes(name: str, length: int, num_classes: int) -> int:
    """About how much a forward pass or a step may take, at most.

    Six tensors of logits: they and their log-probabilities, the gradients of
    both, and what transposes them.
    """
    width = 32 if name == BAND else length
    return 6 * 4 * length * width * num_classes


def _times(
    workers: dict[str, Worker], rounds: int, *, training: bool
) -> dict[str, float]:
    """Median milliseconds of a call of each."""
    repeats = {}
    for name, worker in workers.items():
        once = worker.measure(training=training).seconds
        wanted = math.ceil(_ROUND_SECONDS / once)
        repeats[name] = min(_MAX_REPEATS, wanted)
    measured = harness.alternate(
        {
            name: functools.partial(
                worker.measure, training=training, repeats=repeats[name]
            )
            for name, worker in workers.items()
        },
        rounds=rounds,
        title="head:",
    )
    return {
        name: harness.rounded(
            1000 * statistics.median(1 / m.rate for m in found)
        )
        for name, found in measured.items()
    }


def share(chosen: options.Options, report: Report) -> None:
    """The head's time over the encoder's, in a training step."""
    shape = "1x64" if chosen.quick else "12x768"
    point = {"length": 128, "batch": 8, "seed": chosen.seed}
    with (
        Worker(
            "benchmarks.workers.ours_head:EncoderSteps", shape=shape, **point
        ) as encoder,
        Worker(
            "benchmarks.workers.ours_head:HeadSteps",
            num_classes=11,
            width=_WIDTH,
            **point,
        ) as head,
    ):
        measured = harness.alternate(
            {"encoder": encoder.measure, "head": head.measure},
            rounds=chosen.rounds,
            title="share:",
        )
    report.details["share"] = [
        harness.rate_row(f"{what} ({shape})", found, unit="steps")
        for what, found in measured.items()
    ]
    if not chosen.quick:
        report.goals.append(
            Goal.at_most(
                "head over 12x768 encoder, training, L = 128, C = 11",
                SHARE_GOAL,
                harness.ratio(measured["encoder"], measured["head"]),
            )
        )


def add_slope_goal(memory: Points, report: Report) -> None:
    """How memory of the band grows with the length, where C is greatest."""
    most = max(memory)
    points = [p for p in memory[most][BAND] if p[0] >= _SLOPE_FROM]
    (first, least), (last, greatest) = points[0], points[-1]
    # Less than 1 MiB is not measurable.
    growth = max(1.0, greatest) / max(1.0, least)
    slope = math.log(growth) / math.log(last / first)
    report.goals.append(
        Goal.at_most(
            f"memory of the band grows with L to the power (C = {most}, "
            f"L = {first:g} .. {last:g})",
            SLOPE_GOAL,
            slope,
        )
    )


if __name__ == "__main__":
    sys.exit(main())

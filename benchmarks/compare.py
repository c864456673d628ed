"""Benchmarks that measure subjects side by side, shape by shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from benchmarks import data, harness, options, plots
from benchmarks.harness import Measurement
from benchmarks.report import Goal, Report
from benchmarks.shapes import Shape

Panels = dict[str, dict[str, float]]  # bars by their name, by title
Measure = Callable[[Shape, options.Options, Report], Panels]
Measured = Mapping[str, Sequence[Measurement]]


def main(
    name: str,
    description: str | None,
    measure: Measure,
    *,
    shapes: Sequence[str],
    packages: Sequence[str],
    unit: str,
    title: str,
) -> int:
    """Runs a benchmark: measures every shape, reports, draws bars.

    Returns:
        The exit code: 0 if every goal is met, else 1.
    """
    chosen = options.parse(name, description, shapes=shapes)
    data.require()
    options.require_packages(*packages, "matplotlib")
    report = Report(name, chosen)
    panels: Panels = {}
    for shape in chosen.shapes:
        panels |= measure(shape, chosen, report)
    return report.finish(plots.bars(panels, unit=unit, title=title))


def measure_workers(
    shape: Shape,
    workers: Mapping[str, harness.Worker],
    chosen: options.Options,
    report: Report,
    *,
    unit: str,
) -> tuple[Measured, Panels]:
    """Measures workers in turn into the rows and details of a report."""
    measured = harness.alternate(
        {what: worker.measure for what, worker in workers.items()},
        rounds=chosen.rounds,
        title=f"{shape}:",
    )
    about = {what: worker.about for what, worker in workers.items()}
    return measured, add_rows(shape, measured, about, report, unit=unit)


def add_rows(
    shape: Shape,
    measured: Measured,
    about: Mapping[str, Mapping[str, Any]],
    report: Report,
    *,
    unit: str,
    columns: Callable[[Sequence[Measurement]], dict[str, Any]] = lambda _: {},
) -> Panels:
    """Adds rates and first passes to a report; returns the rates' panel."""
    name = str(shape)
    rows = [
        harness.rate_row(what, found, unit=unit, shape=name, **columns(found))
        for what, found in measured.items()
    ]
    report.rows += rows
    for what, facts in about.items():
        seconds, more = facts["first_pass_seconds"], columns(measured[what])
        what = f"{what}, first pass"
        row = harness.row(what, [seconds], unit="s", shape=name, **more)
        report.rows.append(row)
    report.details.setdefault(name, {}).update(about)
    return {name: {row["what"]: row["median"] for row in rows}}


def add_ratio(
    report: Report,
    shape: Shape,
    got: float,
    *,
    goal: str = "",
    wanted: float | None = None,
    name: str = "ratio",
) -> None:
    """Adds a ratio to the details of a report, and its goal if it has one."""
    report.details[str(shape)][name] = harness.rounded(got)
    if wanted is not None:
        report.goals.append(Goal.at_least(goal, wanted, got))

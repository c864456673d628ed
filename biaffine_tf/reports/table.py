"""Prints scores as tables on the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biaffine_tf.evaluation.breakdown import FalsePositives, Panel
from biaffine_tf.evaluation.estimates import (
    Comparison,
    Estimates,
    Interval,
    PRFEstimates,
    Spread,
)
from biaffine_tf.evaluation.metrics import PRF, LabelScore, Scores
from biaffine_tf.reports.findings import Findings

T = TypeVar("T")

# One line per score, because they are easily confused.
EXPLANATIONS = {
    "micro": "all (start, end, label) at once; conlleval's score, or with "
    "--strict_tags seqeval's strict one",
    "macro": "unweighted mean over the labels below; seqeval's macro average",
    "cluener": "CLUENER's own: distinct strings per sentence, mean over "
    "gold's labels",
}
PANEL_TITLES = {
    Panel.BOUNDARIES: "boundaries only",
    Panel.LABEL: "label",
    Panel.WIDTH: "span width",
    Panel.PARTS: "flat and nested",
    Panel.DEPTH: "depth of nesting",
    Panel.MENTION: "mention seen",
    Panel.ENTITIES: "gold in sentence",
    Panel.LENGTH: "sentence length",
}

_COUNTS = ("gold", "predicted", "correct")


def _print_scores(scores: Scores, console: Console) -> None:
    """Prints the three averages with explanations, and the labels."""
    totals = _table(f"{scores.sentences} sentences", "score")
    for name in EXPLANATIONS:
        totals.add_row(name, *_numbers(getattr(scores, name)))
    console.print(totals)
    _explain(console)
    labels = _table("labels", "label", *_COUNTS)
    for label, score in scores.labels.items():
        labels.add_row(escape(label), *_numbers(score), *_counts(score))
    console.print(labels)


def print_findings(findings: Findings) -> None:
    """Prints all results of an evaluation to standard output."""
    console = Console()
    if findings.pooled is None:
        _print_scores(findings.scores[0], console)
    else:
        _print_pooled(findings.pooled, len(findings.scores), console)
    if findings.intervals is not None:
        _print_intervals(findings.intervals, console)
    if findings.breakdowns is not None:
        _print_breakdowns(findings.breakdowns, console)
    if findings.false_positives is not None:
        _print_false_positives(findings.false_positives, console)
    if findings.comparison is not None:
        _print_comparison(findings.comparison, console)


def _print_breakdowns(
    panels: Mapping[Panel, Mapping[str, LabelScore]],
    console: Console,
) -> None:
    """Prints the breakdowns except that by label (see `_print_scores`).

    A panel with one bucket repeats the micro score and is left out.
    """
    table = _table("parts (widths and lengths in characters)", "part", *_COUNTS)
    for panel, buckets in panels.items():
        divides = len(buckets) > 1 or panel is Panel.BOUNDARIES
        if panel is Panel.LABEL or not divides:
            continue
        table.add_row(f"[bold]{PANEL_TITLES[panel]}[/bold]")
        for bucket, score in buckets.items():
            table.add_row(bucket, *_known(score), *_counts(score))
        table.add_section()
    console.print(table)


def _print_false_positives(counts: FalsePositives, console: Console) -> None:
    """Prints false positives in sentences without entities."""
    line = f"sentences without gold entities: {counts.sentences}"
    if counts.sentences:
        line += (
            f", {100 * counts.sentence_rate:.2f} % of them with predictions; "
            f"{counts.per_1000_characters:.2f} false entities per 1 000 "
            "characters"
        )
    console.print(line, highlight=False)


def _print_intervals(intervals: Estimates[Interval], console: Console) -> None:
    """Prints the interval of every metric."""
    title = f"{_level(intervals.micro.f1)} intervals over draws of sentences"
    table = _table(title, "score")
    for name, score in _rows(intervals):
        table.add_row(
            name, *map(_range, (score.precision, score.recall, score.f1))
        )
    console.print(table)


def _print_pooled(
    pooled: Estimates[Spread], runs: int, console: Console
) -> None:
    """Prints the mean of every metric, with deviation and interval of F1."""
    level = _level(pooled.micro.f1.interval)
    table = _table(f"means of {runs} runs", "score", "F1 sd", f"F1 {level}")
    for name, score in _rows(pooled):
        means = (score.precision.mean, score.recall.mean, score.f1.mean)
        table.add_row(
            name,
            *(f"{mean:.4f}" for mean in means),
            f"{score.f1.deviation:.4f}",
            _range(score.f1.interval),
        )
    console.print(table)
    _explain(console)
    console.print(
        f"{'sd':>8}: standard deviation over runs\n{level:>8}: interval over "
        "draws of sentences and runs",
        highlight=False,
    )


def _print_comparison(comparison: Comparison, console: Console) -> None:
    """Prints the difference of every metric, with interval and p of F1."""
    differences = comparison.differences
    level = _level(differences.micro.f1.interval)
    table = _table("first minus second", "score", f"F1 {level}", "F1 p")
    for name, score in _rows(differences):
        values = (score.precision.value, score.recall.value, score.f1.value)
        table.add_row(
            name,
            *(f"{value:+.4f}" for value in values),
            _range(score.f1.interval, sign="+"),
            f"{score.f1.p_value:.4f}",
        )
    console.print(table)
    console.print(
        f"p: two-sided, by {comparison.test}; not corrected for multiple tests",
        highlight=False,
    )


def _explain(console: Console) -> None:
    for name, explanation in EXPLANATIONS.items():
        console.print(f"{name:>8}: {explanation}", highlight=False)


def _table(title: str, first_column: str, *more: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first_column, overflow="fold")
    for name in ("precision", "recall", "F1", *more):
        table.add_column(name, justify="right")
    return table


def _rows(estimates: Estimates[T]) -> Iterator[tuple[str, PRFEstimates[T]]]:
    for name in EXPLANATIONS:
        yield name, getattr(estimates, name)
    for label, statistics in estimates.labels.items():
        yield escape(label), statistics


def _numbers(score: PRF | LabelScore) -> list[str]:
    return [
        f"{number:.4f}" for number in (score.precision, score.recall, score.f1)
    ]


def _known(score: LabelScore) -> list[str]:
    """Formats a score, with "-" for a precision or recall of nothing."""
    precision, recall, f1 = _numbers(score)
    return [
        precision if score.predicted else "-",
        recall if score.gold else "-",
        f1,
    ]


def _counts(score: LabelScore) -> list[str]:
    return [str(getattr(score, name)) for name in _COUNTS]


def _level(interval: Interval) -> str:
    return f"{100 * interval.level:g} %"


def _range(interval: Interval, sign: str = "") -> str:
    return f"{interval.low:{sign}.4f} .. {interval.high:{sign}.4f}"

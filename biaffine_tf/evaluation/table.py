"""Scores as tables for the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from biaffine_tf.evaluation.metrics import PRF, LabelScore, Scores

# One line each, so that nobody takes one score for another.
EXPLANATIONS = {
    "micro": "all (start, end, label) at once; seqeval's strict micro average",
    "macro": "unweighted mean over the labels below; seqeval's macro average",
    "cluener": "CLUENER's own: distinct strings per sentence, mean over "
    "gold's labels",
}


def print_scores(scores: Scores, console: Console | None = None) -> None:
    """Prints the three scores, what each one is, and the labels.

    Args:
        scores: What `score` returned.
        console: Where to print; standard output if not given.
    """
    console = console or Console()
    totals = _table(f"{scores.sentences} sentences", "score")
    for name in EXPLANATIONS:
        totals.add_row(name, *_numbers(getattr(scores, name)))
    console.print(totals)
    for name, explanation in EXPLANATIONS.items():
        console.print(f"{name:>8}: {explanation}", highlight=False)
    labels = _table("labels", "label")
    for count in ("gold", "predicted", "correct"):
        labels.add_column(count, justify="right")
    for label, score in scores.labels.items():
        labels.add_row(
            escape(label),
            *_numbers(score),
            *map(str, (score.gold, score.predicted, score.correct)),
        )
    console.print(labels)


def _table(title: str, first_column: str) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first_column, overflow="fold")
    for name in ("precision", "recall", "F1"):
        table.add_column(name, justify="right")
    return table


def _numbers(score: PRF | LabelScore) -> list[str]:
    return [
        f"{number:.4f}" for number in (score.precision, score.recall, score.f1)
    ]

"""Prints an audit as tables on the terminal."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from rich import box
from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.table import Table
from rich.text import Text

from biaffine_tf.reports.audit.occurrences import bracketed
from biaffine_tf.reports.audit.report import (
    Audit,
    BoundaryVariant,
    BracketVariant,
    Disagreement,
    EdgeVariant,
    LabelConflict,
    Place,
    Unlabelled,
)
from biaffine_tf.spans import Sentence, Span

_MAX_PLACES = 3  # per finding
_CONTEXT = 20  # cells on each side of a place
_PLAIN_WIDTH = 120  # of files and pipes
_MAX_WIDTH = 22  # of columns with strings of the data
_MAX_LABELS = 3  # per string

_Cell = str | Text


class _Kind(NamedTuple):
    """Display of a list of an audit."""

    name: str  # of the attribute
    title: str
    meaning: str
    columns: tuple[str, ...]  # columns of numbers start with #
    row: Callable[..., Sequence[_Cell]]


def print_audit(audit: Audit, top: int | None = None) -> None:
    """Prints every list with its meaning to standard output.

    Args:
        audit: Findings.
        top: Maximum number of findings per list; None for all.
    """
    console = _console()
    console.print(f"{audit.sentences:,} sentences, {audit.spans:,} entities\n")
    for kind in _KINDS:
        findings = getattr(audit, kind.name)
        if findings is None:
            continue
        shown = findings[:top]
        title = f"{kind.title}: {len(findings):,}"
        if len(shown) < len(findings):
            title += f", the first {len(shown)}"
        console.print(Text(title, style="bold"))
        if shown:
            console.print(kind.meaning, style="dim")
            console.print(_table(kind, shown))
        console.print()


def _console() -> Console:
    console = Console(highlight=False)
    if not console.is_terminal and "COLUMNS" not in os.environ:
        console.width = _PLAIN_WIDTH
    return console


def _table(kind: _Kind, findings: Iterable[object]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in kind.columns:
        number = name.startswith("#")
        table.add_column(
            name.removeprefix("#"),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=number,
            max_width=None if name is kind.columns[-1] else _MAX_WIDTH,
        )
    for item in findings:
        # Text, because brackets in the data are not markup.
        cells = kind.row(item)
        table.add_row(*(Text(c) if isinstance(c, str) else c for c in cells))
    return table


def _label_conflict(finding: LabelConflict) -> Sequence[_Cell]:
    return (
        _visible(finding.text),
        _counts(finding.labels),
        _places(finding.places),
    )


def _unlabelled(finding: Unlabelled) -> Sequence[_Cell]:
    return (
        _visible(finding.text),
        _counts(finding.labels),
        str(finding.unlabelled),
        _places(finding.places),
    )


def _boundary(finding: BoundaryVariant) -> Sequence[_Cell]:
    return (
        _visible(finding.text),
        _counts(finding.labels),
        _visible(finding.parts),
        str(finding.cut),
        _places(finding.places),
    )


def _edge(finding: EdgeVariant) -> Sequence[_Cell]:
    return (
        _visible(finding.label),
        finding.edge,
        _visible(finding.text),
        str(finding.inside),
        str(finding.outside),
        _places(finding.places),
    )


def _bracket(finding: BracketVariant) -> Sequence[_Cell]:
    return (
        _visible(finding.label),
        finding.brackets,
        str(finding.inside),
        str(finding.outside),
        str(finding.half),
        _places(finding.places),
    )


def _disagreement(finding: Disagreement) -> Sequence[_Cell]:
    error = finding.error
    predicted = error.predicted if finding.rival is None else (finding.rival,)
    return (
        f"{finding.confidence:.3f}",
        error.kind,
        _spans(error.sentence, error.gold),
        _spans(error.sentence, predicted),
        _places([Place(error.sentence, error.start, error.end)]),
    )


_DISAGREEMENT = "#score", "error", "gold", "predicted", "look at"
_KINDS = (
    _Kind(
        "label_conflicts",
        "The same string with different labels",
        "Look at the spans whose label is not the most frequent one.",
        ("string", "labels", "look at"),
        _label_conflict,
    ),
    _Kind(
        "unlabelled",
        "Annotated here and not there",
        "Look at where a string is no entity that mostly is one.",
        ("string", "labels", "#not", "look at"),
        _unlabelled,
    ),
    _Kind(
        "boundaries",
        "One entity here, in other boundaries there",
        "Look at the rarer way.",
        ("one entity", "labels", "elsewhere", "#times", "look at"),
        _boundary,
    ),
    _Kind(
        "edges",
        "Ends of entities, left in and left out",
        "Look at the rarer way: most entities of the label that have the text "
        "at this end, within or just outside, do it the other way.",
        ("label", "end", "text", "#in", "#out", "look at"),
        _edge,
    ),
    _Kind(
        "brackets",
        "Quotes and brackets, left in and left out",
        "Look at the rarer ways; in some entities only half of a pair is in.",
        ("label", "pair", "#in", "#out", "#half", "look at"),
        _bracket,
    ),
    _Kind(
        "confident_entities",
        "Confident predictions where there is no entity",
        "Look at whether there is one.",
        _DISAGREEMENT,
        _disagreement,
    ),
    _Kind(
        "confident_labels",
        "Confident predictions of another label",
        "Look at the label.",
        _DISAGREEMENT,
        _disagreement,
    ),
    _Kind(
        "confident_boundaries",
        "Confident predictions of other boundaries",
        "Look at where entities start and end, and at what they overlap.",
        _DISAGREEMENT,
        _disagreement,
    ),
)


def _counts(labels: dict[str, int]) -> str:
    parts = [f"{_visible(label)} {n:,}" for label, n in labels.items()]
    rest = len(parts) - _MAX_LABELS
    more = [f"and {rest} more"] if rest > 0 else []
    return "\n".join([*parts[:_MAX_LABELS], *more])


def _spans(sentence: Sentence, spans: Iterable[Span]) -> str:
    return "\n".join(
        f"{_visible(sentence.surface(span))}|{_visible(span.label)}"
        for span in spans
    )


def _places(places: Sequence[Place]) -> Text:
    """Shows the first places, with context."""
    lines = []
    for place in places[:_MAX_PLACES]:
        sentence = place.sentence
        line = Text(f"{sentence.file}:{sentence.line} ", style="cyan")
        before = _visible(sentence.text[: place.start][-_CONTEXT:])
        after = _visible(sentence.text[place.end :][:_CONTEXT])
        while cell_len(before) > _CONTEXT:
            before = before[1:]
        line.append(before, "default")
        line.append(_visible(_marked(place)), "bold default")
        line.append(set_cell_size(after, _CONTEXT).rstrip(), "default")
        lines.append(line)
    if len(places) > _MAX_PLACES:
        rest = len(places) - _MAX_PLACES
        lines.append(Text(f"and {rest:,} more", style="dim"))
    return Text("\n").join(lines)


def _marked(place: Place) -> str:
    """Shows `[an entity|label]`, or «a [partly] annotated text»."""
    if place.label is not None:
        return f"[{place.text}|{place.label}]"
    return f"«{bracketed(place)}»"


def _visible(text: str) -> str:
    """Replaces characters that are not printable."""
    return "".join(c if c.isprintable() else "�" for c in text)

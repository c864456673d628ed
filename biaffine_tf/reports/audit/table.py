"""An audit as tables for the terminal."""

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

_PLACES = 3  # shown of a finding
_CONTEXT = 20  # cells on each side of a place
_PLAIN_WIDTH = 120  # of files and pipes, which have no width of their own
_WIDEST = 22  # columns that hold strings of the data
_FEW = 3  # labels shown of a string

_Cell = str | Text


class _Kind(NamedTuple):
    """How one list of an audit is shown."""

    name: str  # of the attribute
    title: str
    meaning: str
    columns: tuple[str, ...]  # those of numbers start with #
    row: Callable[..., Sequence[_Cell]]


def print_audit(audit: Audit, top: int | None = None) -> None:
    """Prints every list, and what it means, to standard output.

    Args:
        audit: What was found.
        top: How many of each list; None for all.
    """
    console = _console()
    console.print(f"{audit.sentences:,} sentences, {audit.spans:,} entities\n")
    for kind in _KINDS:
        found = getattr(audit, kind.name)
        if found is None:
            continue
        shown = found[:top]
        title = f"{kind.title}: {len(found):,}"
        if len(shown) < len(found):
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


def _table(kind: _Kind, found: Iterable[object]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for name in kind.columns:
        number = name.startswith("#")
        table.add_column(
            name.removeprefix("#"),
            justify="right" if number else "left",
            overflow="fold",
            no_wrap=number,
            max_width=None if name is kind.columns[-1] else _WIDEST,
        )
    for item in found:
        # As Text: brackets in the data are no markup.
        cells = kind.row(item)
        table.add_row(*(Text(c) if isinstance(c, str) else c for c in cells))
    return table


def _label_conflict(found: LabelConflict) -> Sequence[_Cell]:
    return _visible(found.text), _counts(found.labels), _places(found.places)


def _unlabelled(found: Unlabelled) -> Sequence[_Cell]:
    return (
        _visible(found.text),
        _counts(found.labels),
        str(found.unlabelled),
        _places(found.places),
    )


def _boundary(found: BoundaryVariant) -> Sequence[_Cell]:
    return (
        _visible(found.text),
        _counts(found.labels),
        _visible(found.parts),
        str(found.cut),
        _places(found.places),
    )


def _edge(found: EdgeVariant) -> Sequence[_Cell]:
    return (
        _visible(found.label),
        found.edge,
        _visible(found.text),
        str(found.inside),
        str(found.outside),
        _places(found.places),
    )


def _bracket(found: BracketVariant) -> Sequence[_Cell]:
    return (
        _visible(found.label),
        found.brackets,
        str(found.inside),
        str(found.outside),
        str(found.half),
        _places(found.places),
    )


def _disagreement(found: Disagreement) -> Sequence[_Cell]:
    error = found.error
    predicted = error.predicted if found.rival is None else (found.rival,)
    return (
        f"{found.confidence:.3f}",
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
    more = [f"and {len(parts) - _FEW} more"] if len(parts) > _FEW else []
    return "\n".join([*parts[:_FEW], *more])


def _spans(sentence: Sentence, spans: Iterable[Span]) -> str:
    return "\n".join(
        f"{_visible(sentence.surface(span))}|{_visible(span.label)}"
        for span in spans
    )


def _places(places: Sequence[Place]) -> Text:
    """Where the first ones are, and what they look like there."""
    lines = []
    for place in places[:_PLACES]:
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
    if len(places) > _PLACES:
        lines.append(Text(f"and {len(places) - _PLACES:,} more", style="dim"))
    return Text("\n").join(lines)


def _marked(place: Place) -> str:
    """`[an entity|label]`, or «a [partly] annotated text»."""
    if place.label is not None:
        return f"[{place.text}|{place.label}]"
    return f"«{bracketed(place)}»"


def _visible(text: str) -> str:
    """A text without line breaks and what else acts on a terminal."""
    return "".join(c if c.isprintable() else "�" for c in text)

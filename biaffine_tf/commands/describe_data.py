"""Looks at data: `python -m biaffine_tf.readers FILE...`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from biaffine_tf import console
from biaffine_tf.commands.reading_arguments import (
    add_reading_arguments,
    reading_options,
)
from biaffine_tf.corpora.summary import Summary, summarize
from biaffine_tf.errors import EXIT_CODE, BiaffineError

if TYPE_CHECKING:
    from rich.table import Table

_DESCRIPTION = """Shows what is in files of labelled or plain sentences: format,
sentences, lengths, spans by label, nested and duplicate spans, and every
problem found while reading."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Summarizes files; returns the exit code."""
    options = _parser().parse_args(arguments)
    try:
        read_options = reading_options(options)
        if options.json:
            found = [
                summarize(file, read_options).to_json()
                for file in options.files
            ]
            print(json.dumps(found, ensure_ascii=False, indent=2))
        else:
            for file in options.files:
                _show(summarize(file, read_options))
    except BiaffineError as error:
        print(error, file=sys.stderr)
        return EXIT_CODE
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m biaffine_tf.readers", description=_DESCRIPTION
    )
    console.add_version(parser)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--json", action="store_true", help="print a JSON array"
    )
    add_reading_arguments(parser)
    return parser


def _show(summary: Summary) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(highlight=False)
    console.rule(f"[bold]{escape(summary.file)}", align="left")
    values = summary.to_json()
    labels = values.pop("labels")
    problems = values.pop("problems")
    del values["file"]
    console.print(_facts(values))
    if labels:
        console.print(_counts("label", "spans", labels))
    for kind, problem in problems.items():
        console.print(f"[yellow]{problem['count']:>9,}[/] {escape(kind)}")
        for example in problem["examples"]:
            console.print(f"          {escape(example)}", soft_wrap=True)
    if not problems:
        console.print("[green]no problems found")
    console.print()


def _facts(values: dict[str, object]) -> Table:
    from rich.table import Table

    table = Table(show_header=False, box=None)
    table.add_column(style="bold")
    table.add_column(justify="left")
    for name, value in values.items():
        if isinstance(value, dict):
            value = "  ".join(f"{key} {item:,}" for key, item in value.items())
        elif isinstance(value, int):
            value = f"{value:,}"
        table.add_row(name.replace("_", " "), str(value) or "-")
    return table


def _counts(name: str, unit: str, counts: dict[str, int]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(name, unit, "share")
    for column in table.columns[1:]:
        column.justify = "right"
    total = sum(counts.values())
    for key, amount in counts.items():
        table.add_row(escape(key), f"{amount:,}", f"{amount / total:.1%}")
    return table

"""Describes and converts data: `python -m biaffine_tf.readers FILE...`.

`--to=FORMAT --output=NEW_FILE` converts one file.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
from typing import TYPE_CHECKING

from biaffine_tf import console, formats
from biaffine_tf.commands.arguments import check_to_and_output
from biaffine_tf.commands.output_formats import (
    check_output_format,
    describe_columns,
)
from biaffine_tf.commands.reading_arguments import (
    add_reading_arguments,
    note_problems,
    reading_options,
)
from biaffine_tf.corpora.summary import Summary, summarize
from biaffine_tf.errors import ConfigError

if TYPE_CHECKING:
    from rich.table import Table

_DESCRIPTION = """Describes files of labelled or plain sentences: format,
number of sentences, lengths, spans by label, nested and duplicate spans, and
every problem found while reading. Or converts a file."""


def _run(options: argparse.Namespace) -> None:
    check_to_and_output(options)
    read_options = reading_options(options)
    if options.to:
        _convert(options, read_options)
    elif options.json:
        summaries = [
            summarize(file, read_options).to_json() for file in options.files
        ]
        print(json.dumps(summaries, ensure_ascii=False, indent=2))
    else:
        for file in options.files:
            _show(summarize(file, read_options))


def _convert(
    options: argparse.Namespace, read_options: formats.ReadOptions
) -> None:
    """Converts a file, and notes what the other format cannot hold."""
    if len(options.files) > 1:
        raise ConfigError(
            f"--to converts one file, and {len(options.files)} are given",
            remedy="convert one at a time",
        )
    layers = options.output_layers
    check_output_format(options.to, flag="to", scores=False, layers=layers)
    (path,), problems = options.files, formats.Problems()
    written = formats.write(
        options.output,
        formats.read(path, read_options, problems),
        options.to,
        with_scores=True,
        layers=1 if layers is None else layers,
        problems=problems,
    )
    note_problems(path, problems)
    for line in describe_columns(options.to, layers or 1):
        print(f"note: {options.output}: {line}", file=sys.stderr)
    if options.output != "-":
        print(f"{options.output}: {written:,} sentences", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.readers"),
        description=_DESCRIPTION,
    )
    console.add_version(parser)
    parser.add_argument("files", nargs="+", metavar="FILE")
    parser.add_argument(
        "--json", action="store_true", help="print a JSON array"
    )
    parser.add_argument(
        "--to",
        choices=sorted(one.name for one in formats.all_formats() if one.write),
        help="format to convert the file to",
    )
    parser.add_argument(
        "--output", metavar="NEW_FILE", help="file to write; - for stdout"
    )
    parser.add_argument(
        "--output_layers",
        type=int,
        help="CoNLL output: number of tag columns; nested spans need several "
        "(default: 1)",
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


main = console.command(_parser, _run)
run = functools.partial(console.run, main)

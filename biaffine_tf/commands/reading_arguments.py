"""How commands read files: arguments and notes, in one place.

The arguments are the fields of `ReadOptions` that have a help text, for
commands of argparse and (`reading_flags`) of absl.
"""

from __future__ import annotations

import argparse
import dataclasses
import enum
import os
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from biaffine_tf.formats import (
    Problems,
    ReadOptions,
    all_formats,
    find_format,
    parse_columns,
    read,
)
from biaffine_tf.spans import Sentence


class ReadingArgument(NamedTuple):
    """An argument about reading: a field of `ReadOptions` for parsers."""

    name: str
    default: Any
    choices: list[str] | None  # None for any value
    help: str


def reading_arguments(*, shared: bool) -> list[ReadingArgument]:
    """The arguments that hold for all files of a command, or the others."""
    return [
        _argument(field)
        for field in dataclasses.fields(ReadOptions)
        if field.metadata and field.metadata["shared"] == shared
    ]


def _argument(field: dataclasses.Field[Any]) -> ReadingArgument:
    text: str = field.metadata["help"]
    choices: list[str] | None = None
    if field.name == "format":
        choices = [*sorted(all_formats())]
    elif isinstance(field.default, enum.StrEnum):
        choices = list(type(field.default))
    if field.metadata["of"] is not None:
        text = f"{find_format(field.metadata['of']).full_name}: {text}"
    return ReadingArgument(field.name, field.default, choices, text)


def add_reading_arguments(parser: argparse.ArgumentParser, *sides: str) -> None:
    """Adds how to read files.

    Args:
        parser: A command's.
        *sides: Each adds arguments of its own, with its name before theirs:
            --gold_format for "gold", --format for "". Only "" if none is
            given.
    """
    for argument in reading_arguments(shared=True):
        _add(parser.add_argument, "", argument)
    for side in sides or ("",):
        group = parser.add_argument_group(f"reading {side}".strip())
        for argument in reading_arguments(shared=False):
            _add(group.add_argument, _prefix(side), argument)


def _add(
    add: Callable[..., object], prefix: str, argument: ReadingArgument
) -> None:
    settings: dict[str, Any] = {"default": argument.default}
    if isinstance(argument.default, bool):
        settings["action"] = "store_true"
    elif argument.choices is not None:
        settings["choices"] = argument.choices
    elif argument.default is not None:
        settings["type"] = type(argument.default)
    add(f"--{prefix}{argument.name}", help=argument.help, **settings)


def reading_options(options: argparse.Namespace, side: str = "") -> ReadOptions:
    """How the files of a side are to be read.

    Raises:
        ConfigError: If the options contradict each other.
    """
    prefix = _prefix(side)
    return make_options(
        {
            one.name: getattr(options, place + one.name)
            for place, shared in ((prefix, False), ("", True))
            for one in reading_arguments(shared=shared)
        }
    )


def make_options(values: dict[str, Any]) -> ReadOptions:
    """Makes options of what command lines hold.

    Raises:
        ConfigError: If they contradict each other.
    """
    columns = parse_columns(values["tag_columns"])
    return ReadOptions(**(values | {"tag_columns": columns}))


def read_with_notes(
    path: str | os.PathLike[str], options: ReadOptions
) -> Iterator[Sentence]:
    """Reads a file, and says on standard error what was skipped or repaired.

    Args:
        path: The file.
        options: How to read it.

    Yields:
        Its sentences.
    """
    problems = Problems()
    yield from read(path, options, problems)
    note_problems(path, problems)


def note_problems(path: str | os.PathLike[str], problems: Problems) -> None:
    """Says on standard error what is wrong with a file."""
    for line in problems.lines():
        print(f"note: {path}: {line}", file=sys.stderr)


def _prefix(side: str) -> str:
    return f"{side}_" if side else ""

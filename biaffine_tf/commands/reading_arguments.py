"""Arguments of commands for reading files, and notes on problems.

They are the fields of `ReadOptions` that have a help text, for commands based
on argparse and (`sections.FormatFlags`) on absl.
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
    parse_label_map,
    read,
)
from biaffine_tf.formats.tag_names import parse_tag_names
from biaffine_tf.spans import Sentence


class ReadingArgument(NamedTuple):
    """Command-line argument of a field of `ReadOptions`."""

    name: str
    default: Any
    choices: list[str] | None  # None for any value
    help: str


def reading_arguments(*, shared: bool) -> list[ReadingArgument]:
    """Lists the arguments shared by all files of a command, or the others."""
    return [
        _argument(field)
        for field in dataclasses.fields(ReadOptions)
        if field.metadata and field.metadata["shared"] == shared
    ]


def _argument(field: dataclasses.Field[Any]) -> ReadingArgument:
    text: str = field.metadata["help"]
    choices: list[str] | None = None
    if field.name == "format":
        choices = sorted(one.name for one in all_formats())
    elif isinstance(field.default, enum.StrEnum):
        choices = [str(one) for one in type(field.default)]
    if field.metadata["of"] is not None:
        text = f"{find_format(field.metadata['of']).full_name}: {text}"
    return ReadingArgument(field.name, field.default, choices, text)


def add_reading_arguments(parser: argparse.ArgumentParser, *sides: str) -> None:
    """Adds the arguments for reading files.

    Args:
        parser: Parser of the command.
        *sides: Prefixes, each of which adds arguments of its own:
            --gold_format for "gold", --format for "" (the default).
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
    """Returns the options for reading the files of a side.

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
    """Builds options from the values of arguments.

    Raises:
        ConfigError: If they contradict each other.
    """
    parsed = {
        "tag_columns": parse_columns(values["tag_columns"]),
        "tag_names": parse_tag_names(values["tag_names"]),
        "label_map": parse_label_map(values["label_map"]),
    }
    return ReadOptions(**(values | parsed))


def read_with_notes(
    path: str | os.PathLike[str], options: ReadOptions
) -> Iterator[Sentence]:
    """Reads a file, and prints on stderr what was skipped or repaired.

    Args:
        path: Path of the file.
        options: Options for reading it.

    Yields:
        The sentences.
    """
    problems = Problems()
    yield from read(path, options, problems)
    note_problems(path, problems)


def note_problems(path: str | os.PathLike[str], problems: Problems) -> None:
    """Prints the problems of a file on standard error."""
    for line in problems.lines():
        print(f"note: {path}: {line}", file=sys.stderr)


def _prefix(side: str) -> str:
    return f"{side}_" if side else ""

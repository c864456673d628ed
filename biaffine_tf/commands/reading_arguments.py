"""How to read files, as arguments of a command line: one place for all.

Commands of argparse take the arguments from here, those of absl the help.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator

from biaffine_tf.formats.api import read
from biaffine_tf.formats.options import (
    Format,
    Join,
    OnBadData,
    ReadOptions,
    SegmentationDigit,
    TagScheme,
    parse_columns,
)
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence

HELP = {
    "on_bad_data": "Stop at a sentence that cannot be read, or skip and count "
    "it.",
    "format": "Format; recognised from the content if not given.",
    "token_column": "CoNLL: column of the tokens, from 0; negative ones count "
    "from the right.",
    "tag_columns": "CoNLL: column of the tags; several, with commas, hold "
    "nested layers. The last one if not given.",
    "tag_scheme": "CoNLL: scheme of the tags; told from them if auto.",
    "join": "CoNLL: join tokens to a text without or with spaces; told from "
    "them if auto.",
    "segmentation_digit": "CoNLL: whether to strip a digit from each token "
    "(Weibo's 科0 技1).",
    "trim_spans": "Cut white space off the ends of spans; drop and count spans "
    "of nothing else.",
}
_SCHEMES = {
    "tag_scheme": TagScheme,
    "join": Join,
    "segmentation_digit": SegmentationDigit,
}


def add_reading_arguments(parser: argparse.ArgumentParser, *sides: str) -> None:
    """Adds how to read files; `--on_bad_data` and `--strict_tags` hold for all.

    Args:
        parser: A command's.
        *sides: Each adds arguments of its own, with its name before theirs:
            --gold_format for "gold", --format for "". Only "" if none is
            given.
    """
    parser.add_argument(
        "--on_bad_data",
        choices=list(OnBadData),
        default=OnBadData.ERROR,
        help=HELP["on_bad_data"],
    )
    parser.add_argument(
        "--strict_tags",
        action="store_true",
        help="CoNLL: leave out and count spans of malformed tags, as "
        "seqeval's strict mode does, instead of repairing them as conlleval "
        "does.",
    )
    for side in sides or ("",):
        _add_side(parser, side)


def reading_options(options: argparse.Namespace, side: str = "") -> ReadOptions:
    """How the files of a side are to be read.

    Raises:
        ConfigError: If the options contradict each other.
    """
    prefix = _prefix(side)
    values = {
        name: getattr(options, prefix + name)
        for name in HELP
        if name != "on_bad_data"
    }
    values["tag_columns"] = parse_columns(values["tag_columns"])
    return ReadOptions(
        on_bad_data=options.on_bad_data,
        strict_tags=options.strict_tags,
        **values,
    )


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
    for line in problems.lines():
        print(f"note: {path}: {line}", file=sys.stderr)


def _add_side(parser: argparse.ArgumentParser, side: str) -> None:
    group = parser.add_argument_group(f"reading {side}".strip())
    prefix = _prefix(side)

    def add(name: str, **settings: object) -> None:
        group.add_argument(f"--{prefix}{name}", help=HELP[name], **settings)  # type: ignore[arg-type]

    add("format", choices=list(Format))
    add("token_column", type=int, default=0)
    add("tag_columns")
    for name, choices in _SCHEMES.items():
        add(name, choices=list(choices), default="auto")
    add("trim_spans", action="store_true")


def _prefix(side: str) -> str:
    return f"{side}_" if side else ""

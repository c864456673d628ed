"""Writes findings for annotation tools, and applies what comes back."""

from __future__ import annotations

import argparse
import itertools
import os
import sys
from collections.abc import Callable, Iterable, Iterator

from biaffine_tf import formats
from biaffine_tf.commands.output_formats import check_output_format
from biaffine_tf.commands.reading_arguments import note_problems
from biaffine_tf.corpora.corrections import Changes, correct
from biaffine_tf.errors import ConfigError, OnBadData
from biaffine_tf.reports.audit import Audit
from biaffine_tf.reports.audit.review import reviews
from biaffine_tf.spans import Sentence

Read = Callable[[str], Iterator[Sentence]]
_REVIEW_FORMAT = "label_studio"


def add_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the arguments for files of findings and of corrections."""
    writable = sorted(
        one.name
        for one in formats.all_formats()
        if one.write is not None and one.spans
    )
    group = parser.add_argument_group("files for annotation tools")
    group.add_argument(
        "--output",
        metavar="FILE",
        help="file to write: the sentences with findings, the most suspicious "
        "first, with their labels, remarks and suggestions; with "
        "--corrections, all the data, corrected",
    )
    group.add_argument(
        "--output_format",
        choices=writable,
        help=f"format of --output (default: {_REVIEW_FORMAT}; with "
        "--corrections, that of the data)",
    )
    group.add_argument(
        "--number",
        type=int,
        metavar="N",
        help="number of sentences to write, the most suspicious; all if not "
        "given",
    )
    group.add_argument(
        "--corrections",
        nargs="+",
        metavar="FILE",
        help="sentences that were corrected in a tool: their labels replace "
        "those of the sentences of the same text, and nothing is audited",
    )


def check_file_arguments(options: argparse.Namespace) -> None:
    """Raises a ConfigError if arguments contradict each other."""
    for name in ("corrections", "number", "output_format"):
        if getattr(options, name) is not None and not options.output:
            raise ConfigError(
                f"--{name} is given but --output is not",
                remedy="give the file to write as --output",
            )
    if options.number is not None and options.number < 1:
        raise ConfigError(f"--number must be at least 1, got {options.number}")
    if options.corrections and (options.number or options.predictions):
        raise ConfigError(
            "--corrections are put into the data, which are then not audited: "
            "--number and --predictions mean nothing",
            remedy="leave them out, and audit the corrected data afterwards",
        )
    if options.output_format is not None:
        check_output_format(
            options.output_format, flag="output_format", scores=False,
            layers=None,
        )  # fmt: skip
    if options.output and not options.corrections:
        _refuse_input(options)


def _refuse_input(options: argparse.Namespace) -> None:
    """Refuses to write findings over the labelled data."""
    if not os.path.isfile(options.output):
        return
    for path in options.files:
        if os.path.exists(path) and os.path.samefile(path, options.output):
            raise ConfigError(
                f"--output={options.output} is the labelled data, and only "
                "sentences with findings are written",
                remedy="give another file",
            )


def write_findings(options: argparse.Namespace, audit: Audit) -> None:
    """Writes the sentences with findings."""
    found = reviews(audit)
    problems = formats.Problems()
    chosen = (
        one.to_sentence(rank)
        for rank, one in enumerate(found[: options.number], 1)
    )
    chosen_format = options.output_format or _REVIEW_FORMAT
    number = _write(options.output, chosen, chosen_format, problems)
    note_problems(options.output, problems)
    print(
        f"{options.output}: {number:,} of {len(found):,} sentences with "
        f"findings, of {audit.sentences:,}; the most suspicious first",
        file=sys.stderr,
    )


def apply_corrections(
    options: argparse.Namespace, read: Read, read_corrected: Read
) -> None:
    """Writes the data with their corrections.

    Args:
        options: Arguments of the command.
        read: Reads a file of the data.
        read_corrected: Reads a file of corrections.

    Raises:
        DataError: If a correction belongs to no sentence.
    """
    target = options.output_format or _format_of(options)
    sentences = list(itertools.chain.from_iterable(map(read, options.files)))
    problems = formats.Problems()
    changes = Changes()
    corrected = correct(
        sentences,
        itertools.chain.from_iterable(map(read_corrected, options.corrections)),
        changes,
        problems if options.on_bad_data == OnBadData.SKIP else None,
    )
    number = _write(options.output, corrected, target, problems)
    note_problems(options.output, problems)
    for line in changes.lines():
        print(line)
    print(f"{options.output}: {number:,} sentences")


def _write(
    path: str,
    sentences: Iterable[Sentence],
    name: str,
    problems: formats.Problems,
) -> int:
    return formats.write(
        path,
        sentences,
        name,
        layers=3 if formats.find_format(name).layers else 1,
        problems=problems,
    )


def _format_of(options: argparse.Namespace) -> str:
    """Returns the format of the data.

    Raises:
        ConfigError: If there are several, or it cannot be written.
    """
    names = {
        str(options.format or formats.detect_format(path))
        for path in options.files
    }
    (name, *others) = sorted(names)
    if others or formats.find_format(name).write is None:
        raise ConfigError(
            f"the data are in {' and '.join(sorted(names))}, which cannot be "
            "the format of one file",
            remedy="give --output_format",
        )
    return name

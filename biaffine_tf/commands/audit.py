"""Finds annotation mistakes: `python -m biaffine_tf.evaluation.audit FILE`.

Several files are audited together. Findings go to standard output, notes and
errors to standard error. --output writes the sentences with findings for an
annotation tool, and --corrections puts what comes back into the data.
"""

from __future__ import annotations

import argparse
import functools
import json
from collections.abc import Iterator, Sequence

from biaffine_tf import console, formats
from biaffine_tf.commands.arguments import natural
from biaffine_tf.commands.audit_files import (
    add_file_arguments,
    apply_corrections,
    check_file_arguments,
    write_findings,
)
from biaffine_tf.commands.reading_arguments import (
    add_reading_arguments,
    read_with_notes,
    reading_options,
)
from biaffine_tf.reports.audit import Audit, audit
from biaffine_tf.spans import Sentence


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.evaluation.audit"),
        description="Finds inconsistencies in labelled data: strings "
        "with several labels, strings annotated in one place and not in "
        "another, entities that end in different places. With out-of-fold "
        "predictions, also where the model confidently disagrees. Writes the "
        "sentences with findings for annotation tools, and applies the "
        "corrections.",
    )
    console.add_version(parser)
    parser.add_argument(
        "files", nargs="+", metavar="FILE", help="labelled data"
    )
    parser.add_argument(
        "--predictions",
        nargs="+",
        metavar="FILE",
        help="scored predictions for all sentences of the data, made by models "
        "that were not trained on them; one file, or one per fold",
    )
    parser.add_argument(
        "--top",
        type=natural("findings"),
        default=20,
        help="number of findings per list; 0 for all (default: %(default)s)",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the findings as JSON"
    )
    add_file_arguments(parser)
    add_reading_arguments(parser)
    return parser


def _audit(options: argparse.Namespace) -> Audit:
    predictions = None
    if options.predictions is not None:
        predictions = _read(options.predictions, _others(options))
    return audit(_read(options.files, reading_options(options)), predictions)


def _others(options: argparse.Namespace) -> formats.ReadOptions:
    """Returns the options for reading files beside the labelled data."""
    return formats.ReadOptions(on_bad_data=options.on_bad_data)


def _read(
    paths: Sequence[str], options: formats.ReadOptions
) -> Iterator[Sentence]:
    for path in paths:
        yield from read_with_notes(path, options)


def _show(options: argparse.Namespace) -> None:
    check_file_arguments(options)
    if options.corrections:
        apply_corrections(
            options,
            lambda path: _read([path], reading_options(options)),
            lambda path: _read([path], _others(options)),
        )
        return
    findings = _audit(options)
    if options.output:
        write_findings(options, findings)
    top = options.top or None
    if options.json:
        print(json.dumps(findings.to_json(top), ensure_ascii=False, indent=2))
    else:
        # rich is slow to import.
        from biaffine_tf.reports.audit.table import print_audit

        print_audit(findings, top)


main = console.command(_parser, _show)
run = functools.partial(console.run, main)

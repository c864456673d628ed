"""Scores a file of predictions: `python -m biaffine_tf.evaluation GOLD PRED`.

    ... GOLD PRED --intervals --train=FILE   intervals; seen mentions
    ... GOLD PRED PRED PRED                  several runs of one system
    ... GOLD PRED --compare OTHER            comparison with another system
    ... GOLD PRED --report=report.html       all of it as HTML

The files may be of different formats. Scores go to standard output, notes and
errors to standard error.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

from biaffine_tf import console
from biaffine_tf.commands.reading_arguments import (
    add_reading_arguments,
    read_with_notes,
    reading_options,
)
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.evaluation.breakdown import mentions
from biaffine_tf.evaluation.matching import Pair, match
from biaffine_tf.evaluation.metrics import Scores
from biaffine_tf.files import check_writable
from biaffine_tf.json_files import read_json
from biaffine_tf.reports.findings import Findings, evaluate
from biaffine_tf.spans import Sentence

_SIDES = ("gold", "predicted", "train", "compare")
_HISTORY = {"epochs": [{str: object}]}


def _run(options: argparse.Namespace) -> None:
    _check_report(options)
    inputs = _inputs(options)
    findings = _evaluate(options, inputs)
    if options.report is not None:
        _write_report(options, inputs)
    for path, scores in zip(options.predicted, findings.scores, strict=True):
        _note_unknown_labels(path, scores)
    if options.json:
        print(json.dumps(findings.to_json(), ensure_ascii=False, indent=2))
    else:
        # rich is slow to import.
        from biaffine_tf.reports.table import print_findings

        print_findings(findings)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.evaluation"),
        description="Computes precision, recall and F1 of predicted entities. "
        "Sentences are matched by id if all have one, else by text.",
    )
    console.add_version(parser)
    parser.add_argument("gold", metavar="GOLD", help="labelled file")
    parser.add_argument(
        "predicted",
        metavar="PRED",
        nargs="+",
        help="predictions of the same sentences; several files are runs "
        "(seeds) of one system and are pooled",
    )
    parser.add_argument(
        "--intervals",
        action="store_true",
        help="add 95%% intervals (pooled runs always have them)",
    )
    parser.add_argument(
        "--breakdowns",
        action="store_true",
        help="add scores by width, nesting and length, and false positives in "
        "sentences without entities",
    )
    parser.add_argument(
        "--train",
        metavar="FILE",
        help="training data: --breakdowns, also by seen and unseen mentions",
    )
    parser.add_argument(
        "--compare",
        metavar="PRED",
        nargs="+",
        default=[],
        help="predictions of another system, or several runs of it: add the "
        "differences, with intervals and p-values",
    )
    parser.add_argument(
        "--report",
        metavar="FILE",
        help="write a self-contained HTML report with all of this, the errors "
        "and every sentence; with --compare, of both systems",
    )
    parser.add_argument(
        "--history",
        metavar="FILE",
        help="history.json of a run: add its learning curves to the report",
    )
    parser.add_argument(
        "--json", action="store_true", help="print the scores as JSON"
    )
    add_reading_arguments(parser, *_SIDES)
    return parser


class _Inputs(NamedTuple):
    """Contents of the input files."""

    runs: list[list[Pair]]
    others: list[list[Pair]]
    training: list[Sentence] | None
    history: list[dict[str, Any]] | None


def _inputs(options: argparse.Namespace) -> _Inputs:
    gold = list(_read(options, "gold", options.gold))
    training = None
    if options.train is not None:
        training = list(_read(options, "train", options.train))
    runs, others = (
        [_match(options, gold, side, path) for path in paths]
        for side, paths in (
            ("predicted", options.predicted),
            ("compare", options.compare),
        )
    )
    history = None
    if options.history is not None:
        history = _read_history(options.history)
    return _Inputs(runs, others, training, history)


def _match(
    options: argparse.Namespace, gold: list[Sentence], side: str, path: str
) -> list[Pair]:
    def report(note: str) -> None:
        _note(f"{path}: {note}")

    return match(gold, _read(options, side, path), report)


def _evaluate(options: argparse.Namespace, inputs: _Inputs) -> Findings:
    seen = None if inputs.training is None else mentions(inputs.training)
    return evaluate(
        inputs.runs,
        intervals=options.intervals,
        parts=options.breakdowns or seen is not None,
        seen=seen,
        others=inputs.others,
    )


def _check_report(options: argparse.Namespace) -> None:
    """Checks the arguments of the report before anything is read."""
    if options.report is None:
        if options.history is not None:
            raise ConfigError(
                "--history is shown in a report only",
                remedy="name the report: --report=report.html",
            )
        return
    if len(options.predicted) > 1 or len(options.compare) > 1:
        raise ConfigError(
            "--report shows one run of a system, or one run each of two, and "
            f"received {len(options.predicted)} and {len(options.compare)}",
            remedy="give one PRED, and one to --compare",
        )
    if not options.report or os.path.isdir(options.report):
        raise ConfigError(
            f"--report={options.report} names no file",
            remedy="give the path of a file",
        )
    check_writable(os.path.dirname(options.report) or ".")


def _write_report(options: argparse.Namespace, inputs: _Inputs) -> None:
    # Slow to import.
    from biaffine_tf.reports.html import write_report

    os.makedirs(os.path.dirname(options.report) or ".", exist_ok=True)
    files = ("gold", "predicted", "compare", "train", "history")
    paths = [*options.predicted, *options.compare]
    write_report(
        options.report,
        inputs.runs[0],
        title=" and ".join(map(os.path.basename, paths))
        + f" on {os.path.basename(options.gold)}",
        training=inputs.training,
        history=inputs.history,
        other=inputs.others[0] if inputs.others else None,
        names=(paths[0], paths[-1]),
        settings={
            name: getattr(options, name)
            for name in files
            if getattr(options, name)
        },
    )
    _note(f"the report is {options.report}")


def _read_history(path: str) -> list[dict[str, Any]]:
    remedy = "give the history.json of a training run"
    try:
        history = read_json(
            path, _HISTORY, what="the history of a run", remedy=remedy
        )
    except FileNotFoundError as error:
        problem = f"cannot be read ({error.strerror})"
        raise DataError(problem, file=path, remedy=remedy) from error
    return history["epochs"]


def _read(
    options: argparse.Namespace, side: str, path: str
) -> Iterator[Sentence]:
    return read_with_notes(path, reading_options(options, side))


def _note_unknown_labels(path: str, scores: Scores) -> None:
    if scores.unknown_labels:
        counts = ", ".join(
            f"{label!r} ({count} predicted)"
            for label, count in scores.unknown_labels.items()
        )
        _note(
            f"{path}: labels that gold does not have: {counts}; they lower "
            "micro and macro, and do not enter cluener"
        )


def _note(message: str) -> None:
    print(f"note: {message}", file=sys.stderr)


main = console.command(_parser, _run)
run = functools.partial(console.run, main)

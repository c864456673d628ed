"""Scores a file of predictions: `python -m biaffine_tf.evaluation GOLD PRED`.

    ... GOLD PRED --intervals --train=FILE   how sure it is; where it is weak
    ... GOLD PRED PRED PRED                  several runs of one system
    ... GOLD PRED --compare OTHER            one system against another

The files may be of different formats. Nothing but the scores goes to standard
output; notes and errors go to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from biaffine_tf import readers
from biaffine_tf.errors import EXIT_CODE, BiaffineError
from biaffine_tf.evaluation.breakdown import mentions
from biaffine_tf.evaluation.findings import Findings, evaluate
from biaffine_tf.evaluation.matching import match
from biaffine_tf.evaluation.metrics import Scores
from biaffine_tf.spans import Sentence

_SIDES = ("gold", "predicted", "train", "compare")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command line without the program; None takes sys.argv.

    Returns:
        Exit code: 0, or 2 if the files cannot be scored.
    """
    options = _parser().parse_args(arguments)
    try:
        findings = _evaluate(options)
    except BiaffineError as error:
        print(error, file=sys.stderr)
        return EXIT_CODE
    for path, scores in zip(options.predicted, findings.scores, strict=True):
        _note_unknown_labels(path, scores)
    if options.json:
        print(json.dumps(findings.to_json(), ensure_ascii=False, indent=2))
    else:
        # rich takes longer to load than everything else here.
        from biaffine_tf.evaluation.table import print_findings

        print_findings(findings)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m biaffine_tf.evaluation",
        description="Precision, recall and F1 of predicted entities. "
        "Sentences are matched by id if all have one, else by text.",
    )
    parser.add_argument("gold", metavar="GOLD", help="labelled file")
    parser.add_argument(
        "predicted",
        metavar="PRED",
        nargs="+",
        help="the same sentences, predicted; several files are runs (seeds) "
        "of one system, which are pooled",
    )
    parser.add_argument(
        "--intervals",
        action="store_true",
        help="add 95%% intervals (pooled runs always have them)",
    )
    parser.add_argument(
        "--breakdowns",
        action="store_true",
        help="add scores by width, nesting and length, and what is predicted "
        "in sentences without entities",
    )
    parser.add_argument(
        "--train",
        metavar="FILE",
        help="training data: --breakdowns, also by whether it has the mention",
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
        "--json", action="store_true", help="print the scores as JSON"
    )
    _add_reading(parser)
    return parser


def _add_reading(parser: argparse.ArgumentParser) -> None:
    for side in _SIDES:
        parser.add_argument(
            f"--{side}_format",
            choices=[str(choice) for choice in readers.Format],
            help="recognised from the content if not given",
        )
        parser.add_argument(
            f"--{side}_tag_columns",
            default="-1",
            help="CoNLL: columns of the tags; several hold nested layers",
        )
    parser.add_argument(
        "--on_bad_data",
        choices=[str(choice) for choice in readers.OnBadData],
        default=str(readers.OnBadData.ERROR),
        help="stop at a sentence that cannot be read, or skip and count it",
    )


def _evaluate(options: argparse.Namespace) -> Findings:
    gold = list(_read(options, "gold", options.gold))
    seen = None
    if options.train is not None:
        seen = mentions(_read(options, "train", options.train))
    runs, others = (
        [match(gold, _read(options, side, path)) for path in paths]
        for side, paths in (
            ("predicted", options.predicted),
            ("compare", options.compare),
        )
    )
    return evaluate(
        runs,
        intervals=options.intervals,
        parts=options.breakdowns or seen is not None,
        seen=seen,
        others=others,
    )


def _read(
    options: argparse.Namespace, side: str, path: str
) -> Iterator[Sentence]:
    """Reads a file, and says at its end what was skipped or repaired."""
    problems = readers.Problems()
    reading = readers.ReadOptions(
        format=getattr(options, f"{side}_format"),
        on_bad_data=options.on_bad_data,
        tag_columns=readers.parse_columns(
            getattr(options, f"{side}_tag_columns")
        ),
    )
    yield from readers.read(path, reading, problems=problems)
    for line in problems.lines():
        _note(f"{path}: {line}")


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


if __name__ == "__main__":
    sys.exit(main())

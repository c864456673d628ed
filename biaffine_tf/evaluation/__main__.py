"""Scores a file of predictions: `python -m biaffine_tf.evaluation GOLD PRED`.

The two files may be of different formats. Nothing but the scores goes to
standard output; notes and errors go to standard error.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from biaffine_tf import readers
from biaffine_tf.errors import EXIT_CODE, BiaffineError
from biaffine_tf.evaluation.matching import match
from biaffine_tf.evaluation.metrics import Scores, score
from biaffine_tf.spans import Sentence

_SIDES = ("gold", "predicted")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command.

    Args:
        arguments: Command line without the program; None takes sys.argv.

    Returns:
        Exit code: 0, or 2 if the files cannot be scored.
    """
    options = _parser().parse_args(arguments)
    try:
        gold, predicted = (_read(options, side) for side in _SIDES)
        scores = score(match(gold, predicted))
    except BiaffineError as error:
        print(error, file=sys.stderr)
        return EXIT_CODE
    _note_unknown_labels(scores)
    if options.json:
        print(json.dumps(scores.to_json(), ensure_ascii=False, indent=2))
    else:
        # rich takes longer to load than everything else here.
        from biaffine_tf.evaluation.table import print_scores

        print_scores(scores)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m biaffine_tf.evaluation",
        description="Precision, recall and F1 of predicted entities. "
        "Sentences are matched by id if all have one, else by text.",
    )
    parser.add_argument("gold", metavar="GOLD", help="labelled file")
    parser.add_argument(
        "predicted", metavar="PRED", help="the same sentences, predicted"
    )
    parser.add_argument(
        "--json", action="store_true", help="print the scores as JSON"
    )
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
    return parser


def _read(options: argparse.Namespace, side: str) -> list[Sentence]:
    """Reads a file whole, and says what was skipped or repaired in it."""
    path = getattr(options, side)
    problems = readers.Problems()
    reading = readers.ReadOptions(
        format=getattr(options, f"{side}_format"),
        on_bad_data=options.on_bad_data,
        tag_columns=readers.parse_columns(
            getattr(options, f"{side}_tag_columns")
        ),
    )
    sentences = list(readers.read(path, reading, problems=problems))
    for line in problems.lines():
        _note(f"{path}: {line}")
    return sentences


def _note_unknown_labels(scores: Scores) -> None:
    if scores.unknown_labels:
        counts = ", ".join(
            f"{label!r} ({count} predicted)"
            for label, count in scores.unknown_labels.items()
        )
        _note(
            f"labels that gold does not have: {counts}; they lower micro and "
            "macro, and do not enter cluener"
        )


def _note(message: str) -> None:
    print(f"note: {message}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())

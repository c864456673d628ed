"""Runs all data checks in one pass over each side."""

from __future__ import annotations

import dataclasses
import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TextIO

from biaffine_tf.config import Decoder, ExperimentConfig, LongText
from biaffine_tf.corpora.checks.boundaries import WordBoundaries
from biaffine_tf.corpora.checks.check import Check, Side
from biaffine_tf.corpora.checks.labels import Labels
from biaffine_tf.corpora.checks.overlaps import Overlaps
from biaffine_tf.corpora.checks.reading import Reading
from biaffine_tf.corpora.checks.sizes import Sizes
from biaffine_tf.corpora.checks.texts import MAX_TEXTS, Lines, Repeats
from biaffine_tf.corpora.checks.tokens import Learnable
from biaffine_tf.corpora.summary import Statistics
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import Tokenizer, Windowing


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Settings of the model for which data are checked.

    Attributes:
        nested: Whether entities may be nested; None to choose.
        tagger: Head of the model if it gives each token one tag, else None.
        decoder: Decoding algorithm.
        one_label_per_span: Whether a range is at most one entity.
        multi_label: Whether all labels of a range are learnt.
        long_text: Treatment of long texts; None to choose.
        tokenizer: Tokenizer; None if there is no encoder yet.
        windowing: Division of long texts; given with the tokenizer.
        max_span_width: Maximum span width in tokens; None for no limit.
        known_labels: Labels of the model that training continues from.
    """

    nested: bool | None = None
    tagger: str | None = None
    decoder: Decoder = Decoder.EXACT
    one_label_per_span: bool = False
    multi_label: bool = False
    long_text: LongText | None = None
    tokenizer: Tokenizer | None = None
    windowing: Windowing | None = None
    max_span_width: int | None = None
    known_labels: tuple[str, ...] = ()


class Examination:
    """Findings of all checks, as returned by `examine`.

    Args:
        checks: Checks that have seen the data, in display order.

    Attributes:
        rows: Rows of the table.
        choices: Settings chosen from the training data.
        warnings: Warnings of one line each.
        errors: Reasons to refuse the data.
    """

    def __init__(self, checks: Sequence[Check]) -> None:
        self.rows = [row for check in checks for row in check.rows()]
        self.choices = [one for check in checks for one in check.choices()]
        self.warnings = [one for check in checks for one in check.warnings()]
        self.errors = [one for check in checks for one in check.errors()]

    def refuse_errors(self) -> None:
        """Raises the first error, if there is one."""
        for error in self.errors:
            raise error

    def decide(self, config: ExperimentConfig) -> ExperimentConfig:
        """Applies the choices to the config of an experiment."""
        chosen = {choice.flag: choice.value for choice in self.choices}
        model, decoding = config.model, config.decoding
        return dataclasses.replace(
            config,
            model=dataclasses.replace(
                model, long_text=chosen.get("long_text", model.long_text)
            ),
            decoding=dataclasses.replace(
                decoding, nested=chosen.get("nested", decoding.nested)
            ),
        )

    def show(self, stream: TextIO | None = None) -> None:
        """Prints the table and the warnings.

        Args:
            stream: Stream to print to; standard output by default.
        """
        # rich is slow to import.
        from biaffine_tf.corpora.checks.table import print_table

        stream = stream or sys.stdout
        print_table(self.rows, stream)
        for warning in self.warnings:
            print(f"warning: {warning}", file=stream)


def examine(
    train: Iterable[Sentence],
    dev: Iterable[Sentence] | None = None,
    *,
    settings: Settings | None = None,
    problems: Mapping[Side, Problems] | None = None,
    more: Sequence[Check] = (),
    further: Iterable[Sentence] = (),
) -> Examination:
    """Checks sentences in one pass, in little memory.

    Args:
        train: Training sentences.
        dev: Dev sentences, or None.
        settings: Settings of the model; defaults if not given.
        problems: Problems that readers count while sentences are read.
        more: Further checks.
        further: Sentences that are trained on, too, but are not gold: only the
            choice of how long texts are read depends on them.

    Returns:
        The findings.

    Raises:
        DataError: If a sentence cannot be read.
    """
    sides: dict[Side, Iterable[Sentence]] = {Side.TRAIN: train}
    if dev is not None:
        sides[Side.DEV] = dev
    statistics = {side: Statistics() for side in sides}
    settings = settings or Settings()
    lines = Lines(settings.long_text)
    checks = [
        *_checks(statistics, settings, problems or {}, lines),
        *more,
    ]
    for side, sentences in sides.items():
        for sentence in sentences:
            statistics[side].add(sentence)
            for check in checks:
                check.add(sentence, side)
    for sentence in itertools.islice(further, MAX_TEXTS):
        lines.look_at(sentence.text)
    return Examination(checks)


def _checks(
    statistics: Mapping[Side, Statistics],
    settings: Settings,
    problems: Mapping[Side, Problems],
    lines: Lines,
) -> list[Check]:
    checks: list[Check] = [
        Reading(problems),
        lines,
        Sizes(statistics),
        Overlaps(
            statistics,
            nested=settings.nested,
            tagger=settings.tagger,
            decoder=settings.decoder,
            one_label_per_span=settings.one_label_per_span,
            multi_label=settings.multi_label,
        ),
        Labels(statistics, known=settings.known_labels),
        WordBoundaries(),
        Repeats(),
    ]
    if settings.tokenizer is not None and settings.windowing is not None:
        checks.append(
            Learnable(
                settings.tokenizer,
                settings.windowing,
                settings.max_span_width,
            )
        )
    return checks

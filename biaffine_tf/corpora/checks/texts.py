"""Checks for repeated texts and for texts with several lines."""

from __future__ import annotations

import collections
from collections.abc import Iterator

from biaffine_tf.choices import Choice
from biaffine_tf.config import LongText
from biaffine_tf.corpora.checks.check import Check, Row, Side
from biaffine_tf.corpora.summary import Distinct
from biaffine_tf.spans import Sentence

# Number of training texts to check for several lines.
MAX_TEXTS = 10_000


class Repeats(Check):
    """Counts texts that repeat within a side and across sides."""

    def __init__(self) -> None:
        self._texts = {side: Distinct() for side in Side}
        self._sentences: collections.Counter[Side] = collections.Counter()
        self._repeated: collections.Counter[Side] = collections.Counter()
        self._leaked = 0

    def add(self, sentence: Sentence, side: Side) -> None:
        """Compares a text with the earlier ones."""
        self._sentences[side] += 1
        self._repeated[side] += not self._texts[side].add(sentence.text)
        if side is Side.DEV:
            self._leaked += sentence.text in self._texts[Side.TRAIN]

    def rows(self) -> Iterator[Row]:
        """Yields the numbers of repetitions."""
        yield Row(
            "repeated texts",
            {side: f"{self._repeated[side]:,}" for side in self._sentences},
        )
        if self._sentences[Side.DEV]:
            yield Row(
                f"texts of the {Side.TRAIN}", {Side.DEV: f"{self._leaked:,}"}
            )

    def warnings(self) -> Iterator[str]:
        """Yields a warning of texts in both sides."""
        if self._leaked:
            yield (
                f"{Side.DEV}: {self._leaked:,} of "
                f"{self._sentences[Side.DEV]:,} texts are in the "
                f"{Side.TRAIN}, too; scores on them say little of new texts"
            )


class Lines(Check):
    """Chooses the treatment of long texts.

    A model trained on single lines only reads texts line by line.

    Args:
        long_text: Given treatment; None to choose.
    """

    def __init__(self, long_text: LongText | None) -> None:
        self._long_text = long_text
        self._left = MAX_TEXTS
        self._has_lines = False

    def add(self, sentence: Sentence, side: Side) -> None:
        """Checks a training text for line ends."""
        if side is Side.TRAIN and self._left:
            self._left -= 1
            self.look_at(sentence.text)

    def look_at(self, text: str) -> None:
        """Checks a text for line ends."""
        self._has_lines |= "\n" in text.strip()

    def choices(self) -> Iterator[Choice]:
        """Yields the choice of windows or lines."""
        if self._long_text is None:
            long_text = LongText.WINDOW if self._has_lines else LongText.LINE
            some = "some" if self._has_lines else "no"
            reason = f"{some} training text has several lines"
            yield Choice("long_text", long_text, reason)

"""Check for spans that begin or end inside words, in scripts with spaces."""

from __future__ import annotations

from collections.abc import Iterator

from biaffine_tf.corpora.checks.check import Check, Side
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import WordRule, cut_spans

_KIND = "spans that begin or end inside a word"
# Runs of letters or of digits belong to one word, in scripts with spaces.
_RULE = WordRule("aa 00")


class WordBoundaries(Check):
    """Counts spans that cut words of plain text."""

    def __init__(self) -> None:
        self._cutting = {side: Problems() for side in Side}
        self._spans = dict.fromkeys(Side, 0)

    def add(self, sentence: Sentence, side: Side) -> None:
        """Checks the ends of the spans of a plain text."""
        if sentence.words is not None:
            return
        self._spans[side] += len(sentence.spans or ())
        for span in cut_spans(sentence, _RULE):
            shown = sentence.text[max(span.start - 8, 0) : span.end + 8]
            self._cutting[side].count(
                _KIND,
                f"{sentence.file}:{sentence.line}: "
                f"{sentence.surface(span)!r} in {shown!r}",
            )

    def warnings(self) -> Iterator[str]:
        """Yields counts and first examples."""
        for side, cutting in self._cutting.items():
            if cutting:
                yield (
                    f"{side}: {cutting.counts[_KIND]:,} of "
                    f"{self._spans[side]:,} spans begin or end inside a word "
                    f"({'; '.join(cutting.examples[_KIND])})"
                )

"""Spans that begin or end inside words, where text has spaces."""

from __future__ import annotations

from collections.abc import Iterator

from biaffine_tf.corpora.checks.check import Check, Side
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence
from biaffine_tf.tokenization import WordRule, cut_spans

_KIND = "spans that begin or end inside a word"
# Runs of letters, or of digits, of scripts that write spaces between words.
_RULE = WordRule("aa 00")


class WordBoundaries(Check):
    """Counts spans that cut words; with words given, none can."""

    def __init__(self) -> None:
        self._cutting = {side: Problems() for side in Side}
        self._spans = dict.fromkeys(Side, 0)

    def add(self, sentence: Sentence, side: Side) -> None:
        """Looks at the ends of the spans of a plain text."""
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
        """Names the first ones."""
        for side, found in self._cutting.items():
            if found:
                yield (
                    f"{side}: {found.counts[_KIND]:,} of {self._spans[side]:,} "
                    f"spans begin or end inside a word "
                    f"({'; '.join(found.examples[_KIND])})"
                )

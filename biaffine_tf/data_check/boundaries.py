"""Spans that begin or end inside words, where text has spaces."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from biaffine_tf.data_check.check import Check, Side
from biaffine_tf.readers.problems import Problems
from biaffine_tf.spans import Sentence

_KIND = "spans that begin or end inside a word"
# Scripts that write no spaces between words, and Hangul, whose words hold
# particles that are no part of a name: Thai to Myanmar, Hangul, Khmer, Tai,
# kana and Han, and what is compatible with them.
_FREE = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u1950-\u19df"
    "\u1a20-\u1aaf\u3005-\u3007\u3040-\u318f\u31f0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\ua9e0-\ua9ff\uaa60-\uaa7f\uac00-\ud7ff"
    "\uf900-\ufaff\uff66-\uffdc\U0001b000-\U0001b16f\U00020000-\U0003ffff]"
)
# Kinds of neighbours that are of one word: letters and their marks, digits.
_JOINED = {("L", "L"), ("L", "M"), ("M", "M"), ("M", "L"), ("Nd", "Nd")}


def splits_word(text: str, position: int) -> bool:
    """Whether a position of a text is between two characters of a word.

    Words are runs of letters, with their marks, or of digits. Characters of
    scripts without spaces are words by themselves.

    Args:
        text: The text.
        position: Number of characters before it.
    """
    if not 0 < position < len(text):
        return False
    before, after = text[position - 1], text[position]
    if _FREE.match(before) or _FREE.match(after):
        return False
    kinds = _kind(before), _kind(after)
    return kinds in _JOINED


class WordBoundaries(Check):
    """Counts spans that cut words; with words given, none can."""

    def __init__(self) -> None:
        self._cutting = {side: Problems() for side in Side}
        self._spans = dict.fromkeys(Side, 0)

    def add(self, sentence: Sentence, side: Side) -> None:
        """Looks at the ends of the spans of a plain text."""
        if sentence.tokens is not None:
            return
        text = sentence.text
        for span in sentence.spans or ():
            self._spans[side] += 1
            if splits_word(text, span.start) or splits_word(text, span.end):
                shown = text[max(span.start - 8, 0) : span.end + 8]
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


def _kind(character: str) -> str:
    """L for letters, M for their marks, Nd for digits; others do not count."""
    category = unicodedata.category(character)
    return category[0] if category[0] in "LM" else category

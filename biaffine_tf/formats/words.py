"""Words of sentences, for formats that hold tokens rather than a text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from biaffine_tf.formats.joining import join_words, written_without_spaces
from biaffine_tf.formats.lines import Place, shorten
from biaffine_tf.formats.options import Join, ReadOptions
from biaffine_tf.spans import Sentence

# Han and kana stand alone; other letters and digits form words.
_ALONE = (
    "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
)
_WORD = re.compile(rf"[{_ALONE}]|[^\W{_ALONE}]+|\S")

Ranges = tuple[tuple[int, int], ...]


def words_of(
    sentence: Sentence, *, white: bool = True
) -> list[tuple[int, int]]:
    """Returns the words of a sentence, divided at the edges of its spans.

    Every character other than white space is in a word, so that the words can
    be found again in the text, one after another.

    Args:
        sentence: The sentence, whose own words are taken if it has any.
        white: Whether words may hold white space: that of the sentence's own
            words, and where a span begins or ends in it.

    Returns:
        Half-open character ranges from left to right.
    """
    text = sentence.text
    words = sentence.words or [one.span() for one in _WORD.finditer(text)]
    spans = [(span.start, span.end) for span in sentence.spans or ()]
    cuts = {edge for pair in (*words, *spans) for edge in pair}
    taken = [not one.isspace() for one in text]
    for start, end in words if white else ():
        taken[start:end] = [True] * (end - start)
    for start, end in (*words, *spans) if white else ():
        for edge in (start, end - 1):
            _take_white(text, edge, taken, cuts)
    ranges, begin = [], None
    for position in range(len(text) + 1):
        is_taken = position < len(text) and taken[position]
        if begin is not None and (not is_taken or position in cuts):
            ranges.append((begin, position))
            begin = None
        if is_taken and begin is None:
            begin = position
    return ranges


def _take_white(
    text: str, position: int, taken: list[bool], cuts: set[int]
) -> None:
    """Makes each white character around a position a word of its own."""
    if not text[position].isspace():
        return
    first = last = position
    while first and text[first - 1].isspace():
        first -= 1
    while last < len(text) and text[last].isspace():
        last += 1
    taken[first:last] = [True] * (last - first)
    cuts.update(range(first, last + 1))


def separator_of(
    sentences: Iterable[Sequence[str]], options: ReadOptions
) -> str:
    """Returns the string between words, from a sample of sentences."""
    if options.join is not Join.AUTO:
        return "" if options.join is Join.CHARS else " "
    tokens = [token for sentence in sentences for token in sentence]
    return "" if written_without_spaces(tokens) else " "


def place_words(
    tokens: Sequence[str], text: Any, separator: str, place: Place
) -> tuple[str, Ranges]:
    """Finds tokens in their text, or joins them to one.

    Args:
        tokens: The tokens.
        text: Their text; None if it is not known.
        separator: String between tokens without a text.
        place: Place of the sentence, for messages.

    Returns:
        The text, and the half-open character range of each token.

    Raises:
        DataError: If the text does not hold the tokens in this order.
    """
    if text is None:
        return join_words(tokens, separator)
    ranges, position = [], 0
    for token in tokens:
        start = text.find(token, position)
        if start < 0:
            raise place.error(
                f"the token {shorten(token)} is not in 'text' after "
                f"character {position}",
                "remove 'text', or give the text that the tokens are from",
            )
        position = start + len(token)
        ranges.append((start, position))
    return text, tuple(ranges)

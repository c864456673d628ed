"""Joins words to a text, and detects how."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

# Han, kana, Thai, Lao, Burmese and Khmer, which are written without spaces
# between words; Hangul is not.
_UNSPACED = re.compile(
    "[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    "\u0e01-\u0e7f\u0e81-\u0eff\u1000-\u109f\ua9e0-\ua9ff\uaa60-\uaa7f"
    "\u1780-\u17ff\u19e0-\u19ff\U00020000-\U0003ffff]"
)
_DIGITS = frozenset("0123456789")
# Minimum fraction of words whose digit continues the count. (In the Weibo
# corpus, one in 100 000 does not.)
_MIN_COUNTING = 0.95


def join_words(
    tokens: Iterable[str], separator: str
) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Joins words to a text.

    Args:
        tokens: The words.
        separator: String between them.

    Returns:
        The text, and the half-open character range of each word.
    """
    tokens = list(tokens)
    ranges = []
    position = 0
    for token in tokens:
        ranges.append((position, position + len(token)))
        position += len(token) + len(separator)
    return separator.join(tokens), tuple(ranges)


def written_without_spaces(tokens: Sequence[str]) -> bool:
    """Returns whether most words are of such a script or one character."""
    unspaced = sum(
        len(token) == 1 or _UNSPACED.search(token) is not None
        for token in tokens
    )
    return 2 * unspaced > len(tokens)


def has_segmentation_digits(sentences: Iterable[Sequence[str]]) -> bool:
    """Returns whether words are characters with their index in a real word.

    The Weibo corpus writes 科0 技1: the digit counts the characters of a word.
    Digits must continue the count, so that tokens such as "B2" stay whole.
    """
    total = counting = 0
    for tokens in sentences:
        previous = -1
        for token in tokens:
            if len(token) < 2 or token[-1] not in _DIGITS:
                return False
            digit = int(token[-1])
            counting += digit in (0, previous + 1)
            total += 1
            previous = digit
    return total > 0 and counting >= _MIN_COUNTING * total

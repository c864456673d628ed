"""Every occurrence of many strings in many texts.

Looks up prefixes of a few characters in a dictionary that knows how long the
strings are that begin so, then the strings of these lengths in a set: on
natural text as fast, in Python, as an Aho-Corasick automaton is in theory.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator

_PREFIX = 4
_FIRST_WIDE = "\u2e80"  # Han, kana, Hangul and full-width forms follow


class StringFinder:
    """Finds occurrences of strings, overlapping ones included.

    Where a string starts or ends with a letter or digit of a script that puts
    spaces between words, it is found only where a word starts or ends: "cat"
    is not in "concatenate". Chinese has no such borders.

    Example:
        >>> list(StringFinder(["北京", "北京大学"]).find("在北京大学"))
        [(1, 3), (1, 5)]
    """

    def __init__(self, strings: Iterable[str]) -> None:
        """Creates the finder.

        Args:
            strings: What to find; empty ones are not found.
        """
        self._strings = frozenset(strings) - {""}
        lengths: dict[str, set[int]] = {}
        for string in self._strings:
            lengths.setdefault(string[:_PREFIX], set()).add(len(string))
        self._lengths = {
            prefix: sorted(found) for prefix, found in lengths.items()
        }

    def find(self, text: str) -> Iterator[tuple[int, int]]:
        """Half-open ranges of all occurrences, from left to right."""
        # What makes no word border between two characters.
        joined = [is_word_character(character) for character in text]
        for start in range(len(text)):
            if start and joined[start] and joined[start - 1]:
                continue
            for end in self._ends(text, start):
                if not (end < len(text) and joined[end - 1] and joined[end]):
                    yield start, end

    def _ends(self, text: str, start: int) -> Iterator[int]:
        # Strings shorter than a prefix are under themselves.
        for width in range(1, min(_PREFIX, len(text) - start) + 1):
            for length in self._lengths.get(text[start : start + width], ()):
                end = start + length
                if end <= len(text) and text[start:end] in self._strings:
                    yield end


def is_word_character(character: str) -> bool:
    """Whether it is part of a word in a script that spaces its words."""
    if character >= _FIRST_WIDE:
        return False
    return character.isalnum() or unicodedata.category(character)[0] == "M"

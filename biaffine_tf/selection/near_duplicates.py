"""Exact search for near-duplicates of texts.

The similarity of two texts is that of their sets of three-character pieces, the
number of common pieces divided by that of all (Jaccard). Case and white space
do not count. Two sets A and B of a similarity of at least t share a piece among
the first |A| - ceil(t |A|) + 1 of A and as many of B, in any one order of all
pieces: an index of these finds all pairs (Bayardo et al., Scaling Up All Pairs
Similarity Search, WWW 2007).
"""

from __future__ import annotations

import array
import math

_PIECE = 3  # characters


class NearDuplicates:
    """Texts in which near-duplicates of others can be found.

    Args:
        min_similarity: Minimum similarity of near-duplicates, in (0, 1].
    """

    def __init__(self, min_similarity: float) -> None:
        self._min_similarity = min_similarity
        self._known: list[array.array[int]] = []
        self._index: dict[int, list[int]] = {}

    def add(self, text: str) -> None:
        """Adds a text."""
        pieces = _pieces(text)
        number = len(self._known)
        self._known.append(array.array("q", pieces))
        for piece in self._beginning(pieces):
            self._index.setdefault(piece, []).append(number)

    def find(self, text: str) -> int | None:
        """Returns the number of the first near-duplicate; None if none."""
        pieces = _pieces(text)
        own = frozenset(pieces)
        numbers = {
            number
            for piece in self._beginning(pieces)
            for number in self._index.get(piece, ())
        }
        for number in sorted(numbers):
            known = self._known[number]
            common = len(own.intersection(known))
            union = len(own) + len(known) - common
            if common >= self._min_similarity * union:
                return number
        return None

    def _beginning(self, pieces: list[int]) -> list[int]:
        least = math.ceil(self._min_similarity * len(pieces) - 1e-9)
        return pieces[: len(pieces) - least + 1]


def _pieces(text: str) -> list[int]:
    """Returns the hashes of the distinct pieces of a text, sorted.

    Hashes differ between processes, and so does their order; what is found does
    not depend on it.
    """
    plain = "".join(text.split()).casefold()
    last = max(len(plain) - _PIECE, 0)
    return sorted(
        {hash(plain[start : start + _PIECE]) for start in range(last + 1)}
    )

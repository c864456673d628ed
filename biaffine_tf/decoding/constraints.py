"""What no entity may be, whatever the model thinks of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from biaffine_tf.decoding.candidates import Candidate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Constraints:
    """Bounds on the width and the characters of entities.

    They are applied to candidates, in this order, after those that cut words
    have been dropped (see `tokenization.words`), so that the decoder fills
    the room of what they drop with the next best:

    1. Characters of `forbidden_edges` are cut off both ends. The candidate
       keeps its label and its margin; if nothing is left it is dropped.
    2. A candidate that then holds a character of `forbidden_inside`, be it at
       an edge, is dropped.
    3. A candidate that then is too narrow or too wide is dropped.

    With the same characters in both this is what the code of an entry to CCKS
    2021, track 2 (Chinese addresses) describes as its post-processing: special
    characters at the ends of an entity are removed, and an entity that has
    one elsewhere is none. The characters were "，。（）()".

    Attributes:
        min_width: Characters of the narrowest entity.
        max_width: Characters of the widest one; None for no bound.
        forbidden_edges: Characters that entities neither begin nor end with.
        forbidden_inside: Characters that they do not hold.
    """

    min_width: int = 1
    max_width: int | None = None
    forbidden_edges: str = ""
    forbidden_inside: str = ""

    def apply(
        self, candidates: Iterable[Candidate], text: str | None = None
    ) -> list[Candidate]:
        """The candidates that may be entities, cut where they must be.

        Args:
            candidates: Their positions are characters of the text.
            text: The text; not needed if no character is forbidden.

        Returns:
            Those left, in the order given. Cut ones may repeat others.

        Raises:
            ValueError: If characters are forbidden and there is no text.
        """
        if self.forbidden_edges or self.forbidden_inside:
            if text is None:
                raise ValueError("forbidden characters, but no text")
            candidates = self._without_characters(candidates, text)
        return [
            one
            for one in candidates
            if one.end - one.start >= self.min_width
            and (
                self.max_width is None or one.end - one.start <= self.max_width
            )
        ]

    def _without_characters(
        self, candidates: Iterable[Candidate], text: str
    ) -> Iterator[Candidate]:
        inside = set(self.forbidden_inside)
        for one in candidates:
            start, end = _trim(text, one.start, one.end, self.forbidden_edges)
            if start < end and inside.isdisjoint(text[start:end]):
                yield one._replace(start=start, end=end)


def _trim(text: str, start: int, end: int, characters: str) -> tuple[int, int]:
    """The range without these characters at its ends; may be empty."""
    while start < end and text[start] in characters:
        start += 1
    while start < end and text[end - 1] in characters:
        end -= 1
    return start, end

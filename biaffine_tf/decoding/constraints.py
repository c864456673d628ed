"""Hard constraints on entities."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator

from biaffine_tf.decoding.candidates import Candidate


@dataclasses.dataclass(frozen=True, kw_only=True)
class Constraints:
    """Constraints on the width and the characters of entities.

    They are applied before decoding, after word boundaries (see
    `tokenization.words`), so that the decoder can use the next best candidates:

    1. Characters of `forbidden_edges` are cut off both ends. Label and margin
       stay; an empty candidate is dropped.
    2. A candidate that contains a character of `forbidden_inside` is dropped.
    3. A candidate that is too narrow or too wide is dropped.

    With the same characters in both, this is the post-processing of an entry to
    CCKS 2021, track 2 (Chinese addresses), with the characters "，。（）()".

    Attributes:
        min_width: Minimum width in characters.
        max_width: Maximum width in characters; None for no limit.
        forbidden_edges: Characters to cut off the ends of entities.
        forbidden_inside: Characters that entities must not contain.
    """

    min_width: int = 1
    max_width: int | None = None
    forbidden_edges: str = ""
    forbidden_inside: str = ""

    def apply(
        self, candidates: Iterable[Candidate], text: str | None = None
    ) -> list[Candidate]:
        """Cuts and drops candidates.

        Args:
            candidates: Candidates with positions in characters of the text.
            text: The text; required if characters are forbidden.

        Returns:
            The remaining candidates, in the order given; may repeat ranges.

        Raises:
            ValueError: If characters are forbidden and the text is missing.
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
    """Trims characters off the ends of a range; may return an empty one."""
    while start < end and text[start] in characters:
        start += 1
    while start < end and text[end - 1] in characters:
        end -= 1
    return start, end

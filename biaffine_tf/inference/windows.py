"""Texts that gather what the model finds in their windows.

What windows propose is merged before anything is decoded: on each pair of
pieces the window decides in which it lies most centrally, also that the pair
is no candidate. Then the text is decoded as a whole.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from biaffine_tf.decoding import Candidate
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import (
    Edges,
    Pieces,
    Window,
    Windows,
    WordRule,
    to_characters,
)


class Proposals(NamedTuple):
    """Pairs that the model finds in a window, one entry for each.

    Attributes:
        first: First piece, counted from that of the window, int `[N]`.
        last: Last piece, inclusive, int `[N]`.
        labels: Id of the best label, int `[N]`.
        logits: Its logit, float `[N]`.
        margins: Its logit less that of "none", float `[N]`. Not above what
            was asked for if the pair is no candidate, but the best of a window
            without any.
        scores: Its probability, float64 `[N]`.
    """

    first: np.ndarray
    last: np.ndarray
    labels: np.ndarray
    logits: np.ndarray
    margins: np.ndarray
    scores: np.ndarray

    def take(self, index: np.ndarray) -> Proposals:
        """Some of them, by indices or by a mask."""
        return Proposals(*(column[index] for column in self))


class Wanted(NamedTuple):
    """Which proposals are candidates.

    Attributes:
        least_margin: Those whose margin is above it.
        strongest: Of these, those that it admits; None for all.
        rule: Tells the words of plain text, at which candidates begin and
            end; None where they are free.
    """

    least_margin: float = 0.0
    strongest: Strongest | None = None
    rule: WordRule | None = None


_ABOVE_NONE = Wanted()


class WindowedText:
    """A text and what its windows have proposed so far.

    Args:
        pieces: Of the whole text.
        windows: Of the text.
        labels: Labels of the model.
        wanted: Which pairs are candidates.
        surrounded: Ids of the text within its context, where the model reads
            both at once; there is one window then.
        edges: Pieces that candidates may begin and end with; None for any.

    Attributes:
        pieces: As given.
        windows: As given.
        surrounded: As given.
        candidates: In characters, in any order.
        best_other: Of all proposals that are no candidates of the text, the
            one with the highest logit; of equals the first by position.
    """

    def __init__(
        self,
        pieces: Pieces,
        windows: Windows,
        labels: LabelMap,
        *,
        wanted: Wanted = _ABOVE_NONE,
        surrounded: Sequence[int] | None = None,
        edges: Edges | None = None,
    ) -> None:
        self.pieces = pieces
        self.windows = windows
        self.surrounded = surrounded
        self.candidates: list[Candidate] = []
        self.best_other: Candidate | None = None
        self._labels = labels
        self._wanted = wanted
        self._edges = edges

    @property
    def parts(self) -> list[Part]:
        """Its windows, in order."""
        return [
            Part(self, index, window)
            for index, window in enumerate(self.windows)
        ]

    def add(self, index: int, found: Proposals) -> None:
        """Takes over what a window decides on, and notes the best of the rest.

        Args:
            index: Of the window; each is added once, in any order.
            found: All that it proposes. What does not begin and end where it
                may is left out.
        """
        start = self.windows[index].start
        found = found._replace(
            first=found.first + start, last=found.last + start
        )
        if self._edges is not None:
            admitted = self._edges.admit(found.first, found.last)
            found = found.take(admitted)
        decider = self.windows.most_central(found.first, found.last)
        wanted = self._wanted
        is_kept = (decider == index) & (found.margins > wanted.least_margin)
        kept, rest = found.take(is_kept), found.take(~is_kept)
        if wanted.strongest is not None:
            kept = kept.take(wanted.strongest.admit(kept.scores))
        self.candidates += self._in_characters(kept)
        if len(rest.first):
            best = rest.take(rest.logits == rest.logits.max())
            others = self._in_characters(best)
            if self.best_other is not None:
                others.append(self.best_other)
            self.best_other = min(others, key=_by_logit, default=None)

    def _in_characters(self, found: Proposals) -> list[Candidate]:
        """Pieces may share a character, so it is there that entities clash."""
        candidates = []
        for first, last, label, logit, margin, score in zip(
            *(column.tolist() for column in found), strict=True
        ):
            start, end = to_characters(first, last, self.pieces.offsets)
            candidates.append(
                Candidate(
                    start,
                    end,
                    self._labels.name(label),
                    margin=margin,
                    logit=logit,
                    score=score,
                )
            )
        return candidates


@dataclasses.dataclass(frozen=True, slots=True)
class Part:
    """A window of a text.

    Attributes:
        text: The text.
        index: Which of its windows.
        window: Its pieces.
    """

    text: WindowedText
    index: int
    window: Window

    @property
    def length(self) -> int:
        """Number of pieces that the model reads."""
        return len(self.ids)

    @property
    def ids(self) -> Sequence[int]:
        """Vocabulary ids of its pieces, with those of context around."""
        if self.text.surrounded is not None:
            return self.text.surrounded
        return self.text.pieces.ids[self.window.start : self.window.end]


def _by_logit(one: Candidate) -> tuple[float, int, int]:
    return -one.rank, one.start, one.end

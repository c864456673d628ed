"""Sentences that gather what the model finds in their windows.

The candidates of windows are merged before anything is decoded: on each range
of tokens the window decides in which it lies most centrally, also that the
range is no candidate. Then the sentence is decoded as a whole.
"""

from __future__ import annotations

import dataclasses
import math
from typing import NamedTuple

import numpy as np

from biaffine_tf.decoding import Candidate, Candidates
from biaffine_tf.inference.strongest import Strongest
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import (
    Edges,
    Surrounded,
    Tokens,
    Windows,
    WordRule,
    to_characters,
)


class Wanted(NamedTuple):
    """Which candidates of the windows are candidates of the sentence.

    Attributes:
        min_margin: Those whose margin is above it.
        min_log_odds: Of these, those whose log-odds are no less.
        strongest: Of these, those that it admits; None for all.
        rule: Tells the words of plain text, at which candidates begin and
            end; None where they are free.
    """

    min_margin: float = 0.0
    min_log_odds: float = -math.inf
    strongest: Strongest | None = None
    rule: WordRule | None = None


_ABOVE_NONE = Wanted()


class WindowedText:
    """A sentence, its windows, and what they have proposed so far.

    Args:
        sentence: Its spans are ignored.
        tokens: Of its text.
        windows: Of the tokens.
        labels: Labels of the model.
        wanted: Which candidates are taken.
        surrounded: The tokens within their context, where the model reads
            both at once; there is one window then.
        edges: Tokens that candidates may begin and end with; None for any.
        is_cut: Whether the tokens are more than the windows hold.

    Attributes:
        sentence: As given.
        is_cut: As given.
        candidates: In characters, in any order.
        best_other: Of all that is no candidate of the sentence, the one with
            the highest logit; of equals the first by position.
    """

    def __init__(
        self,
        sentence: Sentence,
        tokens: Tokens,
        windows: Windows,
        labels: LabelMap,
        *,
        wanted: Wanted = _ABOVE_NONE,
        surrounded: Surrounded | None = None,
        edges: Edges | None = None,
        is_cut: bool = False,
    ) -> None:
        self.sentence = sentence
        self.is_cut = is_cut
        self.candidates: list[Candidate] = []
        self.best_other: Candidate | None = None
        self._tokens = tokens
        self._windows = windows
        self._surrounded = surrounded
        self._labels = labels
        self._wanted = wanted
        self._edges = edges

    @property
    def windows(self) -> list[TextWindow]:
        """Its windows, in order, made anew: a cycle would keep both."""
        return [
            TextWindow(
                self,
                index,
                self._surrounded or Surrounded(self._tokens.ids[start:end], ()),
            )
            for index, (start, end) in enumerate(self._windows)
        ]

    def add(self, index: int, found: Candidates) -> None:
        """Takes over what a window decides on, and notes the best of the rest.

        Args:
            index: Of the window; each is added once, in any order.
            found: Its candidates, in tokens of the window. What does not begin
                and end where it may is left out. Where the window has no
                candidate, its best range may be given for one.
        """
        offset = self._windows[index].start
        found = found._replace(
            starts=found.starts + offset, ends=found.ends + offset
        )
        if self._edges is not None:
            found = found.take(self._edges.admit(found.starts, found.ends - 1))
        decider = self._windows.most_central(found.starts, found.ends - 1)
        wanted = self._wanted
        is_kept = decider == index
        is_kept &= found.margins > wanted.min_margin
        is_kept &= found.log_odds >= wanted.min_log_odds
        kept, rest = found.take(is_kept), found.take(~is_kept)
        if wanted.strongest is not None:
            kept = kept.take(wanted.strongest.admit(kept.log_odds))
        self.candidates += self._in_characters(kept)
        if len(rest.logits):
            best = rest.take(rest.logits == rest.logits.max())
            others = self._in_characters(best)
            if self.best_other is not None:
                others.append(self.best_other)
            self.best_other = min(others, key=_by_logit, default=None)

    def _in_characters(self, found: Candidates) -> list[Candidate]:
        """Tokens may share a character, so it is there that entities clash."""
        candidates = []
        for _, start, end, label, *opinion in zip(
            *found.map(np.ndarray.tolist), strict=True
        ):
            start, end = to_characters(start, end - 1, self._tokens.offsets)
            name = self._labels.name(label)
            candidates.append(Candidate(start, end, name, *opinion))
        return candidates


@dataclasses.dataclass(frozen=True, slots=True)
class TextWindow:
    """A window of a sentence.

    Attributes:
        text: The sentence.
        index: Which of its windows.
        tokens: What the model reads, context included.
    """

    text: WindowedText
    index: int
    tokens: Surrounded

    def __len__(self) -> int:
        """Number of tokens that the model reads."""
        return len(self.tokens.ids)


def _by_logit(one: Candidate) -> tuple[float, int, int]:
    return -one.rank, one.start, one.end

"""Sentences that collect the candidates of their windows.

Candidates of windows are merged before decoding: on each range of tokens the
window decides in which it lies most centrally, also that the range is no
candidate. Then the sentence is decoded as a whole.
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
    """Conditions for candidates of windows to be kept.

    Attributes:
        min_margin: The margin is above it.
        min_log_odds: The log-odds are at least this.
        strongest: Admits the candidate; None for no condition.
        rule: Finds the words of plain text, at which candidates must begin
            and end; None for no condition.
    """

    min_margin: float = 0.0
    min_log_odds: float = -math.inf
    strongest: Strongest | None = None
    rule: WordRule | None = None


_ABOVE_NONE = Wanted()


class WindowedText:
    """A sentence, its windows, and their candidates so far.

    Args:
        sentence: The sentence, whose spans are ignored.
        tokens: Tokens of its text.
        windows: Windows of the tokens.
        labels: Labels of the model.
        wanted: Conditions for candidates.
        surrounded: The tokens with their context, if the model reads both;
            there is one window then.
        edges: Tokens that candidates may begin and end with; None for any.
        is_cut: Whether the text is truncated to the windows.

    Attributes:
        sentence: As given.
        is_cut: As given.
        candidates: Candidates in characters, in any order.
        best_other: Span with the highest logit of those that are no candidates;
            of equal ones the first by position.
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
        """Its windows in order; not stored, to avoid a reference cycle."""
        return [
            TextWindow(
                self,
                index,
                self._surrounded or Surrounded(self._tokens.ids[start:end], ()),
            )
            for index, (start, end) in enumerate(self._windows)
        ]

    def add(self, index: int, candidates: Candidates) -> None:
        """Adds the candidates of a window that it decides on.

        Args:
            index: Number of the window; each is added once, in any order.
            candidates: Its candidates, in tokens of the window; those that cut
                words are dropped. For a window without candidates, its best
                range may be included.
        """
        if offset := self._windows[index].start:
            candidates = candidates._replace(
                starts=candidates.starts + offset,
                ends=candidates.ends + offset,
            )
        if self._edges is not None:
            candidates = candidates.take(
                self._edges.admit(candidates.starts, candidates.ends - 1)
            )
        decider = self._windows.most_central(
            candidates.starts, candidates.ends - 1
        )
        wanted = self._wanted
        is_kept = decider == index
        is_kept &= candidates.margins > wanted.min_margin
        is_kept &= candidates.log_odds >= wanted.min_log_odds
        if is_kept.all():  # as a rule
            kept, rest = candidates, candidates.take(slice(0))
        else:
            kept, rest = candidates.take(is_kept), candidates.take(~is_kept)
        if wanted.strongest is not None:
            kept = kept.take(wanted.strongest.admit(kept.log_odds))
        self.candidates += self._in_characters(kept)
        if len(rest.logits):
            best = rest.take(rest.logits == rest.logits.max())
            others = self._in_characters(best)
            if self.best_other is not None:
                others.append(self.best_other)
            self.best_other = min(others, key=_by_logit, default=None)

    def _in_characters(self, candidates: Candidates) -> list[Candidate]:
        """Converts to characters, which tokens may share."""
        offsets, name = self._tokens.offsets, self._labels.name
        _, *columns = candidates.map(np.ndarray.tolist)
        return [
            Candidate(
                *to_characters(start, end - 1, offsets),
                name(label),
                *opinion,
            )
            for start, end, label, *opinion in zip(*columns, strict=True)
        ]


@dataclasses.dataclass(frozen=True, slots=True)
class TextWindow:
    """A window of a sentence.

    Attributes:
        text: The sentence.
        index: Number of the window.
        tokens: Tokens that the model reads, including context.
    """

    text: WindowedText
    index: int
    tokens: Surrounded

    def __len__(self) -> int:
        """Number of tokens that the model reads."""
        return len(self.tokens.ids)


def _by_logit(candidate: Candidate) -> tuple[float, int, int]:
    return -candidate.rank, candidate.start, candidate.end

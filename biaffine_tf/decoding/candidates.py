"""Candidates: spans that may be entities, before a decoder picks among them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Self


class Candidate(NamedTuple):
    """A labelled half-open range with the model's opinion of it.

    Attributes:
        start: First position. Positions are whatever the caller counts,
            tokens or characters; decoders only compare them.
        end: One past the last position.
        label: Entity label.
        margin: How far it is above its bar, which is the logit of "none" or,
            in log-odds, a threshold; above zero it passes.
        logit: What greedy decoding sorts by, or None for the margin.
        log_odds: Of its probability, if the caller knows it; decoders carry it
            along and do not read it but to break ties.
    """

    start: int
    end: int
    label: str
    margin: float
    logit: float | None = None
    log_odds: float | None = None

    @property
    def rank(self) -> float:
        """What greedy decoding sorts by: the logit, else the margin."""
        return self.margin if self.logit is None else self.logit

    @property
    def score(self) -> float | None:
        """Probability in [0, 1], if its log-odds are known."""
        return None if self.log_odds is None else to_probability(self.log_odds)


class Candidates(NamedTuple):
    """Candidates of several sentences, one row each.

    Columns are numpy arrays or tensors, `[N]`: integers and float32 as heads
    make them. Positions are tokens or characters, as in `Candidate`.

    Attributes:
        sentences: Index of the sentence that each is in.
        starts: First position.
        ends: One past the last position.
        labels: Id of the label, above 0.
        margins: Logit of the label less that of "none".
        logits: Logit of the label.
        log_odds: Of the probability of the label. The probability itself would
            have steps of 6e-8 close to 1, where most entities are.
    """

    sentences: Any
    starts: Any
    ends: Any
    labels: Any
    margins: Any
    logits: Any
    log_odds: Any

    def map(self, function: Callable[..., Any], *others: Candidates) -> Self:
        """What a function makes of each column, with those of others."""
        return type(self)(*map(function, self, *others))

    def take(self, index: Any) -> Self:
        """Rows by a slice, indices or a mask; of arrays."""
        return self.map(lambda column: column[index])


def to_probability(log_odds: float) -> float:
    """Probability of log-odds; never overflows."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    exponent = math.exp(log_odds)
    return exponent / (1 + exponent)

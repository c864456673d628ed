"""Candidates: scored spans from which a decoder selects entities."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, Self


class Candidate(NamedTuple):
    """A labelled half-open range with the model's scores.

    Attributes:
        start: First position, in tokens or characters; decoders only compare
            positions.
        end: One past the last position.
        label: Entity label.
        margin: Logit minus that of "none", or log-odds minus a threshold;
            positive if the candidate passes.
        logit: Sort key of greedy decoding, or None to use the margin.
        log_odds: Log-odds of the probability, if known; decoders use them only
            to break ties.
    """

    start: int
    end: int
    label: str
    margin: float
    logit: float | None = None
    log_odds: float | None = None

    @property
    def rank(self) -> float:
        """Sort key of greedy decoding: the logit, else the margin."""
        return self.margin if self.logit is None else self.logit

    @property
    def score(self) -> float | None:
        """Probability in [0, 1], or None if log-odds are unknown."""
        return None if self.log_odds is None else to_probability(self.log_odds)


class Candidates(NamedTuple):
    """Candidates of several sentences, as columns.

    Columns are NumPy arrays or tensors `[N]`: integers, and float32 as made by
    heads. Positions are tokens or characters, as in `Candidate`.

    Attributes:
        sentences: Index of the sentence.
        starts: First position.
        ends: One past the last position.
        labels: Id of the label, above 0.
        margins: Logit of the label minus that of "none".
        logits: Logit of the label.
        log_odds: Log-odds of the label's probability. A float32 probability
            would have steps of 6e-8 near 1, where most entities are.
    """

    sentences: Any
    starts: Any
    ends: Any
    labels: Any
    margins: Any
    logits: Any
    log_odds: Any

    def map(self, function: Callable[..., Any], *others: Candidates) -> Self:
        """Applies a function to each column, with the same ones of others."""
        return type(self)(*map(function, self, *others))

    def take(self, index: Any) -> Self:
        """Selects rows by a slice, indices or a mask; for arrays."""
        return self.map(lambda column: column[index])


def to_probability(log_odds: float) -> float:
    """Converts log-odds to a probability, without overflow."""
    if log_odds >= 0:
        return 1 / (1 + math.exp(-log_odds))
    exponent = math.exp(log_odds)
    return exponent / (1 + exponent)

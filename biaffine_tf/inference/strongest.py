"""The strongest candidates of a corpus, found in bounded memory."""

from __future__ import annotations

import numpy as np


class Strongest:
    """Scores of the strongest candidates that have been seen so far.

    Args:
        most: Number of candidates that are wanted.
        least_score: Candidates have at least this score.
    """

    def __init__(self, most: int, *, least_score: float) -> None:
        self._size = most + 1  # the next one's score is the floor
        self._least = least_score
        self._seen = np.empty(0)
        self._floor = 0.0

    @property
    def floor(self) -> float:
        """Score that those wanted exceed; 0 while there are not too many."""
        if len(self._seen) > self._size:
            split = len(self._seen) - self._size
            self._seen = np.partition(self._seen, split)[split:]
        if len(self._seen) == self._size:
            self._floor = float(self._seen.min())
        return self._floor

    def admit(self, scores: np.ndarray) -> np.ndarray:
        """Takes note of candidates; says which of them may be wanted.

        Args:
            scores: Of the candidates, float `[N]`.

        Returns:
            bool `[N]`: false for those that cannot be among the strongest.
        """
        possible = (scores >= self._least) & (scores > self._floor)
        self._seen = np.concatenate([self._seen, scores[possible]])
        if len(self._seen) > 2 * self._size:  # else each call would sort
            possible &= scores > self.floor
        return possible

"""The strongest candidates of a corpus, found in bounded memory."""

from __future__ import annotations

import numpy as np


class Strongest:
    """Log-odds of the strongest candidates that have been seen so far.

    Args:
        most: Number of candidates that are wanted.
    """

    def __init__(self, most: int) -> None:
        self._size = most + 1  # the next one's log-odds are the floor
        self._seen = np.empty(0)
        self._floor = -np.inf

    @property
    def floor(self) -> float:
        """Log-odds that those wanted exceed."""
        if len(self._seen) > self._size:
            split = len(self._seen) - self._size
            self._seen = np.partition(self._seen, split)[split:]
        if len(self._seen) == self._size:
            self._floor = float(self._seen.min())
        return self._floor

    def admit(self, log_odds: np.ndarray) -> np.ndarray:
        """Takes note of candidates; says which of them may be wanted.

        Args:
            log_odds: Of the candidates, float `[N]`.

        Returns:
            bool `[N]`: false for those that cannot be among the strongest.
        """
        possible = log_odds > self._floor
        self._seen = np.concatenate([self._seen, log_odds[possible]])
        if len(self._seen) > 2 * self._size:  # else each call would sort
            possible &= log_odds > self.floor
        return possible

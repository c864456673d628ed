"""The strongest candidates of a corpus, in bounded memory."""

from __future__ import annotations

import numpy as np


class Strongest:
    """Log-odds of the strongest candidates seen so far.

    Args:
        size: Number of candidates to keep.
    """

    def __init__(self, size: int) -> None:
        self._size = size + 1  # the next one's log-odds are the floor
        self._seen = np.empty(0)
        self._floor = -np.inf

    @property
    def floor(self) -> float:
        """Log-odds that the strongest candidates exceed."""
        if len(self._seen) > self._size:
            split = len(self._seen) - self._size
            self._seen = np.partition(self._seen, split)[split:]
        if len(self._seen) == self._size:
            self._floor = float(self._seen.min())
        return self._floor

    def admit(self, log_odds: np.ndarray) -> np.ndarray:
        """Adds candidates, and marks those that may be among the strongest.

        Args:
            log_odds: Log-odds of the candidates, float `[N]`.

        Returns:
            bool `[N]`: false for those that cannot be among the strongest.
        """
        possible = log_odds > self._floor
        self._seen = np.concatenate([self._seen, log_odds[possible]])
        if len(self._seen) > 2 * self._size:  # else each call would sort
            possible &= log_odds > self.floor
        return possible

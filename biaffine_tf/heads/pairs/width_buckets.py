"""Buckets of span widths; no TensorFlow."""

from __future__ import annotations

import numpy as np

# Widths in tokens at which a bucket begins.
BOUNDS = (1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 16, 24, 32, 48, 64)


def buckets_of_distances() -> np.ndarray:
    """Returns the bucket of each distance last - first, int32.

    Distances beyond the last entry have its bucket.
    """
    widths = np.arange(1, BOUNDS[-1] + 1)
    return np.searchsorted(BOUNDS, widths, side="right").astype(np.int32) - 1

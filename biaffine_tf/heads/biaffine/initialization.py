"""Initial weights of the biaffine head."""

from __future__ import annotations

import numpy as np
import tf_keras

# With projections of unit variance this gives logits of a few tenths.
_STDDEV = 0.02


def draw_bilinear(
    shape: tuple[int, int, int], log_odds: np.ndarray
) -> np.ndarray:
    """Draws a bilinear map with the given constant terms.

    Args:
        shape: `[D + 1, C, D + 1]`.
        log_odds: Constant term of each class, `[C]`.

    Returns:
        float32, truncated normal with standard deviation 0.02 except for
        `[-1, :, -1]`. Depends on the global seed.
    """
    draw = tf_keras.initializers.TruncatedNormal(stddev=_STDDEV)
    bilinear = draw(tuple(shape)).numpy()
    bilinear[-1, :, -1] = log_odds
    return bilinear


def init_new_labels(
    initial: np.ndarray, known: np.ndarray, *, has_priors: bool
) -> np.ndarray:
    """Extends the bilinear map of a trained head by new labels.

    Args:
        initial: Bilinear map of a new head, float32 `[D + 1, C, D + 1]`.
        known: Bilinear map of the trained head, `[D + 1, K, D + 1]`, K <= C;
            its classes come first, "none" at 0.
        has_priors: Whether the constant terms of `initial` are log-odds
            against "none", whose own term is 0.

    Returns:
        `[D + 1, C, D + 1]`: known classes as trained, new ones as in `initial`;
        their log-odds are made relative to the trained constant term of "none".
    """
    bilinear, classes = initial.copy(), known.shape[1]
    bilinear[:, :classes] = known
    if has_priors:
        bilinear[-1, classes:, -1] += known[-1, 0, -1]
    return bilinear


def has_room_for(initial: np.ndarray, known: np.ndarray) -> bool:
    """Whether the maps differ only in the number of classes, C >= K."""
    return (
        known.ndim == initial.ndim
        and known.shape[::2] == initial.shape[::2]
        and known.shape[1] <= initial.shape[1]
    )

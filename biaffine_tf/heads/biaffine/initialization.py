"""Initial weights of the biaffine head."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tf_keras

from biaffine_tf.records.widths import count_pairs

# With projections of unit variance this gives logits of a few tenths.
_STDDEV = 0.02
# Lower bound on the cells of a label: training would need a hundred steps to
# leave an initial logit of -20.
MIN_CELLS = 10


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


def class_log_priors(
    cells: Mapping[tuple[int, int], int],
    scored_lengths: Mapping[int, int],
    *,
    num_classes: int,
    max_span_width: int | None = None,
    neg_sample: float = 1.0,
) -> np.ndarray:
    """Computes the log-odds of each class against "none" over all pairs.

    A softmax over them gives each class its frequency, which saves the steps of
    learning that most pairs are no entity.

    Args:
        cells: Number of cells by (label id, width in tokens).
        scored_lengths: Number of windows by number of scored tokens.
        num_classes: C, "none" included.
        max_span_width: Maximum span width in tokens; None for all pairs.
        neg_sample: Fraction of the negative pairs that enters the loss.

    Returns:
        float64 `[C]`, log(pairs of the class / pairs of "none"), 0 for "none";
        each class counts at least `MIN_CELLS` pairs.
    """
    counts = np.zeros(num_classes)
    for (label, width), number in cells.items():
        if max_span_width is None or width <= max_span_width:
            counts[label] += number
    negatives = count_pairs(scored_lengths, max_span_width) - counts.sum()
    counts = np.maximum(counts, MIN_CELLS)
    counts[0] = max(negatives * neg_sample, MIN_CELLS)
    return np.log(counts / counts[0])


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

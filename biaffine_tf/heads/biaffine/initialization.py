"""Initial weights of a head that is to be trained."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import tf_keras

from biaffine_tf.records.widths import count_pairs

# With projections of vectors of unit variance, logits of some tenths.
_STDDEV = 0.02
# Rarer labels start as if they had so many cells: a logit of -20 would take
# the first hundred steps to come back from.
MIN_CELLS = 10


def draw_bilinear(
    shape: tuple[int, int, int], log_odds: np.ndarray
) -> np.ndarray:
    """Draws a bilinear map with given constant terms.

    Args:
        shape: `[D + 1, C, D + 1]`.
        log_odds: Constant term of each class, `[C]`.

    Returns:
        float32 of that shape, normal with a standard deviation of 0.02 but for
        `[-1, :, -1]`. It depends on the global seed.
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
    """Log-odds of each class against "none" before anything is known of a pair.

    A softmax over them gives each class its frequency: the start at which no
    step is spent on learning that most pairs are no entity.

    Args:
        cells: Number of cells for each (label id, width in tokens).
        scored_lengths: Number of windows for each number of scored tokens.
        num_classes: C, "none" included.
        max_span_width: Bound on the width of pairs in tokens; None for all.
        neg_sample: Fraction of the negative pairs that enters the loss.

    Returns:
        float64 `[C]`, 0 for "none": log(pairs of the class / pairs of "none"),
        with at least `MIN_CELLS` pairs a class.
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
    """Bilinear map of a trained head with more labels.

    Args:
        initial: Bilinear map of a new head, float32 `[D + 1, C, D + 1]`.
        known: That of the trained head, `[D + 1, K, D + 1]`, K <= C; its
            classes are the first ones, "none" at first.
        has_priors: Whether the constant terms of the new head are log-odds
            against "none", whose own is 0.

    Returns:
        `[D + 1, C, D + 1]`: known classes as they were trained, those behind
        them as a new head starts them. Log-odds are then against the constant
        term that "none" was trained to.
    """
    bilinear, classes = initial.copy(), known.shape[1]
    bilinear[:, :classes] = known
    if has_priors:
        bilinear[-1, classes:, -1] += known[-1, 0, -1]
    return bilinear


def has_room_for(initial: np.ndarray, known: np.ndarray) -> bool:
    """Whether they differ in nothing but the number of classes."""
    return (
        known.ndim == initial.ndim
        and known.shape[::2] == initial.shape[::2]
        and known.shape[1] <= initial.shape[1]
    )

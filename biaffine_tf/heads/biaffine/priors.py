"""Class frequencies over the pairs that the loss sees."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from biaffine_tf.records.widths import count_pairs

# Rarer labels start as if they had so many cells: a logit of -20 would take
# the first hundred steps to come back from.
FEWEST_CELLS = 10


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
        cells: Number of cells for each (label id, width in pieces).
        scored_lengths: Number of windows for each number of scored pieces.
        num_classes: C, "none" included.
        max_span_width: Bound on the width of pairs in pieces; None for all.
        neg_sample: Fraction of the negative pairs that enters the loss.

    Returns:
        float64 `[C]`, 0 for "none": log(pairs of the class / pairs of "none"),
        with at least `FEWEST_CELLS` pairs a class.
    """
    counts = np.zeros(num_classes)
    for (label, width), number in cells.items():
        if max_span_width is None or width <= max_span_width:
            counts[label] += number
    negatives = count_pairs(scored_lengths, max_span_width) - counts.sum()
    counts = np.maximum(counts, FEWEST_CELLS)
    counts[0] = max(negatives * neg_sample, FEWEST_CELLS)
    return np.log(counts / counts[0])

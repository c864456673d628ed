"""Counts of the classes in the training data, for biases and weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from biaffine_tf.records.widths import count_pairs

# Lower bound on the cells of a label: training would need a hundred steps to
# leave an initial logit of -20.
MIN_CELLS = 10


def class_log_priors(
    cells: Mapping[tuple[int, int], int],
    scored_lengths: Mapping[int, int],
    *,
    num_classes: int,
    max_span_width: int | None = None,
    neg_sample: float = 1.0,
    hidden: Mapping[tuple[int, int], int] | None = None,
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
        hidden: Number of windows by (id of a label that they do not label,
            number of scored tokens). The frequency of a label is that among the
            pairs of the other windows.

    Returns:
        float64 `[C]`, log(pairs of the class / pairs of "none"), 0 for "none";
        each class counts at least `MIN_CELLS` pairs.
    """
    counts = class_counts(
        cells,
        scored_lengths,
        num_classes=num_classes,
        max_span_width=max_span_width,
        neg_sample=neg_sample,
        hidden=hidden,
    )
    return np.log(counts / counts[0])


def class_counts(
    cells: Mapping[tuple[int, int], int],
    scored_lengths: Mapping[int, int],
    *,
    num_classes: int,
    max_span_width: int | None = None,
    neg_sample: float = 1.0,
    hidden: Mapping[tuple[int, int], int] | None = None,
) -> np.ndarray:
    """Counts the pairs of each class in the loss, at least `MIN_CELLS` each.

    Arguments as of `class_log_priors`.

    Returns:
        float64 `[C]`, "none" first.
    """
    counts = np.zeros(num_classes)
    for (label, width), number in cells.items():
        if max_span_width is None or width <= max_span_width:
            counts[label] += number
    total = count_pairs(scored_lengths, max_span_width)
    unknown = np.zeros(num_classes)  # pairs of windows that do not label it
    for (label, length), number in (hidden or {}).items():
        unknown[label] += count_pairs({length: number}, max_span_width)
    if hidden:
        counts *= total / np.maximum(total - unknown, 1)
    negatives = total - counts.sum()
    counts = np.maximum(counts, MIN_CELLS)
    counts[0] = max(negatives * neg_sample, MIN_CELLS)
    return counts


def weights_of_classes(counts: np.ndarray, power: float) -> np.ndarray:
    """Computes factors of the loss that favour rare classes.

    Args:
        counts: Number of pairs of each class, `[C]`.
        power: Power of the inverse of the number; 1 for classes of equal
            weight in all.

    Returns:
        float32 `[C]`; its mean over the pairs is 1.
    """
    weights = counts**-power
    return (weights * counts.sum() / (weights @ counts)).astype(np.float32)

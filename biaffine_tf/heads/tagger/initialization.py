"""Initial weights of taggers."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from biaffine_tf.heads.tagger.tags import TagSet

# Lower bound on the tokens of a tag, as of the biaffine head's `MIN_CELLS`.
_MIN_TOKENS = 10


def tag_log_priors(
    tags: TagSet,
    cells: Mapping[tuple[int, int], int],
    scored_lengths: Mapping[int, int],
    *,
    hidden: Mapping[tuple[int, int], int] | None = None,
) -> np.ndarray:
    """Computes the log-odds of each tag against O over all tokens.

    Args:
        tags: Tags of the head.
        cells: Number of cells by (label id, width in tokens).
        scored_lengths: Number of windows by number of scored tokens.
        hidden: Number of windows by (id of a label that they do not label,
            number of scored tokens). The frequency of a tag is that among the
            tokens of the other windows.

    Returns:
        float64 `[T]`, 0 for O; each tag counts at least 10 tokens.
    """
    counts = np.zeros(len(tags))
    for (label, width), number in cells.items():
        single, first, inside, last = (part[label - 1] for part in tags.parts)
        if width == 1:
            counts[single] += number
            continue
        counts[first] += number
        counts[last] += number
        counts[inside] += number * (width - 2)
    tokens = sum(length * number for length, number in scored_lengths.items())
    unknown = np.zeros(tags.num_labels + 1)  # tokens of windows without it
    for (label, length), number in (hidden or {}).items():
        unknown[label] += length * number
    if hidden:
        counts *= tokens / np.maximum(tokens - unknown[tags.labels], 1)
    outside = tokens - counts.sum()
    counts = np.maximum(counts, _MIN_TOKENS)
    counts[0] = max(outside, _MIN_TOKENS)
    return np.log(counts / counts[0])


def extend(
    initial: np.ndarray,
    known: np.ndarray,
    tags: TagSet,
    known_tags: TagSet,
    *,
    is_of_pairs: bool = False,
) -> np.ndarray:
    """Puts a trained weight among the values of a head with more labels.

    Args:
        initial: Weight of the new head, `[..., T]`.
        known: Weight of the trained head, with fewer tags.
        tags: Tags of the new head.
        known_tags: Tags of the trained head, of the same scheme; its labels are
            the first ones.
        is_of_pairs: Whether the first axis is of tags, too.

    Returns:
        A copy of `initial` with the values of `known` at its tags.
    """
    where = np.flatnonzero(tags.labels <= known_tags.num_labels)
    values = initial.copy()
    if is_of_pairs:
        values[np.ix_(where, where)] = known
    else:
        values[..., where] = known
    return values

"""Repeat factors of sentences with rare labels; no TensorFlow.

With f the fraction of the sentences that have a label, and t a threshold, a
sentence is repeated max(1, sqrt(t / f)) times, f of its rarest label (Gupta,
Dollar and Girshick 2019, LVIS, https://arxiv.org/abs/1908.03195). Here the
sentences of each bucket are drawn in these proportions, as many as there are:
the number of steps and the lengths of batches stay.
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

UNIT = 1 << 10  # weight of a sentence that is not repeated


class Weights(NamedTuple):
    """Weights of sentences.

    Attributes:
        labels: Weight of each class; a sentence has the greatest of its own.
        buckets: Sum of the weights of the sentences in each bucket.
    """

    labels: tuple[int, ...]
    buckets: tuple[int, ...]


def repeat_weights(
    sentences: Mapping[tuple[int, frozenset[int]], int],
    lengths: Sequence[int],
    *,
    threshold: float,
    num_classes: int,
    hidden: Mapping[int, int] | None = None,
) -> Weights:
    """Computes the weights of a corpus.

    Args:
        sentences: Number of sentences by (number of tokens, label ids).
        lengths: Maximum number of tokens in each bucket, ascending.
        threshold: t.
        num_classes: C, "none" included.
        hidden: Number of sentences that do not label a label, by its id.
    """
    having = collections.Counter[int]()
    for (_, labels), number in sentences.items():
        having.update(dict.fromkeys(labels, number))
    total = sum(sentences.values())
    weights = [UNIT] * num_classes
    for label, number in having.items():
        frequency = number / (total - (hidden or {}).get(label, 0))
        factor = max(1.0, math.sqrt(threshold / frequency))
        weights[label] = round(UNIT * factor)
    sums = [0] * len(lengths)
    for (length, labels), number in sentences.items():
        bucket = sum(length > one for one in lengths)
        sums[bucket] += number * weight_of(labels, weights)
    return Weights(tuple(weights), tuple(sums))


def weight_of(labels: Iterable[int], weights: Sequence[int]) -> int:
    """Returns the weight of a sentence with these labels."""
    return max((weights[label] for label in labels), default=UNIT)


def copies(before: int, weight: int, *, total: int, size: int) -> int:
    """Returns how often a sentence is taken, by systematic sampling.

    Args:
        before: Sum of the weights of the earlier sentences of the bucket, plus
            a random offset below `total`.
        weight: Weight of the sentence.
        total: Sum of the weights of all sentences of the bucket.
        size: Number of sentences of the bucket, which is also the sum of all
            copies.
    """
    return (before + weight) * size // total - before * size // total

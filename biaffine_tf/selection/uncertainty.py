"""Uncertainty of a model about a sentence.

A candidate of calibrated score p is an entity with probability p. Its entropy,

    h(p) = -p log2(p) - (1 - p) log2(1 - p)

is 1 bit at p = 0.5, and 0 if the model is certain either way. The sum over the
candidates of a sentence is what labelling it tells, if they are independent; a
long sentence has more of them, so it is divided by the length.

B. Settles and M. Craven, An Analysis of Active Learning Strategies for Sequence
Labeling Tasks, EMNLP 2008, https://aclanthology.org/D08-1112 (token entropy).
"""

from __future__ import annotations

import collections
import math
from collections.abc import Iterable
from typing import NamedTuple

from biaffine_tf.spans import Span


class Uncertainty(NamedTuple):
    """Uncertainty about a sentence.

    Attributes:
        bits: Sum of the entropies of its candidates, in bits.
        label: Label of most of it, the first in alphabetical order of equals;
            None if the model is certain.
    """

    bits: float
    label: str | None


def entropy(score: float) -> float:
    """Returns the entropy of a decision of probability `score`, in bits."""
    if not 0 < score < 1:
        return 0.0
    rest = 1 - score
    return -score * math.log2(score) - rest * math.log2(rest)


def measure(candidates: Iterable[Span]) -> Uncertainty:
    """Measures the uncertainty about a sentence.

    Args:
        candidates: Its candidates with calibrated scores.
    """
    bits: dict[str, float] = collections.defaultdict(float)
    for one in candidates:
        bits[one.label] += entropy(one.score or 0.0)
    total = math.fsum(bits.values())
    if not total:
        return Uncertainty(0.0, None)
    return Uncertainty(total, min(bits, key=lambda name: (-bits[name], name)))

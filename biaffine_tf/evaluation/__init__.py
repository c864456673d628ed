"""Scoring of predicted entities against gold ones (no TensorFlow).

Example:
    >>> from biaffine_tf import evaluation
    >>> pairs = evaluation.match(gold, predicted)
    >>> scores = evaluation.score(pairs)
    >>> scores.micro.f1, scores.macro.f1, scores.cluener.f1
    >>> parts = evaluation.breakdowns(pairs, seen=evaluation.mentions(train))
    >>> parts["mention"]["unseen"].recall

Confidence intervals are in `bootstrap.intervals`, pooling of several runs in
`pooling.pool`, significance tests in `comparison.compare`. They import NumPy,
which this module does not.
"""

from biaffine_tf.evaluation.breakdown import (
    FalsePositives,
    Panel,
    breakdowns,
    false_positives,
    mentions,
)
from biaffine_tf.evaluation.matching import match
from biaffine_tf.evaluation.metrics import PRF, LabelScore, Scores, score

__all__ = [
    "PRF",
    "FalsePositives",
    "LabelScore",
    "Panel",
    "Scores",
    "breakdowns",
    "false_positives",
    "match",
    "mentions",
    "score",
]

"""Scoring of predicted entities against gold ones (no TensorFlow).

Example:
    >>> from biaffine_tf import evaluation
    >>> scores = evaluation.score(evaluation.match(gold, predicted))
    >>> scores.micro.f1, scores.macro.f1, scores.cluener.f1
"""

from biaffine_tf.evaluation.matching import match
from biaffine_tf.evaluation.metrics import PRF, LabelScore, Scores, score

__all__ = ["PRF", "LabelScore", "Scores", "match", "score"]

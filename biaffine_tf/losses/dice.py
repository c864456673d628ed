"""Self-adjusting dice loss, in a form that converges.

Li et al. 2020 give each pair, with p the probability of its own class,

    loss = 1 - (2 f + s) / (f + 1 + s),  f = (1 - p)^alpha p,  s = 1

The original implementation minimised it as it stands, with alpha 1, and did not
converge, for two reasons where nearly all pairs are "none":

1. f = (1 - p) p is greatest, and the loss lowest, at p = 1/2: every pair, right
   or wrong, is driven there. The factor should give easy pairs a lower weight,
   but differentiated inside the ratio it is an objective of its own.
2. Without the factor (alpha 0) the optimum is right, but the gradient in the
   logits is proportional to p (1 - p). A thousand negatives push the p of the
   few positives to nearly 0 within the first steps, where their gradient
   vanishes. The same happens to dice over sets of pairs.

This module takes the logarithm of a pair's dice coefficient, 2 p / (p + 1). It
has the same optimum and a gradient that does not vanish at p = 0. The
self-adjusting factor multiplies it:

    loss = -(1 - p)^alpha log(2 p / (p + 1))
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import tensorflow as tf

from biaffine_tf.losses.cross_entropy import cross_entropy
from biaffine_tf.losses.focal import log_other_probability

if TYPE_CHECKING:
    from biaffine_tf.config import TrainingConfig
    from biaffine_tf.losses import PairLoss


def dice(
    logits: tf.Tensor,
    labels: tf.Tensor,
    *,
    alpha: float = 1.0,
    class_axis: int = -1,
) -> tf.Tensor:
    """Computes `-(1 - p)^alpha log(2 p / (p + 1))`, p of the label.

    Args:
        logits: `[..., C]` with C >= 2, any floating type; computed in float32.
        labels: Class of each pair, int `[...]`.
        alpha: Exponent of the weight of easy pairs; 0 for plain log dice.
        class_axis: Axis of the classes in `logits`, -1 or -2.

    Returns:
        float32 of the labels' shape, non-negative.

    Reference:
        https://aclanthology.org/2020.acl-main.45, section 3.3; see the
        docstring of this module for the differences.
    """
    entropy = cross_entropy(logits, labels, class_axis=class_axis)  # -log p
    log_dice = math.log(2) - entropy - tf.math.log1p(tf.exp(-entropy))
    log_other = log_other_probability(logits, labels, class_axis=class_axis)
    weight = tf.exp(alpha * log_other)
    # Rounding can leave the logarithm of a dice of 1 above 0.
    return weight * tf.nn.relu(-log_dice)


def make(config: TrainingConfig) -> PairLoss:
    """Returns the loss of the settings."""
    del config
    return dice

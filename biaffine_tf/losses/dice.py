"""Self-adjusting dice loss, and why the ancestor's did not converge."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.losses.cross_entropy import cross_entropy
from biaffine_tf.losses.focal import log_other_probability


def dice(
    logits: tf.Tensor,
    labels: tf.Tensor,
    *,
    alpha: float = 1.0,
    smoothing: float = 1.0,
) -> tf.Tensor:
    """Self-adjusting dice loss of each pair (Li et al. 2020).

    With p the probability of the pair's own class and w = (1 - p)^alpha:

        loss = 1 - (2 w p + smoothing) / (w p + 1 + smoothing)

    Args:
        logits: `[..., C]` with C >= 2, any floating type; computed in float32.
        labels: int `[...]`, class of each pair.
        alpha: How fast easy pairs lose weight; 0 is plain dice.
        smoothing: Added to numerator and denominator, > 0.

    Returns:
        float32 `[...]` in [0, 1].

    Reference:
        https://aclanthology.org/2020.acl-main.45, section 3.3.
    """
    probability = tf.exp(-cross_entropy(logits, labels))
    weight = tf.exp(alpha * log_other_probability(logits, labels))
    overlap = tf.stop_gradient(weight) * probability
    return 1 - (2 * overlap + smoothing) / (overlap + 1 + smoothing)

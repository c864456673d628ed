"""Logits of sentences whose source does not label every type.

Without a span of an unlabelled type U, a pair is "none" or of a type in U. With
the probability of all of these as that of "none",

    p_none = (exp z_0 + sum over U of exp z_u) / sum over all c of exp z_c

the losses of a pair are likelihoods of what is labelled, and the normaliser,
and so the probability of a gold label, is that of all classes. Where each label
is decided by its margin alone, those in U are left out.
"""

from __future__ import annotations

import tensorflow as tf

_NEVER = -1e30  # logit of an event that does not occur; finite


def merge_unlabelled(
    logits: tf.Tensor, labelled: tf.Tensor, *, is_multi_label: bool
) -> tf.Tensor:
    """Moves the probability of unlabelled classes to "none".

    Args:
        logits: Class-major float32 `[B, S, C, E]`.
        labelled: Whether each class is labelled in each sentence, bool
            `[B, C]`; true for "none".
        is_multi_label: Whether each label is decided by its margin alone: their
            probabilities are not moved then.

    Returns:
        `[B, S, C, E]`, -1e30 for unlabelled classes.
    """
    known = labelled[:, None, :, None]
    merged = tf.where(known, logits, _NEVER)
    if is_multi_label:
        return merged
    is_none = tf.range(logits.shape[2])[:, None] == 0
    none = tf.reduce_logsumexp(
        tf.where(known & ~is_none, _NEVER, logits), axis=2, keepdims=True
    )
    return tf.concat([none, merged[:, :, 1:]], axis=2)

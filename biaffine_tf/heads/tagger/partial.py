"""Tags of sentences whose source does not label every type.

A token in no labelled entity is O there, or has a tag of a type that is not
labelled.
"""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.heads.pairs.partial import merge_unlabelled
from biaffine_tf.heads.tagger.chain import Chain, log_partition
from biaffine_tf.heads.tagger.tags import NEVER, TagSet


def labelled_tags(labelled: tf.Tensor, tags: TagSet) -> tf.Tensor:
    """Returns whether each tag is of a label of the sentence's source.

    Args:
        labelled: Whether each class is labelled, bool `[B, C]`; true for
            "none".
        tags: Tags of the head.

    Returns:
        bool `[B, T]`; true for O.
    """
    return tf.gather(labelled, tags.labels, axis=1)


def merge_tags(emissions: tf.Tensor, known: tf.Tensor) -> tf.Tensor:
    """Moves the probability of unlabelled tags to O.

    Args:
        emissions: float32 `[B, L, T]`.
        known: From `labelled_tags`, bool `[B, T]`.

    Returns:
        `[B, L, T]`, -1e30 for unlabelled tags.
    """
    return merge_unlabelled(emissions[..., None], known, is_multi_label=False)[
        ..., 0
    ]


def log_sum_of_labelled(
    emissions: tf.Tensor,
    gold: tf.Tensor,
    known: tf.Tensor,
    counts: tf.Tensor,
    chain: Chain,
) -> tf.Tensor:
    """Computes the log-sum of all sequences that agree with what is labelled.

    Args:
        emissions: float32 `[B, L, T]`.
        gold: Tags of the labelled entities, int32 `[B, L]`.
        known: From `labelled_tags`, bool `[B, T]`.
        counts: Number of tokens of each sentence, at least 1, int32 `[B]`.
        chain: Scores of neighbouring tags.

    Returns:
        float32 `[B]`.
    """
    tags = tf.range(tf.shape(emissions)[-1])
    is_free = (gold == 0)[..., None] & ~known[:, None]
    agrees = (gold[..., None] == tags) | is_free
    return log_partition(tf.where(agrees, emissions, NEVER), counts, chain)

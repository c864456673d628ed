"""Candidates of many sentences as tensors, and their orders."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.export.vectors import argsort_by, pair, shift
from biaffine_tf.spans import LabelMap


class CandidateTensors(NamedTuple):
    """Candidates of sentences; see `decoding.Candidate`.

    Attributes:
        sentences: The sentence of each, int32 `[N]`.
        starts: First position, int32 `[N]`, not negative.
        ends: One past the last position, int32 `[N]`.
        labels: Label ids, int32 `[N]`.
        margins: Float32 or float64 `[N]`, finite.
        logits: Likewise.
        scores: Likewise, in [0, 1].
    """

    sentences: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor
    labels: tf.Tensor
    margins: tf.Tensor
    logits: tf.Tensor
    scores: tf.Tensor

    def take(self, indices: tf.Tensor) -> CandidateTensors:
        """Those of some indices, in their order."""
        return CandidateTensors(
            *(tf.gather(column, indices) for column in self)
        )

    def where(self, mask: tf.Tensor) -> CandidateTensors:
        """Those of a mask, bool `[N]`."""
        return CandidateTensors(
            *(tf.boolean_mask(column, mask) for column in self)
        )

    def join(self, others: CandidateTensors) -> CandidateTensors:
        """These and others behind them."""
        return CandidateTensors(
            *(
                tf.concat(columns, 0)
                for columns in zip(self, others, strict=True)
            )
        )

    def in_double(self) -> CandidateTensors:
        """With margins, logits and scores in float64, as Python has them."""
        return self._replace(
            margins=tf.cast(self.margins, tf.float64),
            logits=tf.cast(self.logits, tf.float64),
            scores=tf.cast(self.scores, tf.float64),
        )

    def first_of_each(self) -> CandidateTensors:
        """The first one of each sentence; sentences ascend."""
        return self.where(self.sentences != shift(self.sentences, -1))

    def begin_ranges(self) -> tf.Tensor:
        """Whether each has another range than the one before, bool `[N]`."""
        begins = pair(self.sentences, self.starts)
        return (begins != shift(begins, -1)) | (
            self.ends != shift(self.ends, -1)
        )

    def as_visited(self, ranks: tf.Tensor) -> CandidateTensors:
        """In `decoding.greedy.visiting_order`, sentence by sentence.

        Args:
            ranks: Of the labels, see `label_ranks`.
        """
        return self.take(
            argsort_by(
                self.sentences,
                -self.logits,
                pair(self.starts, self.ends),
                tf.gather(ranks, self.labels),
                -self.margins,
                -self.scores,
            )
        )


def label_ranks(labels: LabelMap) -> tf.Tensor:
    """The place of each label id among the sorted names, int32 `[C]`.

    "None" is the label of no candidate and has place -1.
    """
    ranks = {name: rank for rank, name in enumerate(sorted(labels.names))}
    return tf.constant([-1, *(ranks[name] for name in labels.names)], tf.int32)

"""Candidates of many sentences as tensors, and their sort orders."""

from __future__ import annotations

from typing import Self

import tensorflow as tf

from biaffine_tf.decoding import Candidates
from biaffine_tf.export.vectors import argsort_by, pair, shift
from biaffine_tf.spans import LabelMap


class CandidateTensors(Candidates):
    """`Candidates` with tensors as columns; positions are not negative."""

    def take(self, index: tf.Tensor) -> Self:
        """Returns the candidates at some indices, in their order."""
        return self.map(lambda column: tf.gather(column, index))

    def where(self, mask: tf.Tensor) -> Self:
        """Returns the candidates of a mask, bool `[N]`."""
        return self.take(tf.where(mask)[:, 0])

    def join(self, others: Self) -> Self:
        """Concatenates these candidates and others."""
        return self.map(lambda *columns: tf.concat(columns, 0), others)

    def in_double(self) -> Self:
        """Converts margins, logits and log-odds to float64, as in Python."""
        return self._replace(
            margins=tf.cast(self.margins, tf.float64),
            logits=tf.cast(self.logits, tf.float64),
            log_odds=tf.cast(self.log_odds, tf.float64),
        )

    def first_of_each(self) -> Self:
        """Returns the first candidate of each sentence, in ascending order."""
        return self.where(self.sentences != shift(self.sentences, -1))

    def begin_ranges(self) -> tf.Tensor:
        """Whether each range differs from the one before, bool `[N]`."""
        begins = pair(self.sentences, self.starts)
        return (begins != shift(begins, -1)) | (
            self.ends != shift(self.ends, -1)
        )

    def in_greedy_order(self, ranks: tf.Tensor) -> Self:
        """Sorts by sentence and `decoding.greedy.greedy_order`.

        Args:
            ranks: Ranks of the labels, from `label_ranks`.
        """
        return self.take(
            argsort_by(
                self.sentences,
                -self.logits,
                pair(self.starts, self.ends),
                tf.gather(ranks, self.labels),
                -self.margins,
                -self.log_odds,
            )
        )


def label_ranks(labels: LabelMap) -> tf.Tensor:
    """Returns the rank of each label id among the sorted names, int32 `[C]`.

    "None", which is the label of no candidate, has rank -1.
    """
    ranks = {name: rank for rank, name in enumerate(sorted(labels.names))}
    return tf.constant([-1, *(ranks[name] for name in labels.names)], tf.int32)

"""Decoders of many sentences at once, in the graph."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.config import Decoder
from biaffine_tf.export.candidates import CandidateTensors, label_ranks
from biaffine_tf.export.greedy import keep_greedily
from biaffine_tf.export.nesting import nested_ranges
from biaffine_tf.export.scheduling import Ranges, disjoint_ranges
from biaffine_tf.export.vectors import argsort_by, pair
from biaffine_tf.spans import LabelMap


class GraphDecoder(tf.Module):
    """Picks the entities of sentences; twin of `decoding.decode`.

    Args:
        labels: Labels, whose names break ties.
        decoder: Decoder to use.
        nested: Whether entities may be nested.
        one_label_per_span: Whether entities must have different ranges.
    """

    def __init__(
        self,
        labels: LabelMap,
        *,
        decoder: Decoder = Decoder.GREEDY,
        nested: bool = False,
        one_label_per_span: bool = False,
    ) -> None:
        super().__init__()
        self._label_ranks = label_ranks(labels)
        self._decoder = decoder
        self._nested = nested
        self._one_label_per_span = one_label_per_span

    def __call__(self, candidates: CandidateTensors) -> CandidateTensors:
        """Decodes candidates.

        Args:
            candidates: Candidates of any sentences, in any order.

        Returns:
            The entities, by sentence, and within one in the order of `decode`.
        """
        if self._decoder is Decoder.GREEDY:
            return self._greedy(candidates)
        gaining = self._gaining(candidates)
        if self._decoder is Decoder.FREE:
            return gaining
        return self._exact(gaining)

    def _greedy(self, candidates: CandidateTensors) -> CandidateTensors:
        candidates = candidates.in_greedy_order(self._label_ranks)
        is_kept = keep_greedily(
            candidates,
            nested=self._nested,
            one_label_per_span=self._one_label_per_span,
        )
        kept = candidates.where(is_kept)
        return kept.take(
            argsort_by(pair(kept.sentences, kept.starts), -kept.ends)
        )

    def _exact(self, gaining: CandidateTensors) -> CandidateTensors:
        is_first = gaining.begin_ranges()
        range_of = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
        sentences, starts, ends, *_ = gaining.where(is_first)
        # Adds from the first to the last, as Python does.
        weights = tf.math.unsorted_segment_sum(
            tf.cast(gaining.margins, tf.float64), range_of, tf.size(starts)
        )
        ranges = Ranges(sentences, starts, ends, weights)
        choose = nested_ranges if self._nested else disjoint_ranges
        return gaining.where(tf.gather(choose(ranges), range_of))

    def _gaining(self, candidates: CandidateTensors) -> CandidateTensors:
        """Twin of `decoding.free.gaining_ranges`, with concatenated ranges."""
        gaining = candidates.where(candidates.margins > 0)
        gaining = gaining.take(
            argsort_by(
                pair(gaining.sentences, gaining.starts),
                -gaining.ends,
                -gaining.margins,
                tf.gather(self._label_ranks, gaining.labels),
                -gaining.logits,
                -gaining.log_odds,
            )
        )
        is_first = gaining.begin_ranges()
        if self._one_label_per_span or (
            self._decoder is Decoder.EXACT and not self._nested
        ):
            return gaining.where(is_first)
        # Keeps the first of equal ranges and labels.
        range_of = tf.cumsum(tf.cast(is_first, tf.int32)) - 1
        num_classes = tf.size(self._label_ranks)
        key = range_of * num_classes + gaining.labels
        place = tf.range(tf.size(key))
        firsts = tf.math.unsorted_segment_min(
            place, key, tf.size(key) * num_classes
        )
        return gaining.where(tf.gather(firsts, key) == place)

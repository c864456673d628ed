"""Postprocessing in the graph, from candidates to entities."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import DecodingConfig
from biaffine_tf.export.candidates import CandidateTensors, label_ranks
from biaffine_tf.export.confidence import GraphConfidence
from biaffine_tf.export.constraints import GraphConstraints
from biaffine_tf.export.decoders import GraphDecoder
from biaffine_tf.export.words import GraphWordRule
from biaffine_tf.inference.postprocessing import constraints_of
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import WordRule


class GraphPostprocessor(tf.Module):
    """Twin of `inference.postprocessing.Postprocessor`.

    Also drops candidates that cut words of plain text, which the predictor
    drops earlier.

    Args:
        decoding: Settings of decoding.
        confidence: Calibration and thresholds.
        labels: Labels, whose names break ties.
    """

    def __init__(
        self,
        decoding: DecodingConfig,
        confidence: Confidence,
        labels: LabelMap,
    ) -> None:
        super().__init__()
        rule = WordRule.of(decoding)
        self._words = GraphWordRule(rule) if rule and rule.pairs else None
        self._confidence = GraphConfidence(confidence, labels)
        self._constraints = GraphConstraints(constraints_of(decoding))
        self._decode = GraphDecoder(
            labels,
            decoder=decoding.decoder,
            nested=decoding.nested,
            one_label_per_span=decoding.one_label_per_span,
        )
        self._always = decoding.force_one_entity
        self._label_ranks = label_ranks(labels)

    def __call__(
        self,
        candidates: CandidateTensors,
        others: CandidateTensors,
        code_points: tf.RaggedTensor,
    ) -> CandidateTensors:
        """Finds the entities of texts, with calibrated log-odds.

        Args:
            candidates: Candidates in characters, with the model's log-odds, in
                any order.
            others: Best spans of windows or texts that are no candidates, for
                `force_one_entity`.
            code_points: The texts, int32 `[B, (T)]`.

        Returns:
            The entities by text and position, in float64.
        """
        if self._words:
            candidates = self._words(candidates, code_points)
            others = self._words(others, code_points)
        candidates, others = candidates.in_double(), others.in_double()
        entities = self._decode(
            self._constraints(self._confidence(candidates), code_points)
        )
        if not self._always:
            return entities
        best_others = others.in_greedy_order(self._label_ranks).first_of_each()
        allowed = self._constraints(candidates.join(best_others), code_points)
        best = allowed.in_greedy_order(self._label_ranks).first_of_each()
        return _of_all_sentences(entities, self._confidence.calibrate(best))


def _of_all_sentences(
    entities: CandidateTensors, best: CandidateTensors
) -> CandidateTensors:
    """Adds the best span of the sentences without entities."""
    has_any = tf.math.unsorted_segment_max(
        tf.ones_like(entities.sentences),
        entities.sentences,
        1 + tf.reduce_max(tf.concat([[0], best.sentences], 0)),
    )
    best = best.where(tf.gather(has_any, best.sentences) != 1)
    both = entities.join(best)
    return both.take(tf.argsort(both.sentences, stable=True))

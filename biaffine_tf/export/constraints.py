"""Constraints on entities in the graph."""

from __future__ import annotations

import tensorflow as tf

from biaffine_tf.decoding import Constraints
from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.export.vectors import next_place


class GraphConstraints(tf.Module):
    """Trims and drops candidates; twin of `decoding.Constraints`.

    Args:
        constraints: The twin in Python.
    """

    def __init__(self, constraints: Constraints) -> None:
        super().__init__()
        self._constraints = constraints

    def __call__(
        self, candidates: CandidateTensors, code_points: tf.RaggedTensor
    ) -> CandidateTensors:
        """Returns the candidates that may be entities.

        Args:
            candidates: Candidates in characters, in any order.
            code_points: Texts of their sentences, int32 `[B, (T)]`.

        Returns:
            The remaining candidates, trimmed, in the given order.
        """
        edges = self._constraints.forbidden_edges
        inside = self._constraints.forbidden_inside
        if edges or inside:
            candidates = _without_characters(
                candidates, code_points, edges, inside
            )
        widths = candidates.ends - candidates.starts
        fits = widths >= self._constraints.min_width
        if self._constraints.max_width is not None:
            fits &= widths <= self._constraints.max_width
        return candidates.where(fits)


def _without_characters(
    candidates: CandidateTensors,
    code_points: tf.RaggedTensor,
    edges: str,
    inside: str,
) -> CandidateTensors:
    begins = tf.cast(code_points.row_starts(), tf.int32)
    begin = tf.gather(begins, candidates.sentences)
    starts, ends = begin + candidates.starts, begin + candidates.ends

    # The first character allowed at an edge, and one past the last.
    may_stand = ~_is_among(code_points.values, edges)
    starts = tf.gather(next_place(may_stand), starts)
    ends = tf.size(may_stand) - tf.gather(
        next_place(may_stand[::-1]), tf.size(may_stand) - ends
    )
    forbidden = tf.cast(_is_among(code_points.values, inside), tf.int32)
    forbidden = tf.concat([[0], tf.cumsum(forbidden)], 0)
    is_left = starts < ends
    # The ends of empty candidates are not in order.
    is_left &= tf.gather(forbidden, starts) == tf.gather(forbidden, ends)
    return candidates._replace(starts=starts - begin, ends=ends - begin).where(
        is_left
    )


def _is_among(code_points: tf.Tensor, characters: str) -> tf.Tensor:
    """Whether each code point is one of the characters, bool `[T]`."""
    among = tf.constant([ord(c) for c in characters], tf.int32)
    return tf.reduce_any(code_points[:, None] == among, axis=1)

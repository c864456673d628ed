"""Greedy decoding of many sentences at once; twin of `decoding.greedy`."""

from __future__ import annotations

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.export.points import (
    FAR,
    as_points,
    min_covering,
    min_over,
)
from biaffine_tf.export.scheduling import with_slice
from biaffine_tf.export.vectors import array_of_vectors, pair

_MAX_ROUNDS = 32


class _Spans(NamedTuple):
    """Remaining candidates, in greedy order.

    Attributes:
        places: Indices among all candidates, int32 `[M]`; ascending.
        starts: Points of the starts, see `points`; int32 `[M]`.
        ends: Points of the ends, int32 `[M]`.
    """

    places: tf.Tensor
    starts: tf.Tensor
    ends: tf.Tensor

    def where(self, mask: tf.Tensor) -> _Spans:
        """Returns the spans of a mask, bool `[M]`."""
        return _Spans(*(tf.boolean_mask(one, mask) for one in self))


def keep_greedily(
    ordered: CandidateTensors, *, nested: bool, one_label_per_span: bool
) -> tf.Tensor:
    """Marks the candidates that greedy decoding keeps.

    Each round keeps every candidate that precedes all others whose text it
    shares, and drops those in conflict with it: a few rounds for texts of any
    length, with work proportional to the remaining candidates. In a chain of
    overlapping candidates a round keeps only the first; what remains after
    some rounds is therefore processed one by one, so that the work is
    proportional to the number of candidates in any order.

    Args:
        ordered: Candidates in greedy order.
        nested: Whether entities may be nested.
        one_label_per_span: Whether entities must have different ranges.

    Returns:
        bool `[N]`.
    """
    starts, ends, points = as_points(
        ordered.sentences, ordered.starts, ordered.ends
    )
    spans = _Spans(tf.range(tf.size(starts)), starts, ends)
    if nested:  # candidates with the same range do not conflict otherwise
        kinds = None if one_label_per_span else ordered.labels
        spans = spans.where(_is_first_of_its_range(spans, kinds))
    spans, kept = _in_rounds(spans, points, nested=nested)
    one_by_one = _nested_one_by_one if nested else _flat_one_by_one
    kept = tf.concat(
        [kept, tf.boolean_mask(spans.places, one_by_one(spans, points))], 0
    )
    return tf.scatter_nd(
        kept[:, None], tf.ones_like(kept, tf.bool), tf.shape(starts)
    )


def _is_first_of_its_range(
    spans: _Spans, labels: tf.Tensor | None
) -> tf.Tensor:
    """Whether a span precedes all others of its range, and label if given."""
    _, kinds = tf.unique(pair(spans.starts, spans.ends))
    if labels is not None:
        _, kinds = tf.unique(pair(kinds, labels))
    firsts = tf.math.unsorted_segment_min(spans.places, kinds, tf.size(kinds))
    return tf.gather(firsts, kinds) == spans.places


def _in_rounds(
    spans: _Spans, points: tf.Tensor, *, nested: bool
) -> tuple[_Spans, tf.Tensor]:
    """Returns the remaining spans, and the indices of those kept."""
    clash = _cross if nested else _share_text

    def step(
        number: tf.Tensor, spans: _Spans, kept: tf.TensorArray
    ) -> tuple[tf.Tensor, _Spans, tf.TensorArray]:
        first = min_covering(*spans, points)
        is_first = min_over(first, spans.starts, spans.ends) == spans.places
        best = spans.where(is_first)
        return (
            number + 1,
            spans.where(~(is_first | clash(spans, best, points))),
            kept.write(number, best.places),
        )

    vector = tf.TensorShape([None])
    _, spans, kept = tf.while_loop(
        lambda number, spans, _: (number < _MAX_ROUNDS)
        & (tf.size(spans.places) > 0),
        step,
        (
            tf.constant(0),
            spans,
            array_of_vectors(tf.int32),
        ),
        shape_invariants=(
            tf.TensorShape([]),
            _Spans(vector, vector, vector),
            tf.TensorShape(None),
        ),
    )
    return spans, kept.concat()


def _share_text(spans: _Spans, kept: _Spans, points: tf.Tensor) -> tf.Tensor:
    """Whether spans share text with any kept one, bool `[M]`."""
    covered = min_covering(*kept, points)
    return min_over(covered, spans.starts, spans.ends) < FAR


def _cross(spans: _Spans, kept: _Spans, points: tf.Tensor) -> tf.Tensor:
    """Whether spans cross any kept one, bool `[M]`.

    Compares with the furthest end of the ranges that start at a point, and the
    foremost start of those that end there.
    """
    furthest = tf.math.unsorted_segment_min(-kept.ends, kept.starts, points)
    foremost = tf.math.unsorted_segment_min(kept.starts, kept.ends, points)
    inner = spans.starts + 1, spans.ends
    return (min_over(furthest, *inner) < -spans.ends) | (
        min_over(foremost, *inner) < spans.starts
    )


def _flat_one_by_one(spans: _Spans, points: tf.Tensor) -> tf.Tensor:
    """Marks spans kept by processing them in order, bool `[M]`."""

    def step(
        number: tf.Tensor, is_kept: tf.Tensor, is_free: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        start, end = spans.starts[number], spans.ends[number]
        gaps = is_free[start:end]
        keep = tf.reduce_all(gaps)
        return (
            number + 1,
            with_slice(is_kept, number, keep[None]),
            with_slice(is_free, start, gaps & ~keep),
        )

    count = tf.size(spans.places)
    _, is_kept, _ = tf.while_loop(
        lambda number, *_: number < count,
        step,
        (tf.constant(0), tf.fill([count], False), tf.fill([points], True)),
    )
    return is_kept


def _nested_one_by_one(spans: _Spans, points: tf.Tensor) -> tf.Tensor:
    """Marks spans kept where entities may be nested; see `_cross`."""

    def step(
        number: tf.Tensor,
        is_kept: tf.Tensor,
        furthest: tf.Tensor,
        foremost: tf.Tensor,
    ) -> tuple[tf.Tensor, ...]:
        start, end = spans.starts[number], spans.ends[number]
        keep = tf.reduce_all(furthest[start + 1 : end] <= end)
        keep &= tf.reduce_all(foremost[start + 1 : end] >= start)
        end_kept = tf.where(keep, end, 0)
        start_kept = tf.where(keep, start, FAR)
        return (
            number + 1,
            with_slice(is_kept, number, keep[None]),
            with_slice(
                furthest, start, tf.maximum(furthest[start], end_kept)[None]
            ),
            with_slice(
                foremost, end, tf.minimum(foremost[end], start_kept)[None]
            ),
        )

    count = tf.size(spans.places)
    _, is_kept, *_ = tf.while_loop(
        lambda number, *_: number < count,
        step,
        (
            tf.constant(0),
            tf.fill([count], False),
            tf.fill([points], 0),
            tf.fill([points], FAR),
        ),
    )
    return is_kept

"""Candidates of a tagger: spans by their exact marginal probability.

The tag sequences that the scheme allows are a Markov chain, whose probabilities
follow from emissions and transitions. Inside a span of a label all tags are
given. So, with sums of their scores from the first token on, the probability
that exactly this span is an entity of this label is, for all spans,

    log p = (all before and its first token) + (its other tokens and all behind)

a row's number and a column's number. Only rows that can reach the minimum are
looked at. `reading` is the same in NumPy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.tagger.chain import Chain
from biaffine_tf.heads.tagger.sequences import (
    best_sequences,
    sums_before,
    sums_behind,
)
from biaffine_tf.heads.tagger.tags import (
    LARGEST_LOG,
    LEAST_MARGIN,
    LOWEST,
    TagSet,
)


class SpanScores(NamedTuple):
    """Parts of the log-probabilities of spans, float64.

    Padding has the lowest float.

    Attributes:
        single: Log-probability of spans of one token, `[B, L, K]`.
        left: Part of the first token of wider spans, `[B, L, K]`.
        right: Part of the last token, `[B, L, K]`.
        short: What spans of two tokens have besides, `[K]`.
    """

    single: tf.Tensor
    left: tf.Tensor
    right: tf.Tensor
    short: tf.Tensor


def find_candidates(
    emissions: tf.Tensor,
    counts: tf.Tensor,
    chain: Chain,
    tags: TagSet,
    *,
    max_span_width: int | None = None,
    min_margin: tf.Tensor | float = 0.0,
    force_one_entity: bool = False,
) -> Candidates:
    """Finds the spans that may be entities.

    The margin of a span is its log-odds; that of a span of the most probable
    tag sequence is positive in any case. So decoding without thresholds finds
    that sequence, and thresholds decide by probabilities.

    Args:
        emissions: Score of each tag at each token, `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, with those of the scheme.
        tags: Tags of the head.
        max_span_width: Maximum span width in tokens; None for no limit.
        min_margin: Candidates have a margin above it, float32 scalar.
        force_one_entity: Whether a sentence without candidates gets the span
            with the highest log-odds.

    Returns:
        Candidates, whose logits are their log-odds.
    """
    emissions = tf.cast(emissions, tf.float64)
    chain = Chain(*(tf.cast(one, tf.float64) for one in chain))
    scores = span_scores(emissions, counts, chain, tags)
    min_margin = tf.cast(min_margin, tf.float64)
    cut = tf.maximum(tf.math.log_sigmoid(min_margin), LOWEST)
    cuts = tf.fill(tf.shape(counts), cut)  # [B]
    if force_one_entity:
        # The best span of a sentence is not below its best token.
        best = tf.reduce_max(scores.single, axis=[1, 2])
        cuts = tf.minimum(cuts, tf.maximum(2 * best, LOWEST))
    above = _above(scores, cuts, max_span_width)
    path = best_sequences(emissions, counts, chain)
    own, is_own = _of_sequence(path, tags, above, max_span_width)
    values = _values(scores, *own)
    is_more = values <= tf.gather(cuts, own[0])
    more = [tf.boolean_mask(one, is_more) for one in (*own, values)]
    columns = [tf.concat(both, 0) for both in zip(above, more, strict=True)]
    is_own = tf.concat([is_own, tf.ones_like(more[0], tf.bool)], 0)
    candidates = _describe(columns, is_own)
    is_kept = candidates.margins > min_margin
    if force_one_entity:
        is_kept |= _is_best_of_none(candidates, is_kept, tf.size(counts))
    kept = tf.where(is_kept)[:, 0]
    order = tf.argsort(tf.gather(candidates.sentences, kept), stable=True)
    kept = tf.gather(kept, order)
    candidates = candidates.map(lambda column: tf.gather(column, kept))
    return candidates._replace(
        margins=tf.cast(candidates.margins, tf.float32),
        logits=tf.cast(candidates.logits, tf.float32),
        log_odds=tf.cast(candidates.log_odds, tf.float32),
    )


def _describe(columns: Sequence[tf.Tensor], is_own: tf.Tensor) -> Candidates:
    """Makes candidates of spans, with float64 scores.

    Args:
        columns: Sentence, first token, last token, label id, log-probability.
        is_own: Whether it is in the most probable sequence, bool `[N]`.
    """
    sentences, first, last, labels, values = columns
    values = tf.minimum(values, LARGEST_LOG)
    log_odds = values - tf.math.log(-tf.math.expm1(values))
    least = tf.where(is_own, tf.constant(LEAST_MARGIN, tf.float64), LOWEST)
    margins = tf.maximum(log_odds, least)
    return Candidates(
        sentences, first, last + 1, labels, margins, log_odds, log_odds
    )


def _is_best_of_none(
    candidates: Candidates, is_kept: tf.Tensor, num_sentences: tf.Tensor
) -> tf.Tensor:
    """Marks the best candidates of the sentences of which none is kept."""

    def highest(values: tf.Tensor) -> tf.Tensor:
        best = tf.math.unsorted_segment_max(
            values, candidates.sentences, num_sentences
        )
        return tf.gather(best, candidates.sentences)

    is_best = candidates.log_odds == highest(candidates.log_odds)
    return is_best & (highest(tf.cast(is_kept, tf.int32)) == 0)


def span_scores(
    emissions: tf.Tensor, counts: tf.Tensor, chain: Chain, tags: TagSet
) -> SpanScores:
    """Computes the parts of the log-probabilities of all spans.

    Args:
        emissions: float64 `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, with those of the scheme, float64.
        tags: Tags of the head.
    """
    before = sums_before(emissions, chain)
    behind = sums_behind(emissions, counts, chain, tags.num_free)
    at_end = tf.gather(before, tf.maximum(counts - 1, 0), batch_dims=1)
    total = tf.reduce_logsumexp(at_end + chain.ends, axis=1)[:, None, None]
    single, first, inside, last = (
        tf.constant(one, tf.int32) for one in tags.parts
    )

    def step(row: tf.Tensor, column: tf.Tensor) -> tf.Tensor:
        pairs = tf.stack([row, column], axis=1)
        return tf.gather_nd(chain.transitions, pairs)  # [K]

    def at(values: tf.Tensor, tag: tf.Tensor) -> tf.Tensor:
        return tf.gather(values, tag, axis=2)  # [B, L, K]

    stay, enter, leave = (
        step(inside, inside),
        step(first, inside),
        step(inside, last),
    )
    real = tf.sequence_mask(counts, tf.shape(emissions)[1])[:, :, None]

    def masked(values: tf.Tensor) -> tf.Tensor:
        return tf.where(real, values, LOWEST)

    path = tf.cumsum(at(emissions, inside) + stay, axis=1)
    until = tf.pad(path, [[0, 0], [1, 0], [0, 0]])[:, :-1]
    right = until + leave + at(emissions, last) + at(behind, last) - total
    return SpanScores(
        masked(at(before, single) + at(behind, single) - total),
        masked(at(before, first) + enter - stay - path),
        masked(right),
        step(first, last) - enter + stay - leave,
    )


def _above(
    scores: SpanScores,
    cuts: tf.Tensor,
    max_span_width: int | None,
) -> tuple[tf.Tensor, ...]:
    """Finds the spans above the cut of their sentence.

    Returns:
        Sentence, first token, last token and label id, int32 `[N]` each; and
        log-probability, float64 `[N]`.
    """
    tokens = tf.where(scores.single > cuts[:, None, None])
    sentences, first, labels = tf.unstack(tf.cast(tokens, tf.int32), axis=1)
    singles = sentences, first, first, labels + 1

    # No row is above the sum of all columns that it can be combined with.
    reach = tf.math.cumulative_logsumexp(scores.right, axis=1, reverse=True)
    reach += tf.nn.relu(scores.short)
    rows = tf.where(scores.left + reach > cuts[:, None, None])  # [R, 3]
    sentence, row, label = tf.unstack(tf.cast(rows, tf.int32), axis=1)
    columns = tf.gather_nd(
        tf.transpose(scores.right, [0, 2, 1]),
        tf.stack([sentence, label], axis=1),
    )  # [R, L]
    values = tf.gather_nd(scores.left, rows)[:, None] + columns
    distance = tf.range(tf.shape(values)[1]) - row[:, None]
    short = tf.gather(scores.short, label)[:, None]
    values += tf.where(distance == 1, short, 0)
    is_above = (values > tf.gather(cuts, sentence)[:, None]) & (distance > 0)
    if max_span_width is not None:
        is_above &= distance < max_span_width
    where = tf.where(is_above)
    of_row, last = tf.unstack(tf.cast(where, tf.int32), axis=1)
    wide = (
        tf.gather(sentence, of_row),
        tf.gather(row, of_row),
        last,
        tf.gather(label, of_row) + 1,
    )
    parts = (
        (*singles, tf.gather_nd(scores.single, tokens)),
        (*wide, tf.gather_nd(values, where)),
    )
    return tuple(tf.concat(both, 0) for both in zip(*parts, strict=True))


def _of_sequence(
    path: tf.Tensor,
    tags: TagSet,
    spans: Sequence[tf.Tensor],
    max_span_width: int | None,
) -> tuple[list[tf.Tensor], tf.Tensor]:
    """Finds the entities of tag sequences.

    Args:
        path: Tags that the scheme allows, int32 `[B, L]`.
        tags: Tags of the head.
        spans: Sentence, first token, last token and label id of some spans.
        max_span_width: Maximum width of entities.

    Returns:
        Sentence, first token, last token and label id of each entity, int32
        `[M]` each; and whether the given spans are among them, bool `[N]`.
    """
    is_first = (path > 0) & (path < tags.num_free)
    continues = tf.pad(path, [[0, 0], [0, 1]])[:, 1:] >= tags.num_free
    begins = tf.where(is_first)
    sentences, first = tf.unstack(tf.cast(begins, tf.int32), axis=1)
    last = tf.cast(tf.where((path > 0) & ~continues)[:, 1], tf.int32)
    labels = tf.gather(tf.constant(tags.labels), tf.gather_nd(path, begins))
    shape = tf.shape(path, tf.int64)
    # -1, the last token of no span, where no entity begins.
    last_of = tf.scatter_nd(begins, last + 1, shape) - 1
    label_of = tf.scatter_nd(begins, labels, shape)
    where = tf.stack(spans[:2], axis=1)
    is_own = tf.gather_nd(last_of, where) == spans[2]
    is_own &= tf.gather_nd(label_of, where) == spans[3]
    own = [sentences, first, last, labels]
    if max_span_width is not None:
        is_narrow = last - first < max_span_width
        own = [tf.boolean_mask(one, is_narrow) for one in own]
    return own, is_own


def _values(
    scores: SpanScores,
    sentences: tf.Tensor,
    first: tf.Tensor,
    last: tf.Tensor,
    labels: tf.Tensor,
) -> tf.Tensor:
    """Returns the log-probabilities of spans, float64 `[N]`."""
    row = tf.stack([sentences, first, labels - 1], axis=1)
    column = tf.stack([sentences, last, labels - 1], axis=1)
    wide = tf.gather_nd(scores.left, row) + tf.gather_nd(scores.right, column)
    short = tf.gather(scores.short, labels - 1)
    wide += tf.where(last - first == 1, short, 0)
    return tf.where(first == last, tf.gather_nd(scores.single, row), wide)

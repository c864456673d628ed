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

from typing import NamedTuple

import tensorflow as tf

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.tagger.chain import Chain
from biaffine_tf.heads.tagger.tags import LARGEST_LOG, LOWEST, TagSet


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
    """Finds the spans whose probability has sufficient log-odds.

    Args:
        emissions: Score of each tag at each token, `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, with those of the scheme.
        tags: Tags of the head.
        max_span_width: Maximum span width in tokens; None for no limit.
        min_margin: Candidates have log-odds above it, float32 scalar.
        force_one_entity: Whether a sentence without candidates gets the span
            with the highest log-odds.

    Returns:
        Margins, logits and log-odds of each are the same.
    """
    scores = span_scores(emissions, counts, chain, tags)
    lowest = tf.math.log_sigmoid(tf.cast(min_margin, tf.float64))
    cuts = tf.fill(tf.shape(counts), lowest)  # [B]
    if force_one_entity:
        # The best span of a sentence is not below its best token.
        best = tf.reduce_max(scores.single, axis=[1, 2])  # [B]
        cuts = tf.minimum(cuts, tf.maximum(2 * best, LOWEST))
    columns = _above(scores, cuts, max_span_width)
    if force_one_entity:
        columns = _with_best(columns, tf.size(counts), lowest)
    order = tf.argsort(columns[0], stable=True)
    sentences, first, last, labels, values = (
        tf.gather(one, order) for one in columns
    )
    values = tf.minimum(values, LARGEST_LOG)
    log_odds = values - tf.math.log(-tf.math.expm1(values))
    log_odds = tf.cast(log_odds, tf.float32)
    return Candidates(
        sentences, first, last + 1, labels, log_odds, log_odds, log_odds
    )


def span_scores(
    emissions: tf.Tensor, counts: tf.Tensor, chain: Chain, tags: TagSet
) -> SpanScores:
    """Computes the parts of the log-probabilities of all spans.

    Args:
        emissions: `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, with those of the scheme.
        tags: Tags of the head.
    """
    emissions = tf.cast(emissions, tf.float64)
    chain = Chain(*(tf.cast(one, tf.float64) for one in chain))
    before = _sums_before(emissions, chain)
    behind = _sums_behind(emissions, counts, chain, tags.num_free)
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


def _sums_before(emissions: tf.Tensor, chain: Chain) -> tf.Tensor:
    """Computes the log-sum of all sequences up to each token, by its tag.

    Returns:
        float64 `[B, L, T]`; minus infinity for what cannot be.
    """
    steps = tf.transpose(emissions, [1, 0, 2])
    length = tf.shape(steps)[0]
    odds = tf.exp(chain.transitions)

    def step(place: tf.Tensor, last: tf.Tensor, done: tf.TensorArray) -> tuple:
        sums = _log_product(last, odds) + steps[place]
        return place + 1, sums, done.write(place, sums)

    first = steps[0] + chain.starts
    done = tf.TensorArray(steps.dtype, length, element_shape=steps.shape[1:])
    *_, done = tf.while_loop(
        lambda place, *_: place < length,
        step,
        (tf.constant(1), first, done.write(0, first)),
        parallel_iterations=1,
    )
    return tf.transpose(done.stack(), [1, 0, 2])


def _sums_behind(
    emissions: tf.Tensor, counts: tf.Tensor, chain: Chain, num_free: int
) -> tf.Tensor:
    """Computes the log-sum of all that can follow an entity's last tag.

    Args:
        emissions: float64 `[B, L, T]`.
        counts: Number of tokens of each sentence, int32 `[B]`.
        chain: Scores of neighbouring tags, float64.
        num_free: Number of tags that do not continue an entity.

    Returns:
        float64 `[B, L, T]`, by the tag of the token before what follows.
    """
    steps = tf.transpose(emissions, [1, 0, 2])
    length = tf.shape(steps)[0]
    odds = tf.exp(tf.transpose(chain.transitions))  # [to, from]

    def step(place: tf.Tensor, later: tf.Tensor, done: tf.TensorArray) -> tuple:
        onward = steps[place] + later  # [B, T]
        inside = (place < counts)[:, None]
        free = _log_product(onward[:, :num_free], odds[:num_free])
        done = done.write(place - 1, tf.where(inside, free, chain.ends))
        later = tf.where(inside, _log_product(onward, odds), chain.ends)
        return place - 1, later, done

    at_end = tf.zeros_like(steps[0]) + chain.ends
    done = tf.TensorArray(steps.dtype, length, element_shape=steps.shape[1:])
    *_, done = tf.while_loop(
        lambda place, *_: place > 0,
        step,
        (length - 1, at_end, done.write(length - 1, at_end)),
        parallel_iterations=1,
    )
    return tf.transpose(done.stack(), [1, 0, 2])


def _log_product(values: tf.Tensor, odds: tf.Tensor) -> tf.Tensor:
    """Multiplies exponentials of `[B, T]` by a matrix; logarithms of both.

    What is 700 below the greatest is lost, which no log-odds show.
    """
    greatest = tf.reduce_max(values, axis=1, keepdims=True)
    return tf.math.log(tf.exp(values - greatest) @ odds) + greatest


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


def _with_best(
    columns: tuple[tf.Tensor, ...], num_sentences: tf.Tensor, lowest: tf.Tensor
) -> tuple[tf.Tensor, ...]:
    """Keeps the spans above the lowest value, else the best of a sentence."""
    sentences, values = columns[0], columns[-1]
    best = tf.math.unsorted_segment_max(values, sentences, num_sentences)
    own = tf.gather(best, sentences)
    kept = tf.where((values > lowest) | (values == own))[:, 0]
    return tuple(tf.gather(one, kept) for one in columns)

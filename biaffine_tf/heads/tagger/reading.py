"""Candidates of a tagger in NumPy; see `search` for what is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.tagger.tags import (
    LARGEST_LOG,
    LEAST_MARGIN,
    LOWEST,
    TagSet,
)


class Chain(NamedTuple):
    """Scores of neighbouring tags, as `chain.Chain`, float64 arrays."""

    transitions: np.ndarray
    starts: np.ndarray
    ends: np.ndarray


class SpanScores(NamedTuple):
    """Parts of the log-probabilities of spans, as `search.SpanScores`."""

    single: np.ndarray
    left: np.ndarray
    right: np.ndarray
    short: np.ndarray


def find_candidates(
    emissions: np.ndarray,
    counts: np.ndarray,
    chain: Chain,
    tags: TagSet,
    *,
    max_span_width: int | None = None,
    min_margin: float = 0.0,
    force_one_entity: bool = False,
) -> Candidates:
    """Finds the spans that may be entities.

    Arguments and result are those of `search.find_candidates`, as arrays.
    """
    emissions = emissions.astype(np.float64)
    scores = span_scores(emissions, counts, chain, tags)
    cut = max(-np.logaddexp(0, -np.float64(min_margin)), LOWEST)
    cuts = np.full(len(counts), cut)
    if force_one_entity and scores.single.size:
        best = scores.single.max(axis=(1, 2))
        cuts = np.minimum(cuts, np.maximum(2 * best, LOWEST))
    above = _above(scores, cuts, max_span_width)
    path = best_sequences(emissions, counts, chain)
    own = tags.spans(path)
    if max_span_width is not None:
        is_narrow = own[2] - own[1] < max_span_width
        own = tuple(one[is_narrow] for one in own)
    values = _values(scores, *own)
    is_more = values <= cuts[own[0]]
    columns = [
        np.concatenate([one, other[is_more]])
        for one, other in zip(above, (*own, values), strict=True)
    ]
    is_own = _are_among(columns, own, path.shape)
    candidates = _describe(columns, is_own)
    is_kept = candidates.margins > min_margin
    if force_one_entity:
        is_kept |= _is_best_of_none(candidates, is_kept, len(counts))
    (kept,) = np.nonzero(is_kept)
    order = np.argsort(candidates.sentences[kept], kind="stable")
    candidates = candidates.take(kept[order])
    return candidates._replace(
        margins=candidates.margins.astype(np.float32),
        logits=candidates.logits.astype(np.float32),
        log_odds=candidates.log_odds.astype(np.float32),
    )


def _are_among(
    spans: Sequence[np.ndarray],
    own: Sequence[np.ndarray],
    shape: tuple[int, ...],
) -> np.ndarray:
    """Marks the spans that are entities of the most probable sequence."""
    last_of = np.full(shape, -1)
    label_of = np.zeros(shape, np.int32)
    last_of[own[0], own[1]] = own[2]
    label_of[own[0], own[1]] = own[3]
    sentences, first, last, labels = spans[:4]
    return (last_of[sentences, first] == last) & (
        label_of[sentences, first] == labels
    )


def _describe(columns: Sequence[np.ndarray], is_own: np.ndarray) -> Candidates:
    sentences, first, last, labels, values = columns
    values = np.minimum(values, LARGEST_LOG)
    log_odds = values - np.log(-np.expm1(values))
    margins = np.maximum(log_odds, np.where(is_own, LEAST_MARGIN, LOWEST))
    return Candidates(
        sentences, first, last + 1, labels, margins, log_odds, log_odds
    )


def _is_best_of_none(
    candidates: Candidates, is_kept: np.ndarray, num_sentences: int
) -> np.ndarray:
    def highest(values: np.ndarray) -> np.ndarray:
        best = np.full(num_sentences, -np.inf)
        np.maximum.at(best, candidates.sentences, values)
        return best[candidates.sentences]

    is_best = candidates.log_odds == highest(candidates.log_odds)
    return is_best & (highest(is_kept) == 0)


def span_scores(
    emissions: np.ndarray, counts: np.ndarray, chain: Chain, tags: TagSet
) -> SpanScores:
    """Computes the parts of the log-probabilities of all spans."""
    with np.errstate(divide="ignore"):  # the logarithm of what cannot be
        before = _sums_before(emissions, chain)
        behind = _sums_behind(emissions, counts, chain, tags.num_free)
    rows = np.arange(len(counts))
    at_end = before[rows, np.maximum(counts - 1, 0)] + chain.ends
    total = np.logaddexp.reduce(at_end, axis=1)[:, None, None]
    single, first, inside, last = tags.parts
    stay, enter, leave, short = (
        chain.transitions[one, next_one]
        for one, next_one in (
            (inside, inside),
            (first, inside),
            (inside, last),
            (first, last),
        )
    )
    path = np.cumsum(emissions[..., inside] + stay, axis=1)
    until = np.pad(path, [[0, 0], [1, 0], [0, 0]])[:, :-1]
    right = until + leave + emissions[..., last] + behind[..., last] - total
    real = (np.arange(emissions.shape[1]) < counts[:, None])[:, :, None]

    def masked(values: np.ndarray) -> np.ndarray:
        return np.where(real, values, LOWEST)

    return SpanScores(
        masked(before[..., single] + behind[..., single] - total),
        masked(before[..., first] + enter - stay - path),
        masked(right),
        short - enter + stay - leave,
    )


def _sums_before(emissions: np.ndarray, chain: Chain) -> np.ndarray:
    odds = np.exp(chain.transitions)
    sums = np.empty_like(emissions)
    sums[:, :1] = emissions[:, :1] + chain.starts
    for place in range(1, emissions.shape[1]):
        into = _log_product(sums[:, place - 1], odds)
        sums[:, place] = into + emissions[:, place]
    return sums


def _sums_behind(
    emissions: np.ndarray, counts: np.ndarray, chain: Chain, num_free: int
) -> np.ndarray:
    odds = np.exp(chain.transitions.T)  # [to, from]
    sums = np.empty_like(emissions)
    sums[:, -1:] = chain.ends
    later = np.broadcast_to(chain.ends, sums[:, 0].shape)
    for place in range(emissions.shape[1] - 1, 0, -1):
        onward = emissions[:, place] + later
        inside = (place < counts)[:, None]
        free = _log_product(onward[:, :num_free], odds[:num_free])
        sums[:, place - 1] = np.where(inside, free, chain.ends)
        later = np.where(inside, _log_product(onward, odds), chain.ends)
    return sums


def _log_product(values: np.ndarray, odds: np.ndarray) -> np.ndarray:
    greatest = values.max(axis=1, keepdims=True)
    return np.log(np.exp(values - greatest) @ odds) + greatest


def _above(
    scores: SpanScores, cuts: np.ndarray, max_span_width: int | None
) -> tuple[np.ndarray, ...]:
    sentences, first, labels = np.nonzero(scores.single > cuts[:, None, None])
    singles = sentences, first, first, labels + 1
    reach = np.maximum.accumulate(scores.right[:, ::-1], axis=1)[:, ::-1]
    reach = reach + np.maximum(scores.short, 0)
    rows = np.nonzero(scores.left + reach > cuts[:, None, None])
    sentence, row, label = rows
    values = scores.left[rows][:, None] + scores.right[sentence, :, label]
    distance = np.arange(values.shape[1]) - row[:, None]
    values += np.where(distance == 1, scores.short[label][:, None], 0)
    is_above = (values > cuts[sentence][:, None]) & (distance > 0)
    if max_span_width is not None:
        is_above &= distance < max_span_width
    of_row, last = np.nonzero(is_above)
    wide = sentence[of_row], row[of_row], last, label[of_row] + 1
    parts = (
        (*singles, scores.single[sentences, first, labels]),
        (*wide, values[of_row, last]),
    )
    return tuple(np.concatenate(both) for both in zip(*parts, strict=True))


def _values(
    scores: SpanScores,
    sentences: np.ndarray,
    first: np.ndarray,
    last: np.ndarray,
    labels: np.ndarray,
) -> np.ndarray:
    row, column = (sentences, first, labels - 1), (sentences, last, labels - 1)
    short = np.where(last - first == 1, scores.short[labels - 1], 0)
    wide = scores.left[row] + scores.right[column] + short
    return np.where(first == last, scores.single[row], wide)


def best_sequences(
    emissions: np.ndarray, counts: np.ndarray, chain: Chain
) -> np.ndarray:
    """Finds the most probable tag sequences; see `sequences`."""
    batch, length, size = emissions.shape
    rows = np.arange(batch)
    into = np.ascontiguousarray(chain.transitions.T)  # [to, from]
    origins = np.empty([length, batch, size], np.int32)
    last = emissions[:, 0] + chain.starts
    for place in range(1, length):
        scores = last[:, None, :] + into  # [B, to, from]
        inside = (place < counts)[:, None]
        origins[place] = np.where(
            inside, scores.argmax(axis=2), np.arange(size)
        )
        best = scores.max(axis=2) + emissions[:, place]
        last = np.where(inside, best, last)
    tags = np.empty([batch, length], np.int32)
    tags[:, -1] = (last + chain.ends).argmax(axis=1)
    for place in range(length - 1, 0, -1):
        tags[:, place - 1] = origins[place, rows, tags[:, place]]
    return np.where(np.arange(length) < counts[:, None], tags, 0)

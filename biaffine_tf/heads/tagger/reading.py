"""Candidates of a tagger in NumPy; see `search` for what is computed."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from biaffine_tf.decoding.candidates import Candidates
from biaffine_tf.heads.tagger.tags import LARGEST_LOG, LOWEST, TagSet


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
    """Finds the spans whose probability has sufficient log-odds.

    Arguments and result are those of `search.find_candidates`, as arrays.
    """
    scores = span_scores(emissions, counts, chain, tags)
    lowest = -np.logaddexp(0, -np.float64(min_margin))
    cuts = np.full(len(counts), lowest)
    if force_one_entity and scores.single.size:
        best = scores.single.max(axis=(1, 2))
        cuts = np.minimum(cuts, np.maximum(2 * best, LOWEST))
    columns = _above(scores, cuts, max_span_width)
    if force_one_entity:
        columns = _with_best(columns, len(counts), lowest)
    order = np.argsort(columns[0], kind="stable")
    sentences, first, last, labels, values = (one[order] for one in columns)
    values = np.minimum(values, LARGEST_LOG)
    log_odds = (values - np.log(-np.expm1(values))).astype(np.float32)
    return Candidates(
        sentences, first, last + 1, labels, log_odds, log_odds, log_odds
    )


def span_scores(
    emissions: np.ndarray, counts: np.ndarray, chain: Chain, tags: TagSet
) -> SpanScores:
    """Computes the parts of the log-probabilities of all spans."""
    emissions = emissions.astype(np.float64)
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
    parts = (
        before[..., single] + behind[..., single] - total,
        before[..., first] + enter - stay - path,
        right,
    )
    return SpanScores(
        *(np.where(real, one, LOWEST) for one in parts),
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


def _with_best(
    columns: tuple[np.ndarray, ...], num_sentences: int, lowest: float
) -> tuple[np.ndarray, ...]:
    sentences, values = columns[0], columns[-1]
    best = np.full(num_sentences, -np.inf)
    np.maximum.at(best, sentences, values)
    kept = (values > lowest) | (values == best[sentences])
    return tuple(one[kept] for one in columns)

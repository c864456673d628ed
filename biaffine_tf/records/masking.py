"""Masking of batches for masked language modelling.

Implements the masks of BERT (Devlin et al. 2019,
https://arxiv.org/abs/1810.04805), of whole words (Cui et al. 2021,
https://arxiv.org/abs/1906.08101) and of n-grams of words (MacBERT, Cui et al.
2020, https://arxiv.org/abs/2004.13922). No TensorFlow.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from biaffine_tf.config import Masking, MaskingKind


class Masked(NamedTuple):
    """A masked batch.

    Attributes:
        input_ids: Masked ids, int32 `[B, L]`.
        positions: Masked positions, int32 `[B, P]`, ascending; padded by 0.
        labels: Original tokens there, int32 `[B, P]`; padded by 0.
        weights: float32 `[B, P]`: 1 for masked positions, 0 for padding.
    """

    input_ids: np.ndarray
    positions: np.ndarray
    labels: np.ndarray
    weights: np.ndarray


def mask_batch(
    input_ids: np.ndarray,
    word_starts: np.ndarray,
    *,
    masking: Masking,
    special_ids: Collection[int],
    mask_id: int,
    vocab_size: int,
    max_predictions: int,
    rng: np.random.Generator,
) -> Masked:
    """Masks a batch.

    Draws units (tokens, words or spans) in random order without replacement,
    until `round(rate * tokens)` tokens are chosen; skips units that would
    exceed this.

    Args:
        input_ids: Padded `[CLS] tokens [SEP]`, `[B, L]`.
        word_starts: 1 for tokens that begin a word, including [CLS] and [SEP],
            else 0, `[B, L]`.
        masking: Settings of masking.
        special_ids: Ids never chosen, nor used as random replacements: [CLS],
            [SEP], the padding, [MASK].
        mask_id: Id of [MASK].
        vocab_size: Upper bound of ids.
        max_predictions: P, the maximum number of tokens chosen per sequence.
        rng: Random number generator.

    Returns:
        The masked batch; the inputs are not changed.
    """
    input_ids = np.asarray(input_ids, np.int32)
    candidates = ~np.isin(input_ids, list(special_ids))  # [B, L]
    budgets = _budgets(candidates, masking.rate, max_predictions)  # [B]
    units = _units(np.asarray(word_starts), masking, rng)  # [B, L]
    chosen = _choose(units, candidates, budgets, rng)  # [B, L]

    rows, columns = np.nonzero(chosen)
    slots = np.cumsum(chosen, axis=1)[rows, columns] - 1
    shape = (len(input_ids), max_predictions)
    positions, labels = np.zeros((2, *shape), np.int32)
    weights = np.zeros(shape, np.float32)
    originals = input_ids[rows, columns]
    positions[rows, slots] = columns
    labels[rows, slots] = originals
    weights[rows, slots] = 1

    masked_ids = input_ids.copy()
    masked_ids[rows, columns] = _replacements(
        originals, masking, special_ids, mask_id, vocab_size, rng
    )
    return Masked(masked_ids, positions, labels, weights)


def _budgets(
    candidates: np.ndarray, rate: float, max_predictions: int
) -> np.ndarray:
    """Returns the maximum number of tokens per row `[B]`, at least one."""
    wanted = np.floor(rate * candidates.sum(axis=1) + 0.5).astype(np.int64)
    return np.clip(wanted, 1, max_predictions)


def _units(
    word_starts: np.ndarray, masking: Masking, rng: np.random.Generator
) -> np.ndarray:
    """Returns the number of each token's unit, in [0, L], `[B, L]`."""
    if masking.kind is MaskingKind.TOKEN:
        length = word_starts.shape[1]
        return np.broadcast_to(np.arange(length), word_starts.shape)
    words = np.cumsum(word_starts != 0, axis=1)  # [B, L]: [CLS] is word 1
    if masking.kind is MaskingKind.WORD:
        return words
    return _spans(words, masking.span_shares, rng)


def _spans(
    words: np.ndarray,
    span_shares: tuple[float, ...],
    rng: np.random.Generator,
) -> np.ndarray:
    """Divides the words after [CLS] into spans of random lengths `[B, L]`."""
    num_rows, length = words.shape
    lengths = 1 + rng.choice(len(span_shares), words.shape, p=span_shares)
    starts = 2 + np.cumsum(lengths, axis=1)  # words that begin a span
    begins = np.zeros((num_rows, length + 2), np.int64)
    begins[:, 2] = 1
    # Spans beyond the last word begin in a column without words.
    np.put_along_axis(begins, np.minimum(starts, length + 1), 1, axis=1)
    return np.take_along_axis(np.cumsum(begins, axis=1), words, axis=1)


def _choose(
    units: np.ndarray,
    candidates: np.ndarray,
    budgets: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    num_rows, num_units = len(units), units.shape[1] + 1
    flat = units + num_units * np.arange(num_rows)[:, None]
    sizes = np.bincount(flat[candidates], minlength=num_rows * num_units)
    sizes = sizes.reshape(num_rows, num_units)
    order = np.argsort(rng.random(sizes.shape), axis=1)
    taken = np.empty(sizes.shape, bool)
    in_order = np.take_along_axis(sizes, order, axis=1)
    np.put_along_axis(taken, order, _take(in_order, budgets), axis=1)
    return np.take_along_axis(taken, units, axis=1) & candidates


def _take(sizes: np.ndarray, budgets: np.ndarray) -> np.ndarray:
    """Takes units from the left, and skips those that do not fit.

    Args:
        sizes: Number of tokens in each unit, `[B, U]`.
        budgets: Maximum number of tokens to take, `[B]`.

    Returns:
        Mask of the units, bool `[B, U]`; false for empty units.
    """
    sizes = sizes.copy()
    columns = np.arange(sizes.shape[1])
    while True:
        totals = np.cumsum(sizes, axis=1)
        over = totals > budgets[:, None]
        if not over[:, -1].any():
            return sizes > 0
        # The budget left after the last unit that fits can only shrink, so all
        # larger units from there on will not fit. Rows in which everything fits
        # lose nothing, since no unit is larger than the budget.
        first = over.argmax(axis=1)[:, None]
        before = totals - sizes
        left = budgets[:, None] - np.take_along_axis(before, first, axis=1)
        sizes[(columns >= first) & (sizes > left)] = 0


def _replacements(
    originals: np.ndarray,
    masking: Masking,
    special_ids: Collection[int],
    mask_id: int,
    vocab_size: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Returns the replacement of each chosen token `[N]`."""
    specials = sorted({i for i in special_ids if 0 <= i < vocab_size})
    others = rng.integers(vocab_size - len(specials), size=originals.shape)
    for special in specials:  # from ranks among the others to ids
        others += others >= special
    draws = rng.random(originals.shape)
    is_mask = draws < masking.mask_share
    is_random = draws < masking.mask_share + masking.random_share
    return np.where(
        is_mask, mask_id, np.where(is_random, others, originals)
    ).astype(np.int32)

"""Which tokens a model must guess, and what it sees in their place.

The rules of BERT (Devlin et al. 2019, https://arxiv.org/abs/1810.04805), of
whole words (Cui et al. 2021, https://arxiv.org/abs/1906.08101) and of n-grams
of words (MacBERT, Cui et al. 2020, https://arxiv.org/abs/2004.13922), for a
whole batch at a time. No TensorFlow.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np

from biaffine_tf.config import Masking, MaskingKind


class Masked(NamedTuple):
    """A batch with tokens to guess.

    Attributes:
        input_ids: int32 `[B, L]`: what the model sees.
        positions: int32 `[B, P]`: where tokens are to be guessed, ascending;
            0 where there are fewer than P.
        labels: int32 `[B, P]`: the tokens that stood there; 0 where none.
        weights: float32 `[B, P]`: 1 for each of them, 0 where none.
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
    """Chooses tokens to guess, and replaces them.

    Units (tokens, words or spans) are drawn in random order, without
    replacement, until `round(rate * tokens)` tokens are chosen; a unit that
    would make it more is passed over.

    Args:
        input_ids: `[B, L]`: `[CLS] tokens [SEP]` and padding.
        word_starts: `[B, L]`: 1 where a word begins, [CLS] and [SEP] being
            words of their own; 0 within.
        masking: How to choose and replace.
        special_ids: Never chosen, nor put in the place of others: [CLS],
            [SEP], the padding, [MASK].
        mask_id: Id of [MASK].
        vocab_size: Ids are below it.
        max_predictions: P; most tokens chosen in a sequence.
        rng: Where the randomness comes from.

    Returns:
        The batch; the inputs stay as they are.
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
    """Most tokens to choose in each row `[B]`; one where there is any."""
    wanted = np.floor(rate * candidates.sum(axis=1) + 0.5).astype(np.int64)
    return np.clip(wanted, 1, max_predictions)


def _units(
    word_starts: np.ndarray, masking: Masking, rng: np.random.Generator
) -> np.ndarray:
    """Number of the unit that each token belongs to, in [0, L] `[B, L]`."""
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
    """Cuts the words behind [CLS] into spans of random lengths `[B, L]`."""
    num_rows, length = words.shape
    lengths = 1 + rng.choice(len(span_shares), words.shape, p=span_shares)
    starts = 2 + np.cumsum(lengths, axis=1)  # words that begin a span
    begins = np.zeros((num_rows, length + 2), np.int64)
    begins[:, 2] = 1
    # Spans beyond the last word begin in a column that no word has.
    np.put_along_axis(begins, np.minimum(starts, length + 1), 1, axis=1)
    return np.take_along_axis(np.cumsum(begins, axis=1), words, axis=1)


def _choose(
    units: np.ndarray,
    candidates: np.ndarray,
    budgets: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Whether each token is chosen, bool `[B, L]`."""
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
    """Units to take from the left, passing over those that do not fit.

    Args:
        sizes: `[B, U]`: tokens in each unit.
        budgets: `[B]`: most tokens to take.

    Returns:
        bool `[B, U]`; empty units are not taken.
    """
    sizes = sizes.copy()
    columns = np.arange(sizes.shape[1])
    while True:
        totals = np.cumsum(sizes, axis=1)
        over = totals > budgets[:, None]
        if not over[:, -1].any():
            return sizes > 0
        # What is left behind the last unit that fits only becomes less: all
        # units from there on that are larger will not fit. Rows in which
        # everything fits lose nothing, for none is larger than the budget.
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
    """What the model sees in the place of each chosen token `[N]`."""
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

"""Masks: against a loop, in distribution; and what must always hold."""

import collections
import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.config import Masking, MaskingKind, Replacement
from biaffine_tf.records.masking import _take, mask_batch

PAD, UNK, CLS, SEP, MASK = SPECIAL = range(5)
VOCAB_SIZE = 60
KINDS = list(MaskingKind)


def draw(input_ids, word_starts, *, seed=0, masking=None, **changes):
    values = {
        "masking": masking or Masking(),
        "special_ids": SPECIAL,
        "mask_id": MASK,
        "vocab_size": VOCAB_SIZE,
        "max_predictions": input_ids.shape[1],
        "rng": np.random.default_rng(seed),
    }
    return mask_batch(input_ids, word_starts, **(values | changes))


def random_batch(rows=64, length=48, *, seed=0, unknown=0.05):
    """Sequences of all lengths, some tokens [UNK], words of 1 to 4 tokens."""
    rng = np.random.default_rng(seed)
    input_ids = rng.integers(5, VOCAB_SIZE, (rows, length)).astype(np.int32)
    input_ids[rng.random((rows, length)) < unknown] = UNK
    word_starts = (rng.random((rows, length)) < 0.5).astype(np.uint8)
    for row, tokens in enumerate(rng.integers(1, length - 1, rows)):
        input_ids[row, 0] = CLS
        input_ids[row, tokens + 1] = SEP
        input_ids[row, tokens + 2 :] = PAD
        word_starts[row, [0, 1]] = 1
        word_starts[row, tokens + 1 :] = 1
    return input_ids, word_starts


def chosen_of(masked, length):
    """Which tokens were chosen, bool `[B, L]`."""
    chosen = np.zeros((len(masked.positions), length), bool)
    rows, slots = np.nonzero(masked.weights)
    chosen[rows, masked.positions[rows, slots]] = True
    return chosen


def slow_choice(input_ids, word_starts, masking, most, rng):
    """The chosen positions of one sequence, by the rules' own words."""
    words = []
    for position, (token, start) in enumerate(
        zip(input_ids, word_starts, strict=True)
    ):
        if start or not words or masking.kind == MaskingKind.TOKEN:
            words.append([])
        if token not in SPECIAL:
            words[-1].append(position)
    units = words
    if masking.kind == MaskingKind.SPAN:
        units, rest = words[:1], words[1:]
        while rest:
            shares = masking.span_shares
            size = rng.choices(range(1, len(shares) + 1), shares)[0]
            units.append([*itertools.chain(*rest[:size])])
            rest = rest[size:]
    budget = math.floor(masking.rate * sum(map(len, words)) + 0.5)
    budget = min(max(budget, 1), most)
    chosen = []
    rng.shuffle(units)
    for unit in units:
        if len(chosen) + len(unit) <= budget:
            chosen += unit
    return tuple(sorted(chosen))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rate", [0.25, 0.5])
def test_choices_are_distributed_as_a_loop_draws_them(kind, rate):
    tokens = [CLS, 7, 8, 9, UNK, 7, 8, 9, 6, SEP, PAD, PAD]
    starts = [1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1, 1]
    masking = Masking(kind=kind, rate=rate, span_shares=(0.3, 0.5, 0.2))
    draws = 20_000
    rng = random.Random(1)
    slow = collections.Counter(
        slow_choice(tokens, starts, masking, 12, rng) for _ in range(draws)
    )
    masked = draw(
        np.tile(np.array(tokens), (draws, 1)),
        np.tile(np.array(starts), (draws, 1)),
        masking=masking,
    )
    fast = collections.Counter(
        tuple(np.flatnonzero(row).tolist()) for row in chosen_of(masked, 12)
    )
    # Chi-square of two samples, far from what chance allows.
    outcomes = slow.keys() | fast.keys()
    distance = sum(
        (slow[k] - fast[k]) ** 2 / (slow[k] + fast[k]) for k in outcomes
    )
    freedom = len(outcomes) - 1
    assert freedom >= 1
    assert distance < freedom + 5 * math.sqrt(2 * freedom)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_what_must_hold_of_every_batch(kind, seed):
    input_ids, word_starts = random_batch(seed=seed)
    before = input_ids.copy()
    masking = Masking(kind=kind, rate=0.3)
    masked = draw(input_ids, word_starts, seed=seed, masking=masking)
    assert np.array_equal(input_ids, before)
    chosen = chosen_of(masked, input_ids.shape[1])
    special = np.isin(input_ids, SPECIAL)
    assert not (chosen & special).any()
    # Only what is chosen differs, and the labels say what it was.
    assert np.array_equal(masked.input_ids[~chosen], input_ids[~chosen])
    rows, slots = np.nonzero(masked.weights)
    restored = masked.input_ids.copy()
    restored[rows, masked.positions[rows, slots]] = masked.labels[rows, slots]
    assert np.array_equal(restored, input_ids)
    # Real slots first, ascending; the others are 0.
    numbers = masked.weights.sum(axis=1).astype(int)
    for row, number in enumerate(numbers):
        assert (np.diff(masked.positions[row, :number]) > 0).all()
        for values in (masked.positions, masked.labels, masked.weights):
            assert not values[row, number:].any()
    # They are replaced by [MASK] or by tokens that are not special.
    put = masked.input_ids[chosen]
    assert not np.isin(put, [PAD, UNK, CLS, SEP]).any()
    candidates = (~special).sum(axis=1)
    budgets = np.maximum(np.floor(masking.rate * candidates + 0.5), 1)
    assert (numbers <= np.where(candidates, budgets, 0)).all()
    if kind is MaskingKind.TOKEN:
        assert np.array_equal(numbers, np.where(candidates, budgets, 0))
    else:
        words = np.cumsum(word_starts, axis=1)
        for row in range(len(input_ids)):
            for word in set(words[row]):
                of_word = (words[row] == word) & ~special[row]
                assert (
                    chosen[row][of_word].all() or not chosen[row][of_word].any()
                )
    types = [array.dtype for array in masked]
    assert types == [np.int32, np.int32, np.int32, np.float32]


def within(count, total, share):
    """Whether a count may be binomial; wrong once in ten million seeds."""
    return abs(count - total * share) <= 5.3 * math.sqrt(
        total * share * (1 - share)
    )


@pytest.mark.parametrize(
    ("mask_share", "random_share"),
    [*(one.shares for one in Replacement), (1, 0), (0, 1), (0.5, 0.25)],
)
def test_shares_of_replacements(mask_share, random_share):
    input_ids, word_starts = random_batch(2000, seed=3)
    masking = Masking(mask_share=mask_share, random_share=random_share)
    masked = draw(input_ids, word_starts, masking=masking)
    chosen = chosen_of(masked, input_ids.shape[1])
    old, new = input_ids[chosen], masked.input_ids[chosen]
    kinds = VOCAB_SIZE - len(SPECIAL)
    total = len(old)
    assert total > 5000
    kept = 1 - mask_share - random_share
    assert within((new == MASK).sum(), total, mask_share)
    assert within((new == old).sum(), total, kept + random_share / kinds)
    # Every token is as likely to be put there as any other.
    other = new[(new != MASK) & (new != old)]
    counts = np.bincount(other, minlength=VOCAB_SIZE)
    assert not counts[list(SPECIAL)].any()
    expected = total * random_share * (1 - 1 / kinds) / kinds
    assert (abs(counts[5:] - expected) <= 6 * math.sqrt(expected)).all()


@pytest.mark.parametrize("kind", KINDS)
def test_the_seed_decides(kind):
    batch = random_batch()
    masking = Masking(kind=kind)
    first, again, other = (
        draw(*batch, masking=masking, seed=seed) for seed in (1, 1, 2)
    )
    for left, right in zip(first, again, strict=True):
        assert np.array_equal(left, right)
    assert not np.array_equal(first.positions, other.positions)


def test_bounds_of_predictions():
    batch = random_batch(length=64, seed=2)
    narrow = draw(*batch, masking=Masking(rate=0.5), max_predictions=3)
    assert narrow.positions.shape == (64, 3)
    assert narrow.weights.sum(axis=1).max() == 3
    wide = draw(*batch, max_predictions=100)
    assert wide.labels.shape == (64, 100)


def test_sequences_without_anything_to_guess():
    input_ids = np.array([[CLS, UNK, SEP, PAD], [PAD] * 4, [CLS, 9, SEP, PAD]])
    masked = draw(input_ids, np.ones_like(input_ids), max_predictions=2)
    assert masked.weights.tolist() == [[0, 0], [0, 0], [1, 0]]
    assert masked.positions.tolist() == [[0, 0], [0, 0], [1, 0]]


@given(st.lists(st.integers(0, 6), min_size=1, max_size=20), st.integers(1, 12))
def test_taking_from_the_left(sizes, budget):
    left, taken = budget, []
    for size in sizes:
        taken.append(0 < size <= left)
        left -= size * taken[-1]
    other = [1] * len(sizes)  # rows do not depend on each other
    found = _take(np.array([sizes, other]), np.array([budget, 20]))
    assert found.tolist() == [taken, [True] * len(sizes)]


def test_what_stands_for_masked_tokens():
    """BERT's 80/10/10; 85 % [MASK] and nothing random in ELECTRA's code."""
    for replacement, shares, said in (
        (Replacement.BERT, (0.8, 0.1), "10% random, 10% unchanged)"),
        (Replacement.ELECTRA, (0.85, 0.0), "(85% [MASK], 15% unchanged)"),
    ):
        assert replacement.shares == shares
        masking = Masking(mask_share=shares[0], random_share=shares[1])
        assert str(masking).endswith(said)

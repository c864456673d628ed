"""Dealing out units: each label's share, beside what chance would give."""

import collections
import random
import statistics

import pytest

from biaffine_tf.corpora.stratify import NO_ENTITY, SENTENCES, choose

FRACTIONS = (0.1, 0.3, 0.8)


def _units(seed, *, count=400, labels=12, most=3):
    """Units of a sentence with labels of very different frequencies."""
    rng = random.Random(seed)
    names = [f"label{number}" for number in range(labels)]
    weights = [0.6**number for number in range(labels)]
    drawn = [
        rng.choices(names, weights, k=rng.randint(0, most))
        for _ in range(count)
    ]
    return [
        {SENTENCES: 1, **collections.Counter(labels or [NO_ENTITY])}
        for labels in drawn
    ]


def _documents(seed, *, count=120):
    """Units of several sentences: sums of small ones."""
    rng = random.Random(seed)
    sentences = _units(seed, count=count * 8)
    documents = [collections.Counter() for _ in range(count)]
    for sentence in sentences:
        rng.choice(documents).update(sentence)
    return [document for document in documents if document]


def _totals(units):
    totals = collections.Counter()
    for unit in units:
        totals.update(unit)
    return totals


def _off(units, is_chosen, fraction):
    """Mean square error of shares, of what enough units hold to have one."""
    whole = _totals(units)
    part = _totals(u for u, here in zip(units, is_chosen, strict=True) if here)
    having = collections.Counter(key for unit in units for key in unit)
    return statistics.mean(
        (part[key] / whole[key] - fraction) ** 2
        for key in whole
        if having[key] * min(fraction, 1 - fraction) >= 3
    )


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("make", [_units, _documents])
@pytest.mark.parametrize("seed", range(2))
def test_shares_are_nearer_than_those_of_random_splits(make, fraction, seed):
    units = make(seed)
    found = choose(units, fraction=fraction, seed=seed)
    rng = random.Random(seed)
    numbers = range(len(units))
    by_chance = []
    for _ in range(30):
        some = set(rng.sample(numbers, sum(found)))
        by_chance.append(_off(units, [n in some for n in numbers], fraction))
    ours = _off(units, found, fraction)
    assert sum(ours < other for other in by_chance) >= 28


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_every_share_of_sentences_is_within_tolerance(fraction, seed):
    """Single sentences are divided to within rounding."""
    units = _units(seed)
    found = choose(units, fraction=fraction, seed=seed)
    whole = _totals(units)
    part = _totals(u for u, here in zip(units, found, strict=True) if here)
    for key, total in whole.items():
        off = abs(part[key] - fraction * total)
        assert off <= max(2, 0.15 * fraction * total), (key, total, part[key])


@pytest.mark.parametrize("fraction", FRACTIONS)
@pytest.mark.parametrize("seed", range(2))
def test_rare_labels_are_in_both_parts_where_they_can_be(fraction, seed):
    units = _units(seed, labels=20)
    found = choose(units, fraction=fraction, seed=seed)
    sides = collections.defaultdict(list)
    for unit, here in zip(units, found, strict=True):
        for key in unit:
            sides[key].append(here)
    assert any(len(side) == 1 for side in sides.values())
    for key, side in sides.items():
        if len(side) == 1:
            assert side == [False], key  # what is seen once is learnt
        else:
            assert set(side) == {True, False}, key


@pytest.mark.parametrize("seed", range(2))
def test_one_seed_is_one_choice(seed):
    units = _units(0)
    first = choose(units, fraction=0.2, seed=seed)
    assert choose(units, fraction=0.2, seed=seed) == first
    assert choose(units, fraction=0.2, seed=seed + 1) != first


@pytest.mark.parametrize("fraction", [0.001, 0.5, 0.999])
@pytest.mark.parametrize("count", [2, 3, 10])
def test_no_part_is_empty(fraction, count):
    for units in ([{SENTENCES: 1, "a": 1}] * count, [{SENTENCES: 5}] * count):
        found = choose(units, fraction=fraction, seed=0)
        assert set(found) == {True, False}


def test_one_unit_is_not_divided():
    assert choose([{SENTENCES: 9, "a": 3}], fraction=0.5, seed=0) == [False]

"""Exact decoding against all subsets, and against a slower recurrence."""

import itertools

import numpy as np
import pytest

from biaffine_tf.decoding import Candidate, exact


def clash(one, two, *, nested, one_label_per_span):
    """What greedy's docstring says, with its inclusive ends."""
    s, e, t, f = one.start, one.end - 1, two.start, two.end - 1
    if s < t <= e < f or t < s <= f < e:
        return True
    if not nested:
        return s <= t <= f <= e or t <= s <= e <= f
    if (s, e) == (t, f):
        return one_label_per_span or one.label == two.label
    return False


def clashless_sets(candidates, **rule):
    """Every subset without clashes, the empty one first."""
    sets = [[]]
    for one in candidates:
        sets += [
            [*chosen, one]
            for chosen in sets
            if not any(clash(one, other, **rule) for other in chosen)
        ]
    return sets


def total(candidates):
    return sum(one.margin for one in candidates)


def written(candidates):
    """What sets with equal totals are compared by."""
    return sorted((one.start, -one.end, one.label) for one in candidates)


def random_candidates(random, count, length, *, labels="xyz", margins=None):
    """Halves from -1 to 2, so that totals tie, unless there are margins."""
    starts = random.integers(0, length, count)
    ends = starts + random.integers(1, length + 1, count)
    if margins is None:
        margins = random.integers(-2, 5, count) / 2
    return [
        Candidate(int(start), int(end), str(label), margin=float(margin))
        for start, end, label, margin in zip(
            starts,
            ends,
            random.choice(list(labels), count),
            margins,
            strict=True,
        )
    ]


RULES = [
    {"nested": False, "one_label_per_span": False},
    {"nested": True, "one_label_per_span": False},
    {"nested": True, "one_label_per_span": True},
]


@pytest.mark.parametrize("rule", RULES)
def test_equals_the_best_of_all_subsets(rule):
    random = np.random.default_rng(1)
    ties = 0
    for _ in range(2000):
        candidates = random_candidates(
            random, random.integers(0, 9), random.integers(1, 7), labels="xy"
        )
        sets = clashless_sets(candidates, **rule)
        best = max(map(total, sets))  # halves add up without rounding
        gaining = {
            tuple(written(chosen))
            for chosen in sets
            if total(chosen) == best and all(one.margin > 0 for one in chosen)
        }
        ties += len(gaining) > 1

        decoded = exact(candidates, **rule)

        assert total(decoded) == best
        assert written(decoded) == list(min(gaining))
        assert set(decoded) <= set(candidates)
    assert ties > 50, "the order among equals was hardly tested"


@pytest.mark.parametrize("rule", RULES)
def test_totals_of_any_floats(rule):
    random = np.random.default_rng(2)
    for _ in range(300):
        count = int(random.integers(0, 10))
        scale = random.choice([1e-30, 1.0, 1e30])
        candidates = random_candidates(
            random, count, 8, margins=scale * random.normal(1, 1, count)
        )
        decoded = exact(candidates, **rule)
        for pair in itertools.combinations(decoded, 2):
            assert not clash(*pair, **rule)
        best = max(map(total, clashless_sets(candidates, **rule)))
        assert total(decoded) == pytest.approx(best, rel=1e-12, abs=0)


def recurrence(candidates, *, nested, one_label_per_span):
    """The greatest total, by the way that brackets are counted.

    A set in [i, j) is in [i, k) and in [k, j) for some k, but for what spans
    all of [i, j). For each length of ranges, all ways to part them.
    """
    length = max((one.end for one in candidates), default=0)
    whole = {}
    for one in candidates:
        labels = whole.setdefault((one.start, one.end), {})
        labels[one.label] = max(labels.get(one.label, 0.0), one.margin)
    combine = sum if nested and not one_label_per_span else max
    best = np.zeros([length + 1, length + 1])
    for width in range(1, length + 1):
        for i in range(length - width + 1):
            j = i + width
            here = combine(whole.get((i, j), {"none": 0.0}).values())
            parts = max(
                (best[i, k] + best[k, j] for k in range(i + 1, j)), default=0
            )
            best[i, j] = here + parts if nested else max(here, parts)
    return best[0, length]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("widest", [3, 12, 40])
def test_equals_the_recurrence_on_longer_sentences(rule, widest):
    random = np.random.default_rng(widest)
    for _ in range(12):
        starts = random.integers(0, 40, 80)
        ends = starts + random.integers(1, widest + 1, 80)
        candidates = [
            Candidate(int(start), int(end), label, margin=int(margin) / 8)
            for start, end, label, margin in zip(
                starts,
                np.minimum(ends, 41),
                itertools.cycle("xyz"),
                random.integers(-4, 40, 80),
            )
        ]
        decoded = exact(candidates, **rule)
        for pair in itertools.combinations(decoded, 2):
            assert not clash(*pair, **rule)
        assert total(decoded) == recurrence(candidates, **rule)


def test_all_ranges_on_top_of_each_other():
    random = np.random.default_rng(3)
    candidates = [
        Candidate(start, end, "x", margin=int(random.integers(1, 99)))
        for start in range(20)
        for end in range(20, 40)
    ]
    for rule in RULES:
        assert total(exact(candidates, **rule)) == recurrence(
            candidates, **rule
        )


def test_a_tower_of_ranges_is_kept_whole():
    tower = [Candidate(i, 2000 - i, "x", margin=1.0) for i in range(1000)]
    weak = Candidate(1000, 2001, "x", margin=999.5)  # crosses all of it
    strong = weak._replace(margin=1000.5)
    assert exact([*tower, weak], nested=True) == tower
    assert exact([*tower, strong], nested=True) == [strong]


def candidate(start, end, margin, label="x", **rest):
    return Candidate(start, end, label, margin=margin, **rest)


def test_the_same_range_and_label_twice_is_one_entity():
    better, worse = candidate(0, 2, 2.0, log_odds=0.1), candidate(0, 2, 1.0)
    crossing = candidate(1, 3, 2.5)
    for nested in False, True:
        assert exact([worse, better], nested=nested) == [better]
        assert exact([worse, better, crossing], nested=nested) == [crossing]


def test_margins_are_read_and_logits_are_not():
    sure = candidate(0, 2, 9.0, logit=1.0)
    loud = candidate(1, 3, 0.5, logit=2.0)
    assert exact([loud, sure]) == [sure]

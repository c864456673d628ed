"""Greedy decoding against the original's double loop, written out again."""

import itertools

import numpy as np
from heads.plain_candidates import candidates_from_logits
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.decoding import (
    Candidate,
    Decoder,
    decode,
    greedy,
)
from biaffine_tf.spans import LabelMap


def loop_greedy(logits, label_map, nested):
    """The rule as the original states it: inclusive ends, all pairs."""
    proposals = []
    for first in range(len(logits)):
        for last in range(first, len(logits)):
            label = int(np.argmax(logits[first, last]))
            if label > 0:
                logit = float(logits[first, last, label])
                proposals.append((first, last, label, logit))
    proposals.sort(key=lambda proposal: proposal[3], reverse=True)
    accepted = []
    for ns, ne, label, _ in proposals:
        for ts, te, _ in accepted:
            if ns < ts <= ne < te or ts < ns <= te < ne:
                break
            if not nested and (ns <= ts <= te <= ne or ts <= ns <= ne <= te):
                break
        else:
            accepted.append((ns, ne, label))
    return {(s, e + 1, label_map.name(label)) for s, e, label in accepted}


@given(
    length=st.integers(0, 14),
    labels=st.integers(1, 3),
    seed=st.integers(0, 2**32 - 1),
    none_bias=st.sampled_from([0.0, 1.0, 2.0]),
    values=st.sampled_from([3, 1000]),
    nested=st.booleans(),
)
def test_equals_the_original_rule(
    length, labels, seed, none_bias, values, nested
):
    random = np.random.default_rng(seed)
    shape = [length, length, labels + 1]
    # Few distinct values: most ranks tie.
    logits = random.integers(-values, values, shape) / np.float32(values / 3)
    logits[:, :, 0] += none_bias
    label_map = LabelMap([f"label{i}" for i in range(1, labels + 1)])
    candidates = candidates_from_logits(logits, label_map)
    random.shuffle(candidates)  # the order given must not matter

    decoded = decode(candidates, decoder=Decoder.GREEDY, nested=nested)

    keys = [(one.start, one.end, one.label) for one in decoded]
    assert set(keys) == loop_greedy(logits, label_map, nested)
    assert keys == sorted(keys, key=lambda key: (key[0], -key[1]))
    assert set(decoded) <= set(candidates)
    assert candidates == [] or decoded != []


def candidate(start, end, rank, label="x"):
    return Candidate(start, end, label, margin=rank)


def test_nested_keeps_one_range_under_two_labels_but_not_twice():
    high, low, again = (
        candidate(0, 2, 3.0, "x"),
        candidate(0, 2, 2.0, "y"),
        candidate(0, 2, 1.0, "x"),
    )
    assert greedy([again, low, high], nested=True) == [high, low]
    assert greedy([again, low, high]) == [high]


def test_of_equal_ranks_the_first_label_margin_and_score():
    """Not the first that was given, but what `greedy_order` says."""
    ordered = [
        Candidate(0, 2, "x", 2.0, logit=1.0, log_odds=0.5),
        Candidate(0, 2, "x", 2.0, logit=1.0, log_odds=0.4),
        Candidate(0, 2, "x", 1.0, logit=1.0, log_odds=0.9),
        Candidate(0, 2, "y", 3.0, logit=1.0, log_odds=0.9),
    ]
    for given_order in itertools.permutations(ordered):
        assert greedy(given_order) == ordered[:1]
        assert greedy(given_order, nested=True) == [ordered[0], ordered[3]]
        assert greedy(given_order, nested=True, one_label_per_span=True) == [
            ordered[0]
        ]

"""Candidates against loops over the cells."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.decoding import (
    Candidate,
    best_candidate,
    candidates_from_logits,
)
from biaffine_tf.spans import LabelMap


def logits_and_labels(min_length=0):
    # A small grid of values makes ties common.
    return st.tuples(
        st.integers(min_length, 6),
        st.integers(1, 3),
        st.integers(0, 2**32 - 1),
        st.sampled_from([2, 5, 1000]),
    ).map(_draw)


def _draw(drawn):
    length, labels, seed, values = drawn
    random = np.random.default_rng(seed)
    logits = random.integers(-values, values, [length, length, labels + 1])
    names = [f"label{i}" for i in range(1, labels + 1)]
    return logits.astype(np.float32) / 4, LabelMap(names)


@given(logits_and_labels())
def test_candidates_are_the_pairs_where_a_label_wins(case):
    logits, label_map = case
    expected = []
    for first in range(len(logits)):
        for last in range(first, len(logits)):
            scores = logits[first, last].tolist()
            winner = scores.index(max(scores))
            if winner:
                expected.append(
                    Candidate(
                        start=first,
                        end=last + 1,
                        label=f"label{winner}",
                        margin=scores[winner] - scores[0],
                        logit=scores[winner],
                    )
                )
    assert candidates_from_logits(logits, label_map) == expected


@given(logits_and_labels(min_length=1))
def test_best_candidate_is_the_greatest_label_logit(case):
    logits, label_map = case
    expected = None
    for first in range(len(logits)):
        for last in range(first, len(logits)):
            for label in range(1, label_map.num_classes):
                logit = float(logits[first, last, label])
                if expected is None or logit > expected.logit:
                    expected = Candidate(
                        start=first,
                        end=last + 1,
                        label=label_map.name(label),
                        margin=logit - float(logits[first, last, 0]),
                        logit=logit,
                    )
    assert best_candidate(logits, label_map) == expected


def test_best_candidate_ignores_pairs_that_end_before_they_start():
    logits = np.zeros([3, 3, 2])
    logits[2, 0, 1] = 9.0
    logits[0, 2] = [50.0, 1.0]
    assert best_candidate(logits, LabelMap(["x"])) == Candidate(
        0, 3, "x", margin=-49.0, logit=1.0
    )


def test_half_precision_is_read_exactly():
    logits = np.full([1, 1, 2], [0.1, 1000.5], np.float16)
    (candidate,) = candidates_from_logits(logits, LabelMap(["x"]))
    assert candidate.margin == 1000.5 - float(np.float16(0.1))


@pytest.mark.parametrize("shape", [(2, 3, 2), (2, 2, 3), (2, 2)])
def test_wrong_shapes_are_refused(shape):
    with pytest.raises(ValueError, match="logits must be"):
        candidates_from_logits(np.zeros(shape), LabelMap(["x"]))


@pytest.mark.parametrize("shape, labels", [((0, 0, 2), ["x"]), ((1, 1, 1), [])])
def test_there_is_no_best_of_nothing(shape, labels):
    with pytest.raises(ValueError, match="no pair or no label"):
        best_candidate(np.zeros(shape), LabelMap(labels))


def test_rank_is_the_logit_and_else_the_margin():
    assert Candidate(0, 1, "x", margin=2.0).rank == 2.0
    assert Candidate(0, 1, "x", margin=2.0, logit=0.0).rank == 0.0

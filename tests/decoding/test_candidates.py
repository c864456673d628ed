"""Candidates alone, and rows of them."""

import math

import numpy as np
import pytest

from biaffine_tf.decoding import Candidate, Candidates


def test_rank_is_the_logit_and_else_the_margin():
    assert Candidate(0, 1, "x", margin=2.0).rank == 2.0
    assert Candidate(0, 1, "x", margin=2.0, logit=0.0).rank == 0.0


@pytest.mark.parametrize("log_odds", [-800.0, -3.0, 0.0, 0.5, 40.0, 800.0])
def test_a_score_is_made_of_log_odds(log_odds):
    score = Candidate(0, 1, "x", 0.0, log_odds=log_odds).score
    assert 0 <= score <= 1
    if abs(log_odds) < 30:
        assert math.log(score / (1 - score)) == pytest.approx(log_odds)
    assert Candidate(0, 1, "x", 0.0).score is None


def test_rows_are_taken_and_joined():
    rows = Candidates(*(np.arange(4) + 10 * column for column in range(7)))
    mask = rows.starts % 2 == 0
    assert [column.tolist() for column in rows.take(mask)] == [
        [10 * column, 10 * column + 2] for column in range(7)
    ]
    joined = rows.map(lambda *parts: np.concatenate(parts), rows.take([3]))
    assert joined.log_odds.tolist() == [60, 61, 62, 63, 63]

"""Candidates by blocks against the plain reading of all logits."""

import numpy as np
import pytest
import tensorflow as tf
from heads.plain_candidates import candidates_from_logits
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.pairs.search import find_candidates
from biaffine_tf.spans import LabelMap


def _batch(seed, *, batch, length, labels, values=2):
    """Small integers: ties are common, and float32 is exact."""
    rng = np.random.default_rng(seed)
    starts, ends, bilinear = (
        rng.integers(-values, values + 1, shape)
        for shape in (
            [batch, length, 2],
            [batch, length, 3],
            [2, labels + 1, 3],
        )
    )
    counts = rng.integers(0, length + 1, batch)
    return starts, ends, bilinear, counts


def _logits(starts, ends, bilinear):
    return np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)


def _reference(
    starts, ends, bilinear, counts, *, width=None, least=0.0, force=False
):
    """(sentence, start, end, label, margin, logit) of each candidate."""
    labels = LabelMap([f"label{i}" for i in range(1, bilinear.shape[1])])
    rows = []
    for sentence, count in enumerate(counts.tolist()):
        logits = _logits(starts, ends, bilinear)[sentence, :count, :count]
        logits = logits.astype(float)
        if width is not None:  # "none" wins, by far, where it is too wide
            wide = np.triu(np.ones([count, count], bool), width)
            logits[wide] = [0.0, *[-1e9] * len(labels)]
        rows += [
            (sentence, *one[:2], labels.id(one.label), *one[3:5])
            for one in candidates_from_logits(
                logits, labels, least=least, force=force
            )
        ]
    return rows


def _rows(found):
    columns = [column.numpy().tolist() for column in found]
    return [row[:6] for row in zip(*columns, strict=True)]


def _found(starts, ends, bilinear, counts, **options):
    inputs = (tf.constant(x, tf.float32) for x in (starts, ends, bilinear))
    found = find_candidates(
        biaffine_pairs(*inputs),
        tf.constant(counts, tf.int32),
        **options,
    )
    return _rows(found), found


@pytest.mark.slow
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 4),
    length=st.integers(1, 9),
    labels=st.integers(1, 3),
    width=st.none() | st.integers(1, 10),
    force=st.booleans(),
    most=st.sampled_from([1, 200, None]),
)
def test_equals_the_plain_reading(
    seed, batch, length, labels, width, force, most
):
    data = _batch(seed, batch=batch, length=length, labels=labels)
    rows, _ = _found(
        *data, max_span_width=width, force_one_entity=force, max_floats=most
    )
    assert rows == _reference(*data, width=width, force=force)


@pytest.mark.slow
@given(
    seed=st.integers(0, 2**32 - 1),
    least=st.integers(-9, 3),
    most=st.sampled_from([1, 200, None]),
)
def test_a_least_margin_moves_the_bar(seed, least, most):
    data = _batch(seed, batch=2, length=6, labels=2)
    rows, _ = _found(*data, min_margin=least, max_floats=most)
    assert rows == _reference(*data, least=least)


@pytest.mark.parametrize("most", [1, 200, None])
@pytest.mark.parametrize("scale", [1, 5])
def test_log_odds_are_those_of_the_softmax(most, scale):
    """Also where a probability in float32 would be 1."""
    starts, *data = _batch(1, batch=3, length=8, labels=3)
    data = [starts * scale, *data]
    rows, found = _found(*data, max_floats=most)
    exponents = np.exp(_logits(*data[:3]).astype(float))
    assert len(rows) > 10
    if scale > 1:
        assert found.log_odds.numpy().max() > 20
    for (sentence, start, end, label, *_), log_odds in zip(
        rows, found.log_odds.numpy(), strict=True
    ):
        cell = exponents[sentence, start, end - 1]
        want = np.log(cell[label]) - np.log(np.delete(cell, label).sum())
        assert log_odds == pytest.approx(want, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("force", [False, True])
def test_in_a_graph_of_unknown_shapes(force):
    signature = [
        tf.TensorSpec([None, None, 2]),
        tf.TensorSpec([None, None, 3]),
        tf.TensorSpec([2, 3, 3]),
        tf.TensorSpec([None], tf.int32),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def search(*batch):
        return find_candidates(
            biaffine_pairs(*batch[:3]),
            batch[3],
            max_span_width=4,
            force_one_entity=force,
            max_floats=150,
        )

    cases = 0
    for length in (1, 5, 12):
        data = _batch(length, batch=4, length=length, labels=2, values=1)
        found = search(
            *(tf.constant(x, tf.float32) for x in data[:3]),
            tf.constant(data[3], tf.int32),
        )
        rows = _rows(found)
        assert rows == _reference(*data, width=4, force=force)
        cases += len(rows)
    assert cases > 10


def test_no_pair_and_no_candidate():
    data = _batch(0, batch=2, length=4, labels=2)
    nothing = data[:3], np.zeros(2, int)
    for force in (False, True):
        assert _found(*nothing[0], nothing[1], force_one_entity=force)[0] == []
    zeros = [np.zeros_like(x) for x in data[:3]]  # "none" wins every tie
    assert _found(*zeros, np.array([4, 2]))[0] == []
    forced, _ = _found(*zeros, np.array([4, 0]), force_one_entity=True)
    assert forced == [(0, 0, 1, 1, 0.0, 0.0)]

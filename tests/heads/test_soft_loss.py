"""Distillation by blocks against float64 NumPy over all pairs."""

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.config import TrainingConfig
from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.head import SoftCells
from biaffine_tf.heads.pairs.loss import span_loss
from biaffine_tf.heads.pairs.search import find_candidates
from biaffine_tf.heads.pairs.soft import SoftTargets, make_targets
from biaffine_tf.losses import cross_entropy, sample_pairs
from biaffine_tf.records.span_schema import soften

LENGTH, CLASSES, SIZE = 7, 4, 5
COUNTS = [5, 0, 7, 1, 6]
LABELLED = [True, True, True, False, False]
SEED = (3, 8)


def _weights(seed=0):
    rng = np.random.default_rng(seed)
    shapes = (
        [len(COUNTS), LENGTH, SIZE],
        [len(COUNTS), LENGTH, SIZE + 1],
        [SIZE, CLASSES, SIZE + 1],
    )
    return [rng.normal(size=shape) for shape in shapes]


def _teacher(seed=0):
    """Probabilities `[B, L, L, C]` of some labels of some pairs, 0 elsewhere.

    Some pairs have several labels, some are certain, some wide.
    """
    rng = np.random.default_rng(seed)
    shape = [len(COUNTS), LENGTH, LENGTH, CLASSES]
    odds = rng.dirichlet(np.ones(CLASSES), shape[:3])
    odds[rng.random(shape) < 0.6] = 0
    odds[rng.random(shape[:3]) < 0.5] = 0
    odds[0, 1, 3] = np.eye(CLASSES)[2]
    for sentence, count in enumerate(COUNTS):
        for first, last in np.ndindex(LENGTH, LENGTH):
            if not first <= last < count:
                odds[sentence, first, last] = 0
    odds[..., 0] = 0
    odds[..., 0] = 1 - odds.sum(-1)
    return odds


def _gold():
    """Labels `[B, L, L]`; unlabelled sentences have none."""
    labels = np.zeros([len(COUNTS), LENGTH, LENGTH], int)
    labels[0, 1, 3], labels[0, 0, 0], labels[2, 2, 6] = 2, 1, 3
    return labels


def _cells(labels):
    rows = [
        [(*pair, one[tuple(pair)]) for pair in np.argwhere(one)]
        for one in labels
    ]
    most = max(map(len, rows)) + 1
    cells = np.zeros([len(rows), most, 3], np.int32)
    for row, own in zip(cells, rows, strict=True):
        row[: len(own)] = own or row[:0]
    return tf.constant(cells)


def _soft(odds, temperature=1.0):
    found = [np.add(np.argwhere(one[..., 1:]), [0, 0, 1]) for one in odds]
    most = max(map(len, found)) + 1
    cells = np.zeros([len(odds), most, 3], np.int32)
    values = np.zeros([len(odds), most], np.float32)
    for sentence, own in enumerate(found):
        cells[sentence, : len(own)] = own
        listed = odds[sentence][tuple(own.T)].astype(np.float32)
        values[sentence, : len(own)] = soften(
            tf.constant(own, tf.int32), tf.constant(listed), temperature
        )
    return SoftCells(
        tf.constant(cells), tf.constant(values), tf.constant(LABELLED)
    )


def _log_softmax(logits):
    shifted = logits - logits.max(-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))


def _valid(width):
    pairs = np.zeros([len(COUNTS), LENGTH, LENGTH], bool)
    for sentence, i, j in np.ndindex(*pairs.shape):
        is_wide = width is not None and j - i + 1 > width
        pairs[sentence, i, j] = i <= j < COUNTS[sentence] and not is_wide
    return pairs


def _plain(weights, odds, gold, *, share, temperature, width, keep):
    """The loss in float64, over all pairs."""
    starts, ends, bilinear = weights
    logits = np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)
    powers = odds ** (1 / temperature)
    targets = powers / powers.sum(-1, keepdims=True)
    soft = -(targets * _log_softmax(logits / temperature)).sum(-1)
    own = np.take_along_axis(_log_softmax(logits), gold[..., None], -1)
    kept = np.ones(gold.shape, bool)
    if keep < 1:
        places = tf.range(LENGTH)
        kept = sample_pairs(
            keep,
            seed=tf.constant(SEED),
            num_sentences=len(gold),
            rows=places,
            columns=places,
        ).numpy()
    pairs = _valid(width)
    total = 0.0
    for sentence, is_labelled in enumerate(LABELLED):
        mine = pairs[sentence]
        distilled = temperature**2 * soft[sentence][mine].sum()
        if is_labelled:
            chosen = mine & (kept[sentence] | (gold[sentence] > 0))
            usual = -own[sentence, ..., 0][chosen].sum()
            total += (1 - share) * usual + share * distilled
        else:
            total += distilled
    return total


def _config(share, temperature):
    return TrainingConfig(distil_weight=share, distil_temperature=temperature)


def _blocked(weights, odds, *, share, temperature, width, keep, most):
    variables = [tf.Variable(one, dtype=tf.float32) for one in weights]
    with tf.GradientTape() as tape:
        loss, counts = span_loss(
            biaffine_pairs(*variables),
            _cells(_gold()),
            tf.constant(COUNTS),
            cross_entropy,
            max_span_width=width,
            keep_negatives=keep,
            seed=tf.constant(SEED),
            soft=make_targets(
                _soft(odds, temperature), _config(share, temperature)
            ),
            max_floats=most,
        )
    return float(loss), tape.gradient(loss, variables), counts


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 1, 3])
@pytest.mark.parametrize("most", [1, 4 * CLASSES * 3 * 13, None])
@pytest.mark.parametrize("temperature", [1.0, 2.0, 0.7])
def test_equals_numpy_over_all_pairs(width, most, temperature):
    for share, keep in ((0.3, 1.0), (0.0, 0.4), (1.0, 0.4), (0.5, 0.4)):
        settings = {
            "share": share,
            "temperature": temperature,
            "width": width,
            "keep": keep,
        }
        loss, _, counts = _blocked(
            _weights(), _teacher(), most=most, **settings
        )
        want = _plain(_weights(), _teacher(), _gold(), **settings)
        assert loss == pytest.approx(want, rel=1e-5)
        labelled = _valid(width)[np.array(LABELLED)]
        assert int(counts.positives + counts.negatives) == labelled.sum()


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_the_gradient_is_that_of_finite_differences(temperature):
    settings = {
        "share": 0.6,
        "temperature": temperature,
        "width": 4,
        "keep": 0.5,
    }
    weights, odds, gold = _weights(), _teacher(), _gold()
    _, gradients, _ = _blocked(weights, odds, most=200, **settings)
    rng = np.random.default_rng(1)
    for gradient, one in zip(gradients, weights, strict=True):
        direction = rng.normal(size=one.shape)
        saved, ends = one.copy(), []
        for step in (1e-5, -1e-5):
            one[...] = saved + step * direction
            ends.append(_plain(weights, odds, gold, **settings))
        one[...] = saved
        want = (ends[0] - ends[1]) / 2e-5
        assert (gradient.numpy() * direction).sum() == pytest.approx(
            want, rel=1e-4
        )


@pytest.mark.parametrize("width", [None, 3])
def test_a_certain_teacher_that_is_right_gives_the_usual_loss(width):
    variables = [tf.Variable(one, dtype=tf.float32) for one in _weights()]
    odds = np.eye(CLASSES)[_gold()]
    everything = SoftTargets(
        *_soft(odds)[:2],
        weights=tf.ones(len(COUNTS)),
        gold_weights=tf.zeros(len(COUNTS)),
        is_labelled=tf.fill([len(COUNTS)], True),
        temperature=1.0,
    )
    found = []
    for soft in (None, everything):
        with tf.GradientTape() as tape:
            loss, counts = span_loss(
                biaffine_pairs(*variables),
                _cells(_gold()),
                tf.constant(COUNTS),
                cross_entropy,
                max_span_width=width,
                soft=soft,
            )
        found.append((loss, *tape.gradient(loss, variables), *counts))
    for usual, distilled in zip(*found, strict=True):
        np.testing.assert_allclose(distilled, usual, rtol=1e-4, atol=1e-4)


def test_softening_equals_numpy():
    odds = _teacher()[2]
    where = np.add(np.argwhere(odds[..., 1:]), [0, 0, 1])
    listed = odds[tuple(where.T)].astype(np.float32)
    for temperature in (1.0, 2.0, 5.0, 0.5):
        powers = odds ** (1 / temperature)
        want = powers / powers.sum(-1, keepdims=True)
        got = soften(
            tf.constant(where, tf.int32), tf.constant(listed), temperature
        )
        np.testing.assert_allclose(
            got, want[tuple(where.T)], rtol=1e-4, atol=1e-6
        )
    nothing = soften(tf.zeros([0, 3], tf.int32), tf.zeros([0]), 2.0)
    assert nothing.shape == [0]


@pytest.mark.parametrize("width", [None, 2])
@pytest.mark.parametrize("most", [1, 300, None])
def test_every_label_is_found(width, most):
    starts, ends, bilinear = _weights(3)
    found = find_candidates(
        biaffine_pairs(
            *(tf.constant(x, tf.float32) for x in (starts, ends, bilinear))
        ),
        tf.constant(COUNTS),
        max_span_width=width,
        every_label=True,
        min_margin=-1.0,
        max_floats=most,
    )
    logits = np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)
    odds = np.exp(_log_softmax(logits))
    want = {
        (*pair, label): np.log(odds[*pair, label] / (1 - odds[*pair, label]))
        for pair in map(tuple, np.argwhere(_valid(width)))
        for label in range(1, CLASSES)
        if logits[*pair, label] - logits[*pair, 0] > -1
    }
    rows = zip(*(column.numpy().tolist() for column in found), strict=True)
    got = {(s, i, j - 1, label): o for s, i, j, label, _, _, o in rows}
    assert got.keys() == want.keys()
    assert len(want) > len({key[:3] for key in want})
    for key, value in want.items():
        assert got[key] == pytest.approx(value, abs=1e-3)


@pytest.mark.parametrize("temperature", [1.0, 2.0])
def test_a_copy_of_the_teacher_has_nothing_to_learn(temperature):
    """With all probabilities given; but for the rounding of float32."""
    model = tiny.model(encoder={"hidden_dropout_prob": 0.0}, dropout=0.0)
    model.head.bilinear.assign(model.head.bilinear * 0.1)
    ids = tf.constant([[2, 5, 6, 7, 8, 3], [2, 9, 5, 3, 0, 0]])
    counts = tf.constant([4, 2])
    odds = tf.nn.softmax(model(ids)).numpy().astype(float)
    where = [
        [
            (i, j, label)
            for i in range(count)
            for j in range(i, count)
            for label in range(1, model.num_classes)
        ]
        for count in counts.numpy()
    ]
    most = max(map(len, where))
    cells = np.zeros([2, most, 3], np.int32)
    values = np.zeros([2, most], np.float32)
    for sentence, own in enumerate(where):
        cells[sentence, : len(own)] = own
        listed = odds[sentence][tuple(np.array(own).T)].astype(np.float32)
        values[sentence, : len(own)] = soften(
            tf.constant(own), tf.constant(listed), temperature
        )
    batch = {
        "input_ids": ids,
        "cells": tf.constant([[[0, 1, 2]], [[0, 0, 1]]]),
        "soft_cells": tf.constant(cells),
        "soft_probabilities": tf.constant(values),
        "is_labelled": tf.constant([True, False]),
    }
    norms = {}
    for share in (1.0, 0.0):
        with tf.GradientTape() as tape:
            loss, _ = model.batch_metrics(
                batch,
                _config(share, temperature),
                seed=tf.constant(SEED),
                training=False,
            )["loss"]
        gradients = tape.gradient(loss, [*model.saved_weights().values()])
        used = [tf.convert_to_tensor(g) for g in gradients if g is not None]
        norms[share] = float(tf.linalg.global_norm(used))
    assert norms[0.0] > 0.1
    assert norms[1.0] < 1e-3 * norms[0.0]

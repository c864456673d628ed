"""The loss of sentences whose source does not label every type."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.pairs.initialization import class_log_priors
from biaffine_tf.heads.pairs.loss import span_loss
from biaffine_tf.heads.pairs.partial import merge_unlabelled
from biaffine_tf.losses import MultiLabel, cross_entropy, focal
from biaffine_tf.losses.binary import make as make_binary

COUNTS = (4, 1, 5, 3)
LENGTH, CLASSES, SIZE = 5, 4, 3
# Sentences label all types, some, one and none.
LABELLED = np.array(
    [[1, 1, 1, 1], [1, 0, 1, 1], [1, 0, 0, 1], [1, 0, 0, 0]], bool
)
CELLS = np.array(
    [
        [[0, 1, 1], [2, 3, 2], [1, 1, 3]],
        [[0, 0, 3], [0, 0, 0], [0, 0, 0]],
        [[0, 4, 3], [1, 2, 3], [0, 0, 0]],
        [[0, 0, 0], [0, 0, 0], [0, 0, 0]],
    ],
    np.int32,
)


def _inputs(scale=1.0):
    rng = np.random.default_rng(1)
    shapes = (
        (len(COUNTS), LENGTH, SIZE),
        (len(COUNTS), LENGTH, SIZE),
        (SIZE, CLASSES, SIZE),
    )
    return [scale * rng.normal(size=shape) for shape in shapes]


def _pairs(logits):
    """Yields sentence, gold label or 0, and logits of each span, by loops."""
    for sentence, count in enumerate(COUNTS):
        for first in range(count):
            for last in range(first, count):
                label = 0
                for one in CELLS[sentence]:
                    if one[2] and tuple(one[:2]) == (first, last):
                        label = one[2]
                yield sentence, label, logits[sentence, first, last]


def _likelihoods(logits):
    """Yields the probability of what is labelled of each span."""
    for sentence, label, own in _pairs(logits):
        p = np.exp(own - own.max())
        p /= p.sum()
        unknown = [c for c in range(CLASSES) if not LABELLED[sentence, c]]
        yield p[label] if label else p[[0, *unknown]].sum()


def _softmax_loss(logits, gamma=0.0):
    return sum(
        -((1 - p) ** gamma) * np.log(p) if p < 1 else 0.0
        for p in _likelihoods(logits)
    )


def _margins(logits):
    for sentence, label, own in _pairs(logits):
        for c in range(1, CLASSES):
            if LABELLED[sentence, c]:
                yield sentence, c, label == c, own[c] - own[0]


def _binary_loss(logits):
    return sum(
        np.log1p(np.exp(-m if gold else m))
        for _, _, gold, m in _margins(logits)
    )


def _multi_label_loss(logits):
    sums = {}
    for sentence, c, gold, m in _margins(logits):
        key = sentence, c, bool(gold)
        sums[key] = sums.get(key, 1.0) + np.exp(-m if gold else m)
    return sum(map(np.log, sums.values()))


LOSSES = {
    "cross_entropy": (cross_entropy, _softmax_loss),
    "focal": (
        functools.partial(focal, gamma=2.0),
        functools.partial(_softmax_loss, gamma=2.0),
    ),
    "binary": (make_binary(None), _binary_loss),
    "multi_label": (MultiLabel(), _multi_label_loss),
}


def _loss(inputs, loss, labelled=LABELLED):
    inputs = [tf.constant(one, tf.float32) for one in inputs]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value, counts = span_loss(
            biaffine_pairs(*inputs),
            tf.constant(CELLS),
            tf.constant(COUNTS),
            loss,
            labelled=None if labelled is None else tf.constant(labelled),
            max_floats=60,  # several blocks
        )
    return value, tape.gradient(value, inputs), counts


@pytest.mark.parametrize("name", LOSSES)
def test_loss_is_the_likelihood_of_what_is_labelled(name):
    loss, formula = LOSSES[name]
    inputs = _inputs()

    def truth(moved):
        return formula(np.einsum("bid,bjf,dcf->bijc", *moved))

    value, gradients, _ = _loss(inputs, loss)
    np.testing.assert_allclose(value, truth(inputs), rtol=1e-5)
    rng = np.random.default_rng(2)
    for number, gradient in enumerate(gradients):
        step = rng.normal(size=inputs[number].shape)
        ends = []
        for sign in (1, -1):
            moved = list(inputs)
            moved[number] = moved[number] + sign * 1e-5 * step
            ends.append(truth(moved))
        slope = (ends[0] - ends[1]) / 2e-5
        np.testing.assert_allclose(
            np.sum(gradient * step), slope, rtol=1e-4, atol=1e-5
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", LOSSES)
def test_finite_at_extreme_logits_and_equal_where_all_is_labelled(name):
    loss, _ = LOSSES[name]
    for value in tf.nest.flatten(_loss(_inputs(30.0), loss)):
        assert np.isfinite(value).all()
    everything = np.ones_like(LABELLED)
    plain, merged = (_loss(_inputs(), loss, one) for one in (None, everything))
    for left, right in zip(
        tf.nest.flatten(plain), tf.nest.flatten(merged), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


@pytest.mark.slow
def test_nothing_is_learnt_of_sentences_that_label_nothing():
    for loss, _ in LOSSES.values():
        gradients = _loss(_inputs(), loss)[1]
        np.testing.assert_allclose(gradients[0][3], 0, atol=1e-6)


def test_probabilities_of_all_outcomes_sum_to_one():
    logits = tf.random.stateless_normal([4, 2, CLASSES, 3], [1, 2])
    merged = merge_unlabelled(
        logits, tf.constant(LABELLED), is_multi_label=False
    )
    for z in (logits, merged):
        total = tf.reduce_logsumexp(z, axis=2)
        np.testing.assert_allclose(
            total, tf.reduce_logsumexp(logits, axis=2), rtol=1e-6
        )


def test_priors_count_a_label_where_it_is_labelled():
    # Ten windows of 4 tokens, 10 pairs each; label 2 is labelled in four.
    priors = class_log_priors(
        {(1, 1): 20, (2, 2): 12},
        {4: 10},
        num_classes=3,
        hidden={(2, 4): 6},
    )
    ones, twos = 20, 12 * 10 / 4
    none = 100 - ones - twos
    np.testing.assert_allclose(
        priors, np.log([1, ones / none, twos / none]), rtol=1e-12
    )

"""The divergence by blocks against float64 NumPy over all pairs."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.pairs.divergence import pair_divergence

LENGTH, CLASSES, SIZE = 6, 4, 3
COUNTS = [5, 0, 6, 1]


def _sides(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    return [
        tf.constant(
            scale * rng.normal(size=[len(COUNTS), LENGTH, size]), tf.float32
        )
        for size in (SIZE, SIZE + 1)
    ]


BILINEAR = tf.constant(
    np.random.default_rng(5).normal(size=[SIZE, CLASSES, SIZE + 1]), tf.float32
)


def _log_probabilities(logits, several):
    """Of the classes `[..., C, 1]`, or of the labels `[..., C - 1, 2]`."""
    if not several:
        return tf.nn.log_softmax(logits)[..., None, :]
    margins = logits[..., 1:] - logits[..., :1]
    return tf.nn.log_softmax(tf.stack([margins, 0 * margins], axis=-1))


def _plain(first, second, bilinear, *, fixed, width, several):
    """The divergence of the whole tensors, in TensorFlow's own operations."""
    log_p, log_q = (
        _log_probabilities(
            tf.einsum("bid,dcf,bjf->bijc", s, bilinear, e), several
        )
        for s, e in (first, second)
    )
    if fixed:
        log_p = tf.stop_gradient(log_p)

    def divergence(a, b):
        return tf.reduce_sum(tf.exp(a) * (a - b), axis=[-2, -1])

    pairs = divergence(log_p, log_q)
    if not fixed:
        pairs = (pairs + divergence(log_q, log_p)) / 2
    valid = np.zeros(pairs.shape, bool)
    for sentence, i, j in np.ndindex(*valid.shape):
        wide = width is not None and j - i + 1 > width
        valid[sentence, i, j] = i <= j < COUNTS[sentence] and not wide
    return tf.reduce_sum(tf.where(valid, pairs, 0))


@pytest.mark.parametrize("fixed", [True, False])
@pytest.mark.parametrize("width", [None, 2])
@pytest.mark.parametrize("max_floats", [1, 600, None])
@pytest.mark.parametrize("several", [True, False])
def test_value_and_gradient_are_those_of_all_pairs(
    fixed, width, max_floats, several
):
    inputs = [*_sides(0), *_sides(1), BILINEAR]
    results = []
    for blocked in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            first, second = inputs[:2], inputs[2:4]
            if blocked:
                value = pair_divergence(
                    biaffine_pairs(*first, inputs[4]),
                    biaffine_pairs(*second, inputs[4]),
                    tf.constant(COUNTS),
                    first_is_fixed=fixed,
                    is_multi_label=several,
                    max_span_width=width,
                    max_floats=max_floats,
                )
            else:
                value = _plain(
                    first,
                    second,
                    inputs[4],
                    fixed=fixed,
                    width=width,
                    several=several,
                )
            # As a part of a loss, with a factor.
            loss = 3 * value
        slopes = tape.gradient(loss, inputs, unconnected_gradients="zero")
        results.append((value, slopes))
    (got, slopes), (want, plain) = results
    assert want > 1
    np.testing.assert_allclose(got, want, rtol=1e-5)
    for one, other in zip(slopes, plain, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    assert fixed == (not np.abs(slopes[0]).any())


def test_equal_passes_do_not_diverge():
    pairs = biaffine_pairs(*_sides(0), BILINEAR)
    for fixed in (True, False):
        value = pair_divergence(
            pairs, pairs, tf.constant(COUNTS), first_is_fixed=fixed
        )
        assert float(value) == 0


def test_extreme_logits_have_finite_gradients():
    inputs = [*_sides(0, 1e3), *_sides(1, 1e3)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        value = pair_divergence(
            biaffine_pairs(*inputs[:2], BILINEAR),
            biaffine_pairs(*inputs[2:], BILINEAR),
            tf.constant(COUNTS),
            first_is_fixed=False,
        )
    assert np.isfinite(value)
    for slope in tape.gradient(value, inputs):
        assert np.isfinite(slope).all()

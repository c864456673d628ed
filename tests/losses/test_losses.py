"""Losses against float64 numpy, at extremes, and as trainers."""

import hypothesis
import hypothesis.extra.numpy as hnp
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.config import Loss, TrainingConfig
from biaffine_tf.losses import (
    cross_entropy,
    dice,
    focal,
    make_loss,
)

LOSSES = [cross_entropy, focal, dice]


def _probability(logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    logits = logits.astype(np.float64)
    logits = logits - logits.max(axis=-1, keepdims=True)
    exponents = np.exp(logits)
    chosen = np.take_along_axis(exponents, labels[..., None], -1)[..., 0]
    return chosen / exponents.sum(axis=-1)


def _slow(loss, logits: np.ndarray, labels: np.ndarray) -> np.ndarray:
    p = _probability(logits, labels)
    if loss is cross_entropy:
        return -np.log(p)
    if loss is focal:
        return -((1 - p) ** 3) * np.log(p)
    return -(1 - p) * np.log(2 * p / (p + 1))


@st.composite
def _pairs(draw):
    shape = draw(hnp.array_shapes(min_dims=1, max_dims=3, max_side=4))
    classes = draw(st.integers(2, 6))
    logits = draw(
        hnp.arrays(
            np.float32, (*shape, classes), elements=st.floats(-9, 9, width=32)
        )
    )
    labels = draw(
        hnp.arrays(np.int32, shape, elements=st.integers(0, classes - 1))
    )
    return logits, labels


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@hypothesis.given(pair=_pairs())
def test_equals_float64_numpy(loss, pair):
    logits, labels = pair
    got = loss(tf.constant(logits), tf.constant(labels))
    assert got.dtype == tf.float32
    np.testing.assert_allclose(
        got.numpy(), _slow(loss, logits, labels), rtol=2e-5, atol=2e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES)
@hypothesis.given(pair=_pairs())
def test_classes_may_come_before_the_last_axis(loss, pair):
    logits, labels = pair
    turned = tf.Variable(np.moveaxis(logits, -1, -2))
    logits = tf.Variable(logits)
    with tf.GradientTape(persistent=True) as tape:
        want = loss(logits, labels)
        got = loss(turned, labels, class_axis=-2)
    np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        np.moveaxis(tape.gradient(got, turned).numpy(), -2, -1),
        tape.gradient(want, logits),
        rtol=1e-4,
        atol=1e-6,
    )


@hypothesis.given(pair=_pairs())
def test_focal_with_gamma_zero_is_cross_entropy(pair):
    logits, labels = map(tf.constant, pair)
    np.testing.assert_array_equal(
        focal(logits, labels, gamma=0.0), cross_entropy(logits, labels)
    )


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("size", [1e2, 1e4, 1e30])
@pytest.mark.parametrize("label", [0, 1, 2])
def test_finite_at_extreme_logits(loss, size, label):
    logits = tf.Variable([[size, -size, 0.0], [size, size, size]])
    with tf.GradientTape() as tape:
        value = loss(logits, tf.constant([label, label]))
    gradient = tape.gradient(value, logits)
    assert np.isfinite(value.numpy()).all()
    assert np.isfinite(gradient.numpy()).all()


@pytest.mark.parametrize("gamma", [0.5, 1.0, 2.0, 3.0])
def test_focal_gradient_is_finite_where_the_label_is_certain(gamma):
    logits = tf.Variable([[200.0, -200.0]])
    with tf.GradientTape() as tape:
        value = focal(logits, tf.constant([0]), gamma=gamma)
    gradient = tape.gradient(value, logits).numpy()
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
@pytest.mark.parametrize("loss", LOSSES)
def test_computed_in_float32_under_mixed_precision(loss, dtype):
    logits = tf.cast(tf.random.stateless_normal([50, 4], [1, 2]) * 8, dtype)
    labels = tf.constant(np.arange(50) % 4)
    got = loss(logits, labels)
    assert got.dtype == tf.float32
    exact = _slow(loss, tf.cast(logits, tf.float32).numpy(), labels.numpy())
    np.testing.assert_allclose(got.numpy(), exact, rtol=1e-4, atol=1e-6)


def _gradient_of_own_class(loss, own_logit: float) -> float:
    """D loss / d logit of a pair's own class; the other's logit is 0."""
    logits = tf.Variable([[own_logit, 0.0]])
    with tf.GradientTape() as tape:
        value = loss(logits, tf.constant([0]))
    return float(tape.gradient(value, logits)[0, 0])


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("own_logit", [-6.0, -2.0, 0.0, 0.5, 2.0, 6.0])
def test_always_pulls_towards_the_own_class(loss, own_logit):
    slope = _gradient_of_own_class(loss, own_logit)
    # Dice as a ratio would lose it where a pair is missed, and turn it round.
    assert slope < (-0.9 if own_logit == -6 else 0)


def test_make_loss_honours_the_settings():
    logits = tf.constant([[1.0, 2.0, -1.0]])
    labels = tf.constant([2])
    for loss, want in (
        (Loss.CROSS_ENTROPY, cross_entropy(logits, labels)),
        (Loss.FOCAL, focal(logits, labels, gamma=1.5)),
        (Loss.DICE, dice(logits, labels)),
    ):
        config = TrainingConfig(loss=loss, focal_gamma=1.5)
        np.testing.assert_array_equal(make_loss(config)(logits, labels), want)

"""The optimizer against float64 numpy, and its schedule."""

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf.config import Precision, TrainingConfig
from biaffine_tf.training import optimizer as training_optimizer
from biaffine_tf.training.fine_tuning import make_updater
from biaffine_tf.training.optimizer import (
    AdamW,
    WarmupLinearDecay,
    layer_factors,
    make_optimizer,
)


def test_schedule_rises_then_falls_to_zero():
    schedule = WarmupLinearDecay(2.0, total_steps=20, warmup_steps=5)
    rates = [float(schedule(step)) for step in range(21)]
    np.testing.assert_allclose(rates[:5], [0.4, 0.8, 1.2, 1.6, 2.0], rtol=1e-6)
    np.testing.assert_allclose(np.diff(rates[5:]), -2 / 15, rtol=1e-4)
    assert rates[-1] == 0


def test_schedule_without_warm_up_starts_at_the_peak():
    schedule = WarmupLinearDecay(1.0, total_steps=10, warmup_steps=0)
    assert float(schedule(0)) == 1.0


def test_on_a_gpu_nothing_is_compiled(monkeypatch):
    """By XLA, as tf_keras does: the updates are single kernels already."""
    config = tf.compat.v2.config  # what tf_keras asks
    monkeypatch.setattr(config, "list_physical_devices", lambda kind: [kind])
    assert tf_keras.optimizers.Adam().jit_compile
    assert not AdamW(0.01, decay=0.1).jit_compile


def _numpy_adamw(weights, gradients, *, rate, decay, epsilon=1e-6):
    weights = weights.astype(np.float64)
    first = second = np.zeros_like(weights)
    for step, gradient in enumerate(gradients, start=1):
        weights = weights - rate * decay * weights
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        corrected = rate * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
        weights = weights - corrected * first / (np.sqrt(second) + epsilon)
    return weights


@pytest.mark.parametrize(
    ("name", "decay", "factor"),
    [
        ("encoder/intermediate/kernel", 0.1, 1),
        ("encoder/intermediate/bias", 0.0, 1),
        ("encoder/output_layer_norm/gamma", 0.0, 1),
        ("encoder/output_layer_norm/beta", 0.0, 1),
        ("span_model/biaffine/start/kernel", 0.1, 3),
        ("span_model/biaffine/start/bias", 0.0, 3),
        ("span_model/biaffine/bilinear", 0.1, 3),
    ],
)
def test_decay_and_rates_of_each_variable(name, decay, factor):
    optimizer = AdamW(
        0.01,
        decay=0.1,
        factors={"biaffine": 3.0},
        epsilon=1e-6,
    )
    rng = np.random.default_rng(0)
    start = rng.normal(size=[4, 3]).astype(np.float32)
    gradients = rng.normal(size=[5, 4, 3]).astype(np.float32)
    variable = tf.Variable(start, name=name)
    bystander = tf.Variable(start, name="encoder/other/kernel")
    for gradient in gradients:
        optimizer.apply_gradients(
            [
                (tf.constant(gradient), bystander),
                (tf.constant(gradient), variable),
            ]
        )
    want = _numpy_adamw(start, gradients, rate=0.01 * factor, decay=decay)
    np.testing.assert_allclose(variable.numpy(), want, atol=1e-5)
    plain = _numpy_adamw(start, gradients, rate=0.01, decay=0.1)
    np.testing.assert_allclose(bystander.numpy(), plain, atol=1e-5)


def test_sparse_gradients_count_every_occurrence_of_a_row():
    """A row drawn twice gets both gradients; the others still decay."""
    table = np.random.default_rng(0).normal(size=[6, 2]).astype(np.float32)
    dense, sparse = tf.Variable(table), tf.Variable(table)
    rows = tf.constant([4, 1, 4])
    values = tf.constant([[1.0, 2.0], [3.0, -1.0], [0.5, 0.5]])
    slices = tf.IndexedSlices(values, rows, dense_shape=[6, 2])
    for variable, gradient in (
        (dense, tf.convert_to_tensor(slices)),
        (sparse, slices),
    ):
        optimizer = AdamW(0.01, decay=0.1)
        for _ in range(3):
            optimizer.apply_gradients([(gradient, variable)])
    np.testing.assert_allclose(sparse.numpy(), dense.numpy(), rtol=1e-6)
    assert (np.abs(sparse.numpy() - table) > 0).all()


def test_of_a_large_table_the_rows_of_a_batch_alone_change(monkeypatch):
    """As LazyAdam: momentum, velocity and decay of other rows stand still."""
    monkeypatch.setattr(training_optimizer, "MAX_DENSE_ROWS", 5)
    optimizer = AdamW(0.01, decay=0.1, epsilon=1e-6)
    rng = np.random.default_rng(0)
    start = rng.normal(size=[6, 3]).astype(np.float32)
    variable = tf.Variable(start, name="encoder/word_embeddings/embeddings")
    weights = start.astype(np.float64)
    first, second = np.zeros_like(weights), np.zeros_like(weights)
    for step, rows in enumerate([[0, 2, 2], [5, 0, 5], [1, 2, 0]], start=1):
        values = rng.normal(size=[3, 3]).astype(np.float32)
        slices = tf.IndexedSlices(
            tf.constant(values), tf.constant(rows), tf.constant([6, 3])
        )
        optimizer.apply_gradients([(slices, variable)])
        for row in set(rows):
            gradient = values[np.array(rows) == row].sum(0, np.float64)
            weights[row] *= 1 - 0.01 * 0.1
            first[row] = 0.9 * first[row] + 0.1 * gradient
            second[row] = 0.999 * second[row] + 0.001 * gradient**2
            rate = 0.01 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step)
            weights[row] -= rate * first[row] / (np.sqrt(second[row]) + 1e-6)
    np.testing.assert_allclose(variable, weights, rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(variable[3:5], start[3:5])


@pytest.mark.parametrize("groups", [None, 1])
def test_layers_have_rates_by_their_height(groups):
    """Every variable of a model, by its place."""
    encoder = {
        "num_hidden_layers": 3,
        "embedding_size": 8,
        "num_hidden_groups": groups,
    }
    model = tiny.model(encoder=encoder, lstm_size=2, layer_mix="learned")
    config = TrainingConfig(layer_decay=0.5, head_learning_rate_ratio=7.0)
    updater = make_updater(
        config,
        model,
        strategy=tf.distribute.get_strategy(),
        batch_spec=None,
        total_steps=10,
    )
    height = {"embedding": 0, "layer_0": 1, "layer_1": 2, "layer_2": 3}
    top = groups or 3
    seen = set()
    for name, variable in model.saved_weights().items():
        part = name.split("/")[0]
        if part == "encoder":
            part = next(one for one in height if one in name)
            want = 0.5 ** (top - height[part])
        else:
            want = 7.0
        seen.add(part)
        assert updater.optimizer.factor_of(variable.name) == want, name
    layers = {f"layer_{index}" for index in range(top)}
    assert seen == {"embedding", "neck", "biaffine", *layers}


def test_equal_rates_have_no_factors():
    assert layer_factors(12, 1.0) == {}
    optimizer = AdamW(0.1, decay=0.0, factors={"encoder/a": 2, "b": 3})
    assert optimizer.factor_of("x/encoder/a/b/kernel:0") == 6
    assert optimizer.factor_of("encoder/ab/kernel:0") == 1
    assert optimizer.factor_of("encoder/c/a:0") == 1


def test_float16_scales_the_loss():
    config = TrainingConfig(precision=Precision.FLOAT16)
    optimizer = make_optimizer(
        config, total_steps=10, warmup_steps=0, factors={}
    )
    assert float(optimizer.get_scaled_loss(tf.constant(1.0))) > 1

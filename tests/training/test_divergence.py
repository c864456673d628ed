"""Figures of steps, and what is made of those that are no numbers."""

import math

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf.config import Precision, TrainingConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.training import step_log
from biaffine_tf.training.divergence import check_steps, check_weights
from biaffine_tf.training.step_log import StepLog, StepMetrics
from biaffine_tf.training.update import Updater

NAN, INFINITY = math.nan, math.inf
CALM = TrainingConfig(
    learning_rate=0.1, max_gradient_norm=1.0, precision=Precision.FLOAT32
)
WILD = TrainingConfig(
    learning_rate=3e-5, max_gradient_norm=50.0, precision=Precision.FLOAT16
)


def _figures(step, loss=1.0, norm=1.0, scale=1.0):
    return StepMetrics(step, loss, norm, 0.1, 8, scale)


@pytest.mark.parametrize(
    ("loss", "norm", "scale", "told"),
    [
        (NAN, 1.0, 1.0, "the loss of step 7 is nan"),
        (INFINITY, INFINITY, 1.0, "the loss of step 7 is inf"),
        (1.0, NAN, 1.0, "the gradient norm of step 7 is nan"),
        (1.0, INFINITY, 1.0, "the gradient norm of step 7 is inf"),
        # In float16 the scale is lowered first, as far as it goes.
        (1.0, INFINITY, 2.0, None),
        (NAN, NAN, 32768.0, None),
        (1e30, 1e30, 1.0, None),
    ],
)
def test_what_ends_a_run(loss, norm, scale, told):
    figures = [_figures(6), _figures(7, loss, norm, scale), _figures(8, NAN)]
    if told is None:
        check_steps(figures[:2], CALM, kept="so much")
        return
    with pytest.raises(ConfigError) as caught:
        check_steps(figures, CALM, kept="so much")
    assert caught.value.problem == f"stopped: {told}; so much"


@pytest.mark.parametrize(
    ("run", "told"),
    [
        (CALM, "a smaller --learning_rate than 0.1"),
        (
            WILD,
            "a smaller --learning_rate than 3e-05, a smaller "
            "--max_gradient_norm than 50 or --precision=float32 instead of "
            "mixed_float16",
        ),
    ],
)
def test_remedies_are_settings_that_can_be_to_blame(run, told):
    with pytest.raises(ConfigError) as caught:
        check_steps([_figures(1, NAN)], run, kept="nothing")
    assert caught.value.remedy == (
        f"give {told}, with --overwrite or another --output_dir"
    )


@pytest.mark.parametrize("value", [NAN, INFINITY, -INFINITY])
def test_weights_are_named(value):
    weights = {
        "a": tf.Variable([1.0, 2.0]),
        "b": tf.Variable([[1.0, value], [2.0, 3.0]]),
    }
    with pytest.raises(ConfigError, match="b is not finite after step 9"):
        check_weights(weights, CALM, step=9, kept="nothing")
    check_weights({"a": weights["a"]}, CALM, step=9, kept="nothing")


def _add(buffer, first, count):
    @tf.function(autograph=False)
    def add(step):
        number = tf.cast(step, tf.float32)
        buffer.add(
            step,
            loss=number,
            gradient_norm=2 * number,
            learning_rate=tf.constant(0.5),
            units=tf.constant(8),
            loss_scale=tf.constant(1.0),
        )

    for step in range(first, first + count):
        add(tf.constant(step, tf.int64))


@pytest.mark.slow
@settings(max_examples=20)
@given(st.lists(st.integers(0, 9), max_size=12), st.integers(0, 1000))
def test_each_step_is_read_once_in_order(counts, first):
    buffer = StepLog()
    buffer.begin(first)
    read, done = [], first
    for count in counts:
        _add(buffer, done, count)
        done += count
        read += buffer.read(done)
    assert read == [
        StepMetrics(step + 1, step, 2 * step, 0.5, 8, 1)
        for step in range(first, done)
    ]


def test_a_full_buffer_is_due(monkeypatch):
    monkeypatch.setattr(step_log, "_SECONDS", 1e9)
    monkeypatch.setattr(step_log, "_CAPACITY", 4)
    buffer = StepLog()
    buffer.begin(10)
    assert [buffer.is_due(done) for done in (10, 13, 14)] == [
        False, False, True,
    ]  # fmt: skip
    _add(buffer, 10, 6)
    assert [one.step for one in buffer.read(16)] == [13, 14, 15, 16]
    monkeypatch.setattr(step_log, "_SECONDS", 0)
    assert buffer.is_due(17)


class _Rows(tf.Module):
    """A loss that is linear in some rows of a table, and in a vector."""

    metric_names = ("loss",)
    losses = {"loss": 1.0}  # noqa: RUF012
    unit = "rows"

    def __init__(self, slope):
        super().__init__()
        self.table = tf.Variable(tf.zeros([7, 3]), name="table")
        self.vector = tf.Variable(tf.zeros_like(slope), name="vector")
        self._slope = slope

    def trained_weights(self):
        return {"table": self.table, "vector": self.vector}

    def metrics(self, batch, *, training, seed):
        assert training
        rows = tf.gather(self.table, batch["rows"])
        loss = tf.reduce_sum(rows * batch["values"]) + 6.0
        loss += tf.reduce_sum(self.vector * self._slope)
        return {"loss": (loss, tf.constant(1.0))}

    def count(self, batch):
        return tf.size(batch["rows"])


@pytest.mark.parametrize("max_norm", [0.5, 100.0])
def test_gradients_are_clipped_by_the_norm_of_summed_rows(max_norm):
    values = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)
    rows = [2, 0, 2, 2, 6]
    dense = np.zeros((7, 3))
    np.add.at(dense, rows, values)
    slope = np.arange(4, dtype=np.float32)
    norm = math.sqrt((dense**2).sum() + (slope**2).sum())
    assert 0.5 < norm < 100
    batch = {"rows": tf.constant(rows), "values": tf.constant(values)}
    objective = _Rows(tf.constant(slope))
    updater = Updater(
        objective,
        TrainingConfig(max_gradient_norm=max_norm),
        tf_keras.optimizers.SGD(1.0),
        strategy=tf.distribute.get_strategy(),
        batch_spec={
            name: tf.TensorSpec(value.shape, value.dtype)
            for name, value in batch.items()
        },
    )
    updater.log.begin(0)
    updater.step([batch], 0)
    (noted,) = updater.log.read(1)
    assert noted.gradient_norm == pytest.approx(norm, rel=1e-6)
    assert (noted.loss, noted.units) == (6.0, 5.0)
    factor = min(1, max_norm / norm)
    np.testing.assert_allclose(objective.table, -factor * dense, rtol=1e-5)
    np.testing.assert_allclose(objective.vector, -factor * slope, rtol=1e-5)

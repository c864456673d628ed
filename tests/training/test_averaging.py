"""Averages of weights against loops in float64, and their application."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.config import TrainingConfig
from biaffine_tf.training.averaging import WeightAverage

STEPS = 30
VALUES = np.random.default_rng(0).normal(size=[STEPS + 1, 3, 2])


def _run(**settings):
    weight = tf.Variable(VALUES[0], dtype=tf.float32)
    frozen = tf.Variable([0.1, 0.3])
    average = WeightAverage(
        {"a": weight, "b": frozen},
        TrainingConfig(**settings),
        total_steps=STEPS,
    )
    for step, value in enumerate(VALUES[1:]):
        weight.assign(value.astype(np.float32))
        average.add(step)
    return average, weight


@pytest.mark.parametrize("decay", [0.7, 0.999])
def test_exponential_average_is_that_of_a_loop(decay):
    average, _ = _run(average="ema", ema_decay=decay)
    want = VALUES[0]
    for step, value in enumerate(VALUES[1:]):
        kept = min(decay, (1 + step) / (10 + step))
        want = kept * want + (1 - kept) * value
    np.testing.assert_allclose(average.averages[0], want, atol=1e-6)
    # Weights that stand still are their average, to the bit.
    np.testing.assert_array_equal(average.averages[1], np.float32([0.1, 0.3]))


@pytest.mark.parametrize(("start", "first"), [(0.0, 0), (0.71, 22), (0.5, 15)])
def test_mean_is_that_of_the_last_steps(start, first):
    average, _ = _run(average="swa", swa_start=start)
    want = VALUES[1 + first :].mean(axis=0)
    np.testing.assert_allclose(average.averages[0], want, atol=1e-6)


def test_there_is_no_mean_before_its_start():
    weight = tf.Variable([1.0])
    average = WeightAverage(
        {"a": weight}, TrainingConfig(average="swa"), total_steps=4
    )
    exists = []
    for step in range(4):
        average.add(step)
        exists.append(average.exists)
    assert exists == [False, False, True, True]


@pytest.mark.parametrize("steps", [1, 3])
def test_there_is_a_mean_after_the_last_step_of_every_run(steps):
    config = TrainingConfig(average="swa", swa_start=0.9)
    weight = tf.Variable([1.0])
    average = WeightAverage({"a": weight}, config, total_steps=steps)
    for step in range(steps):
        assert not average.exists
        weight.assign([step + 2.0])
        average.add(step)
    np.testing.assert_array_equal(average.averages[0], weight)


class _Signal(BaseException):
    """An interruption."""


def test_weights_come_back_after_the_average(monkeypatch):
    """Also if SIGTERM interrupts the way back."""
    average, weight = _run(average="ema")
    before = weight.numpy()
    with average.applied():
        np.testing.assert_array_equal(weight, average.averages[0])
    np.testing.assert_array_equal(weight, before)
    assign, calls = average._assign, []

    def interrupted(values):
        calls.append(values)
        if len(calls) == 2:
            raise _Signal
        assign(values)

    monkeypatch.setattr(average, "_assign", interrupted)
    with pytest.raises(_Signal), average.applied():
        assert (weight.numpy() != before).any()
    np.testing.assert_array_equal(weight, before)
    assert len(calls) == 3

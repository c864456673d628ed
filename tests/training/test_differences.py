"""The figures of docs/differences.md, against the original's formulas."""

import math

import pytest
import tensorflow as tf

from biaffine_tf.training.optimizer import AdamW, WarmupLinearDecay

RATE = 1e-3


def _moves(steps):
    """Movement of a weight in each step, under a constant gradient."""
    weight = tf.Variable([0.0])
    optimizer = AdamW(RATE, decay=0.0, epsilon=1e-6)
    optimizer.build([weight])
    moves = []
    for _ in range(steps):
        before = float(weight[0])
        optimizer.apply_gradients([(tf.constant([2.0]), weight)])
        moves.append(before - float(weight[0]))
    return moves


def _original_moves(steps):
    """AdamWeightDecayOptimizer of google-research/bert."""
    m = v = 0.0
    moves = []
    for _ in range(steps):
        m = 0.9 * m + 0.1 * 2.0
        v = 0.999 * v + 0.001 * 2.0**2
        moves.append(RATE * m / (math.sqrt(v) + 1e-6))
    return moves


@pytest.mark.slow
def test_adam_s_bias_correction():
    ratios = [
        original / ours
        for original, ours in zip(
            _original_moves(1000), _moves(1000), strict=True
        )
    ]
    told = {1: 3.2, 12: 6.6, 1000: 1.3}
    for step, ratio in told.items():
        assert ratios[step - 1] == pytest.approx(ratio, abs=0.05)
    assert max(ratios) == pytest.approx(ratios[11], rel=1e-3)


def test_decay_of_the_learning_rate():
    total, warmup = 200, 20
    schedule = WarmupLinearDecay(RATE, total_steps=total, warmup_steps=warmup)
    for step in range(warmup, total):
        original = RATE * (1 - step / total)
        assert float(schedule(step)) == pytest.approx(
            original / (1 - warmup / total), rel=1e-5
        )
    assert float(schedule(0)) == pytest.approx(RATE / warmup)
    assert float(schedule(warmup)) == pytest.approx(RATE)

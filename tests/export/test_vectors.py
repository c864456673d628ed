"""Vector operations against numpy and loops."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.export.vectors import (
    argsort_by,
    next_place,
    pair,
    running_max,
    select,
    shift,
)

sizes = pytest.mark.parametrize("size", [0, 1, 2, 3, 7, 8, 9, 100])


@sizes
def test_against_loops(size):
    random = np.random.default_rng(size)
    values = random.integers(-9, 9, size).astype(np.int32)
    assert shift(values, 5).numpy().tolist() == [5, *values][:-1]
    running = running_max(tf.constant(values, tf.int32)).numpy()
    assert running.tolist() == np.maximum.accumulate(values).tolist()
    flags = random.integers(0, 2, size).astype(bool)
    rows = random.normal(size=(size, 2))
    kept = select(tf.constant(flags), tf.constant(values), tf.constant(rows))
    assert kept[0].numpy().tolist() == values[flags].tolist()
    assert kept[1].numpy().tolist() == rows[flags].tolist()
    assert next_place(tf.constant(flags)).numpy().tolist() == [
        next((j for j in range(i, size) if flags[j]), size)
        for i in range(size + 1)
    ]


@sizes
def test_order_by_several_keys(size):
    random = np.random.default_rng(size)
    keys = [
        random.integers(-2, 2, size).astype(np.int32),
        # Zeros of both signs are equal.
        random.choice([-1.0, -0.0, 0.0, 1.0], size).astype(np.float32),
        random.choice([-1e-300, 0.0, 1e300], size),
    ]
    rows = list(zip(*(key.tolist() for key in keys), strict=True))
    order = argsort_by(*map(tf.constant, keys)).numpy().tolist()
    assert order == sorted(range(size), key=rows.__getitem__)


def test_pairs_keep_their_order():
    firsts = [-(2**31), -1, 0, 1, 2**31 - 1]
    seconds = [0, 1, 2**31 - 1]
    first, second = np.array([(a, b) for a in firsts for b in seconds]).T
    pairs = pair(tf.constant(first, tf.int32), tf.constant(second, tf.int32))
    assert (np.diff(pairs.numpy()) > 0).all()

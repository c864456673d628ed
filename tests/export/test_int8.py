"""Weights in eight bits against what numpy makes of them."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.export import int8
from biaffine_tf.export.int8 import Int8Weight, to_int8


@pytest.mark.parametrize(
    ("shape", "is_table", "shared"),
    [
        ((40, 6), True, (1,)),
        ((40, 6), False, (0,)),
        ((40, 4, 10), False, (0,)),  # inputs, heads, size
        ((4, 10, 40), False, (0, 1)),  # heads, size, outputs
    ],
)
def test_no_weight_is_off_by_more_than_half_a_step(shape, is_table, shared):
    values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    values *= np.random.default_rng(1).lognormal(size=shape[-1]) * 10
    weight = Int8Weight(values, is_table=is_table)
    steps = np.abs(values).max(axis=shared, keepdims=True) / 127
    found = tf.convert_to_tensor(weight).numpy()
    assert (np.abs(found - values) <= steps * 0.5001).all()
    assert weight.values.dtype == tf.int8
    assert np.abs(weight.values.numpy()).max(axis=shared).min() == 127
    np.testing.assert_array_equal(weight[:3], found[:3])
    rows = tf.constant([[3, 0], [1, 3]])
    np.testing.assert_allclose(tf.gather(weight, rows), found[rows], 1e-6)


def test_nothing_but_zeros():
    weight = Int8Weight(np.zeros([4, 4], np.float32), is_table=False)
    np.testing.assert_array_equal(tf.convert_to_tensor(weight), 0)


@pytest.mark.slow
def test_a_model_reads_what_replaced_its_weights(monkeypatch):
    """As if its weights had been rounded, and nothing float is left."""
    import tiny

    monkeypatch.setattr(int8, "_MIN_VALUES", 100)
    ids = tf.constant([[2, 7, 9, 11, 5, 3], [2, 8, 3, 0, 0, 0]])
    model, rounded = tiny.model(seed=3), tiny.model(seed=3)
    for weight in rounded.saved_weights().values():
        if weight.shape.num_elements() >= 100:
            is_table = "embeddings" in weight.name
            weight.assign(Int8Weight(weight.numpy(), is_table=is_table))
    want = rounded(ids).numpy()
    exact = model(ids).numpy()
    variables = to_int8(model)
    found = tf.function(model.call, autograph=False)(ids).numpy()
    np.testing.assert_allclose(found, want, atol=1e-4)
    assert np.abs(found - exact).max() > 1e-3
    floats = [one for one in variables if one.dtype == tf.float32]
    assert max(one.shape.num_elements() for one in floats) < 100
    integers = sum(
        one.shape.num_elements() for one in variables if one.dtype == tf.int8
    )
    assert integers > 2000

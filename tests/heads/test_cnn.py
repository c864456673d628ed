"""The CNN head against loops, and against its own padding."""

import math

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.heads.cnn.layer import CnnHead, groups_of

SIZE, CHANNELS, WIDTH = 4, 6, 5


@pytest.fixture(scope="module")
def layer():
    layer = CnnHead(
        3, projection_size=SIZE, channels=CHANNELS, depth=2, dropout=0.0
    )
    layer.build(tf.TensorShape([None, None, WIDTH]))
    rng = np.random.default_rng(3)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    return layer


def _loops(layer, inputs):
    """Logits of one sentence, `[L, L, C]`, in float64."""
    w = {one.name.removesuffix(":0"): one.numpy() for one in layer.weights}
    w = {name: value.astype(np.float64) for name, value in w.items()}
    length = len(inputs)
    starts = inputs @ w["start/kernel"] + w["start/bias"]
    ends = inputs @ w["end/kernel"] + w["end/bias"]
    groups, part = layer.groups, SIZE // layer.groups
    features = np.zeros([length, length, CHANNELS])
    for i, j in np.ndindex(length, length):
        own = [
            np.einsum(
                "d,dre,e->r",
                starts[i, g * part : (g + 1) * part],
                w["bilinear"][g],
                ends[j, g * part : (g + 1) * part],
            )
            for g in range(groups)
        ]
        features[i, j] = np.concatenate(own)
        features[i, j] += starts[i] @ w["start_map/kernel"]
        features[i, j] += ends[j] @ w["end_map/kernel"]
        features[i, j] += w["distances"][min(max(j - i, -15), 15) + 15]
    values = features
    for n in range(layer.depth):
        padded = np.pad(values, [[1, 1], [1, 1], [0, 0]])
        after = np.zeros_like(values)
        for i, j in np.ndindex(length, length):
            window = padded[i : i + 3, j : j + 3]
            total = np.einsum(
                "xyc,xycd->d", window, w[f"convolution_{n}/kernel"]
            )
            total += values[i, j] + w[f"convolution_{n}/bias"]
            normal = (total - total.mean()) / np.sqrt(total.var() + 1e-5)
            normal = normal * w[f"norm_{n}/gamma"] + w[f"norm_{n}/beta"]
            after[i, j] = [
                x * 0.5 * (1 + math.erf(x / math.sqrt(2))) for x in normal
            ]
        values = after
    return (features + values) @ w["classify/kernel"] + w["classify/bias"]


def test_equals_loops(layer):
    inputs = np.random.default_rng(0).normal(size=[19, WIDTH])
    logits = layer(tf.constant(inputs[None], tf.float32))[0]
    np.testing.assert_allclose(logits, _loops(layer, inputs), atol=2e-3)


def test_padding_changes_nothing(layer):
    inputs = tf.random.stateless_normal([2, 6, WIDTH], [1, 2])
    counts = tf.constant([4, 6])
    alone = layer(inputs[:1, :4])
    for length in (0, 5):
        padded = tf.pad(inputs, [[0, 0], [0, length], [0, 0]], "SYMMETRIC")
        got = layer(padded, counts)
        np.testing.assert_allclose(got[:1, :4, :4], alone, atol=1e-5)
        np.testing.assert_allclose(
            got[1, :6, :6], layer(inputs[1:])[0], atol=1e-5
        )
    # The case can fail: without the counts, padding does.
    assert np.abs(layer(inputs)[:1, :4, :4] - alone).max() > 1e-2


def test_groups_divide_both_sizes():
    assert groups_of(150, 120) == 3
    assert groups_of(8, 12) == 4
    assert groups_of(7, 120) == 1

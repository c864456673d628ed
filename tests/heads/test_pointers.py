"""GlobalPointer, rotary positions and width scores against float64 loops."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.heads.biaffine.head import BiaffineHead
from biaffine_tf.heads.global_pointer.efficient import EfficientGlobalPointer
from biaffine_tf.heads.global_pointer.layer import GlobalPointer
from biaffine_tf.heads.pairs.blocks import Block
from biaffine_tf.heads.pairs.rotary import rotate
from biaffine_tf.heads.pairs.width_buckets import BOUNDS

CLASSES, SIZE, WIDTH, LENGTH = 4, 6, 5, 7


def _filled(layer):
    layer.build(tf.TensorShape([None, None, WIDTH]))
    rng = np.random.default_rng(3)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.7)
    return layer, {
        weight.name.removesuffix(":0"): weight.numpy().astype(np.float64)
        for weight in layer.weights
    }


def _turned(vector, place):
    """The rotation of RoFormer, two components at a time."""
    turned = np.zeros_like(vector)
    for n in range(len(vector) // 2):
        angle = place * 10000 ** (-2 * n / len(vector))
        x, y = vector[2 * n : 2 * n + 2]
        turned[2 * n] = x * np.cos(angle) - y * np.sin(angle)
        turned[2 * n + 1] = x * np.sin(angle) + y * np.cos(angle)
    return turned


def _inputs():
    return np.random.default_rng(0).normal(size=[2, LENGTH, WIDTH])


def _loops(logit_of):
    logits = np.zeros([2, LENGTH, LENGTH, CLASSES])
    for b, i, j, c in np.ndindex(*logits.shape):
        if c:
            logits[b, i, j, c] = logit_of(b, i, j, c - 1)
    return logits


def test_global_pointer_equals_its_formula():
    layer, weights = _filled(
        GlobalPointer(CLASSES, pointer_size=SIZE, dropout=0.0)
    )
    inputs = _inputs()
    kernel = weights["pointers/kernel"].reshape(WIDTH, CLASSES - 1, 2, SIZE)
    bias = weights["pointers/bias"].reshape(CLASSES - 1, 2, SIZE)

    def logit_of(b, i, j, c):
        query = inputs[b, i] @ kernel[:, c, 0] + bias[c, 0]
        key = inputs[b, j] @ kernel[:, c, 1] + bias[c, 1]
        product = _turned(query, i) @ _turned(key, j)
        return product / np.sqrt(SIZE) + weights["bias"][c]

    logits = layer(tf.constant(inputs, tf.float32))
    np.testing.assert_allclose(logits, _loops(logit_of), atol=1e-4)


def test_the_efficient_form_equals_its_formula():
    layer, weights = _filled(
        EfficientGlobalPointer(CLASSES, pointer_size=SIZE, dropout=0.0)
    )
    inputs = _inputs()
    pointers = inputs @ weights["pointers/kernel"] + weights["pointers/bias"]
    kernel = weights["labels/kernel"].reshape(2 * SIZE, CLASSES - 1, 2)
    bias = weights["labels/bias"].reshape(CLASSES - 1, 2)

    def logit_of(b, i, j, c):
        product = _turned(pointers[b, i, :SIZE], i) @ _turned(
            pointers[b, j, SIZE:], j
        )
        label = pointers[b, i] @ kernel[:, c, 0] + bias[c, 0]
        label += pointers[b, j] @ kernel[:, c, 1] + bias[c, 1]
        return product / np.sqrt(SIZE) + label / 2

    logits = layer(tf.constant(inputs, tf.float32))
    np.testing.assert_allclose(logits, _loops(logit_of), atol=1e-4)


def test_products_of_rotated_vectors_depend_on_the_distance_alone():
    vectors = tf.constant(np.random.default_rng(1).normal(size=[2, 9, 3, SIZE]))
    products = [
        tf.einsum("bicd,bjcd->bcij", *[rotate(vectors, first)] * 2)
        for first in (0, 1, 300)
    ]
    for shifted in products[1:]:
        np.testing.assert_allclose(shifted, products[0], atol=1e-3)
    plain = tf.einsum("bicd,bjcd->bcij", vectors, vectors)
    assert np.abs(plain - products[0]).max() > 1


@pytest.mark.parametrize("kind", [GlobalPointer, EfficientGlobalPointer])
def test_shifting_the_text_does_not_change_scores(kind):
    layer, _ = _filled(kind(CLASSES, pointer_size=SIZE, dropout=0.0))
    inputs = tf.constant(_inputs(), tf.float32)
    shifted = layer(tf.pad(inputs, [[0, 0], [4, 0], [0, 0]]))[:, 4:, 4:]
    np.testing.assert_allclose(shifted, layer(inputs), atol=1e-4)


@pytest.mark.parametrize("max_span_width", [None, 3])
@pytest.mark.parametrize("use_rotary", [False, True])
def test_biaffine_with_rotary_and_widths(max_span_width, use_rotary):
    """The layer's call and its blocks against loops."""
    layer, weights = _filled(
        BiaffineHead(
            CLASSES,
            projection_size=SIZE,
            dropout=0.0,
            max_span_width=max_span_width,
            use_rotary=use_rotary,
            use_width=True,
        )
    )
    inputs = _inputs()
    turn = _turned if use_rotary else lambda vector, _: vector
    want = np.zeros([2, LENGTH, LENGTH, CLASSES])
    for b, i, j, c in np.ndindex(*want.shape):
        start = inputs[b, i] @ weights["start/kernel"] + weights["start/bias"]
        end = inputs[b, j] @ weights["end/kernel"] + weights["end/bias"]
        start, end = np.append(turn(start, i), 1), np.append(turn(end, j), 1)
        bucket = max(
            [n for n, bound in enumerate(BOUNDS) if bound <= j - i + 1],
            default=0,
        )
        want[b, i, j, c] = start @ weights["bilinear"][:, c] @ end
        want[b, i, j, c] += weights["widths"][bucket, c]
    inputs = tf.constant(inputs, tf.float32)
    logits = layer(inputs).numpy()
    for i, j in np.ndindex(LENGTH, LENGTH):
        if max_span_width is None:
            np.testing.assert_allclose(
                logits[:, i, j], want[:, i, j], atol=1e-3
            )
        elif 0 <= j - i < max_span_width:
            np.testing.assert_allclose(
                logits[:, i, j - i], want[:, i, j], atol=1e-3
            )
    pairs, block = layer.pairs(inputs), Block(2, 3, 4)
    part = pairs.logits(block, pairs.parts(block))  # [B, S, C, E]
    np.testing.assert_allclose(
        np.moveaxis(part, 2, 3), want[:, 2:5, 2:6], atol=1e-3
    )


def test_wide_spans_share_the_last_bucket():
    layer, _ = _filled(
        GlobalPointer(2, pointer_size=2, dropout=0.0, use_width=True)
    )
    for weight in layer.weights:
        if "widths" not in weight.name:
            weight.assign(tf.zeros_like(weight))
    logits = layer(tf.zeros([1, 90, WIDTH])).numpy()[0, 0, :, 1]
    table = layer.widths.numpy()[:, 1]
    bounds = np.searchsorted(BOUNDS, np.arange(1, 91), side="right") - 1
    np.testing.assert_allclose(logits, table[bounds], rtol=1e-6)
    assert logits[63] == logits[89] != logits[62]


def test_refuses_an_odd_size():
    with pytest.raises(ValueError, match="even"):
        GlobalPointer(3, pointer_size=5)
    with pytest.raises(ValueError, match="even"):
        BiaffineHead(3, projection_size=5, use_rotary=True)

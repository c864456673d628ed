"""The biaffine layer against explicit loops and finite differences."""

import itertools

import numpy as np
import pytest
import tensorflow as tf
import tf_keras

from biaffine_tf.heads.biaffine.layer import Biaffine


def _random_layer(num_features: int, **options) -> Biaffine:
    layer = Biaffine(dropout=0.0, **options)
    layer.build([None, None, num_features])
    rng = np.random.default_rng(3)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape).astype(np.float32) * 0.5)
    return layer


def _loops(layer: Biaffine, inputs: np.ndarray) -> np.ndarray:
    """The formula of the docstring, pair by pair, in float64."""
    weights = {w.name.split(":")[0]: w.numpy() for w in layer.weights}
    weights = {k: v.astype(np.float64) for k, v in weights.items()}
    bilinear = weights["bilinear"]
    batch, length, _ = inputs.shape
    logits = np.zeros([batch, length, length, bilinear.shape[1]])
    for b, i, j in itertools.product(
        range(batch), range(length), range(length)
    ):
        start = inputs[b, i] @ weights["start/kernel"] + weights["start/bias"]
        end = inputs[b, j] @ weights["end/kernel"] + weights["end/bias"]
        if layer.use_start_bias:
            start = np.append(start, 1.0)
        if layer.use_end_bias:
            end = np.append(end, 1.0)
        for c in range(bilinear.shape[1]):
            logits[b, i, j, c] = start @ bilinear[:, c] @ end
    return logits


@pytest.mark.parametrize("start_bias", [True, False])
@pytest.mark.parametrize("end_bias", [True, False])
def test_equals_explicit_loops(start_bias, end_bias):
    layer = _random_layer(
        5,
        num_classes=3,
        projection_size=4,
        use_start_bias=start_bias,
        use_end_bias=end_bias,
    )
    inputs = np.random.default_rng(0).normal(size=[2, 6, 5])
    logits = layer(tf.constant(inputs, tf.float32)).numpy()
    np.testing.assert_allclose(logits, _loops(layer, inputs), atol=1e-4)


def test_gradients_equal_finite_differences():
    layer = _random_layer(3, num_classes=2, projection_size=3, dtype="float64")
    rng = np.random.default_rng(1)
    inputs = tf.Variable(rng.normal(size=[1, 4, 3]))
    upstream = tf.constant(rng.normal(size=[1, 4, 4, 2]))

    def objective() -> tf.Tensor:
        return tf.reduce_sum(layer(inputs) * upstream)

    variables = [inputs, *layer.trainable_weights]
    with tf.GradientTape() as tape:
        value = objective()
    gradients = tape.gradient(value, variables)
    step = 1e-5
    for variable, gradient in zip(variables, gradients, strict=True):
        original = variable.numpy()
        for index in list(np.ndindex(*original.shape))[::5]:
            differences = []
            for sign in (1, -1):
                moved = original.copy()
                moved[index] += sign * step
                variable.assign(moved)
                differences.append(objective().numpy())
            variable.assign(original)
            numeric = (differences[0] - differences[1]) / (2 * step)
            np.testing.assert_allclose(
                gradient.numpy()[index], numeric, rtol=1e-4, atol=1e-6
            )


def test_starts_with_every_class_equally_likely():
    layer = Biaffine(4)
    logits = layer(tf.random.normal([2, 5, 8]))
    assert logits.shape == [2, 5, 5, 4]
    assert not logits.numpy().any()


def test_start_and_end_projections_differ_from_the_start():
    layer = Biaffine(
        2, kernel_initializer=tf_keras.initializers.TruncatedNormal(stddev=0.02)
    )
    layer.build([None, None, 16])
    start, end = (
        w.numpy() for w in layer.weights if w.name.endswith("kernel:0")
    )
    assert np.abs(start - end).max() > 1e-3


def test_mask_becomes_pair_mask():
    mask = tf.constant([[True, True, False]])
    pairs = Biaffine(2).compute_mask(tf.zeros([1, 3, 4]), mask).numpy()
    want = np.zeros([1, 3, 3], bool)
    want[0, :2, :2] = True
    np.testing.assert_array_equal(pairs, want)
    assert Biaffine(2).compute_mask(tf.zeros([1, 3, 4])) is None


def test_dropout_only_in_training():
    layer = _random_layer(8, num_classes=2)
    layer = Biaffine(2, dropout=0.5, bilinear_initializer="ones")
    inputs = tf.ones([1, 4, 8])
    calm = [layer(inputs, training=False).numpy() for _ in range(2)]
    np.testing.assert_array_equal(*calm)
    noisy = [layer(inputs, training=True).numpy() for _ in range(2)]
    assert np.abs(noisy[0] - noisy[1]).max() > 0


def test_refuses_nonsense():
    with pytest.raises(ValueError, match="positive"):
        Biaffine(0)
    with pytest.raises(ValueError, match="max_span_width must be positive"):
        Biaffine(2, max_span_width=0)


@pytest.mark.slow
@pytest.mark.parametrize("length", [1, 2, 6, 40, 97])
@pytest.mark.parametrize("width", [1, 2, 5, 33, 40, 200])
def test_band_equals_the_full_logits(length, width):
    layer, band = (
        _random_layer(
            4, num_classes=3, projection_size=2, max_span_width=max_span_width
        )
        for max_span_width in (None, width)
    )
    inputs = np.random.default_rng(0).normal(size=[2, length, 4])
    if length <= 6:
        full = _loops(layer, inputs)
    else:
        full = layer(tf.constant(inputs, tf.float32)).numpy()
    got = band(tf.constant(inputs, tf.float32))
    assert got.shape == [2, length, min(width, length), 3]
    for first, step in np.ndindex(*got.shape[1:3]):
        if first + step < length:
            np.testing.assert_allclose(
                got[:, first, step], full[:, first, first + step], atol=1e-4
            )


def test_band_has_the_gradients_of_the_full_logits():
    full = _random_layer(4, num_classes=3, projection_size=2)
    band = _random_layer(4, num_classes=3, projection_size=2, max_span_width=3)
    rng = np.random.default_rng(0)
    inputs = tf.Variable(rng.normal(size=[2, 50, 4]), dtype=tf.float32)
    upstream = rng.normal(size=[2, 50, 50, 3]).astype(np.float32)
    in_band = np.triu(np.ones([50, 50])) - np.triu(np.ones([50, 50]), 3)
    upstream *= in_band[:, :, None]
    skewed = np.zeros([2, 50, 3, 3], np.float32)
    for first, last in np.argwhere(in_band):
        skewed[:, first, last - first] = upstream[:, first, last]
    gradients = []
    for layer, weights in ((full, upstream), (band, skewed)):
        with tf.GradientTape() as tape:
            value = tf.reduce_sum(layer(inputs) * weights)
        gradients.append(tape.gradient(value, [inputs, *layer.weights]))
    for one, two in zip(*gradients, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-3)


def test_work_on_the_band_is_linear_in_the_length():
    layer = _random_layer(4, num_classes=3, max_span_width=8)

    def operations(length):
        graph = tf.function(layer, autograph=False).get_concrete_function(
            tf.TensorSpec([1, length, 4])
        )
        options = tf.compat.v1.profiler.ProfileOptionBuilder
        return tf.compat.v1.profiler.profile(
            graph.graph, options=options.float_operation()
        ).total_float_ops

    assert operations(800) < 2.1 * operations(400)


@pytest.mark.parametrize("width", [1, 2, 3, 9])
def test_mask_of_the_band(width):
    mask = np.array([[True, True, False], [True, True, True]])
    layer = Biaffine(2, max_span_width=width)
    got = layer.compute_mask(tf.zeros([2, 3, 4]), tf.constant(mask)).numpy()
    assert got.shape == (2, 3, min(width, 3))
    for sentence, first, step in np.ndindex(*got.shape):
        last = first + step
        want = last < 3 and mask[sentence, first] and mask[sentence, last]
        assert got[sentence, first, step] == want


def test_output_shapes_and_dtype():
    shape = Biaffine(5, max_span_width=7).compute_output_shape
    assert shape([2, 20, 4]) == [2, 20, 7, 5]
    assert shape([2, 3, 4]) == [2, 3, 3, 5]
    assert shape([None, None, 4]).as_list() == [None, None, None, 5]
    logits = Biaffine(5, dtype="mixed_bfloat16")(tf.zeros([2, 3, 4]))
    assert logits.dtype == tf.bfloat16


def test_the_name_of_before_leads_to_the_same():
    from biaffine_tf.modeling.biaffine import Biaffine as before

    assert before is Biaffine

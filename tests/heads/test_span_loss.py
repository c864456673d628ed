"""The loss by blocks against the plain loss of the whole tensor."""

import functools

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.biaffine.layer import Biaffine
from biaffine_tf.heads.pairs.loss import span_loss
from biaffine_tf.losses import cross_entropy, dice, focal, sample_pairs

LOSSES = [cross_entropy, functools.partial(focal, gamma=1.5), dice]
LENGTH, CLASSES, SIZE = 7, 4, 5
# A padded batch, with an empty sentence and one with a single token.
COUNTS = [5, 0, 7, 1]
SEED = (3, 8)


def _batch(counts=COUNTS, length=LENGTH, dtype=tf.float32):
    """Starts, ends, bilinear, cells and counts; several cells a sentence."""
    rng = np.random.default_rng(0)
    starts, ends = (
        tf.Variable(
            rng.normal(size=[len(counts), length, SIZE + extra]), dtype=dtype
        )
        for extra in (0, 1)
    )
    bilinear = rng.normal(size=[SIZE, CLASSES, SIZE + 1])
    cells = np.zeros([len(counts), 4, 3], np.int32)
    for sentence, count in enumerate(counts):
        pairs = [(i, j) for i in range(count) for j in range(i, count)]
        picked = rng.permutation(len(pairs))[:4]
        for slot, pair in enumerate(picked):
            cells[sentence, slot] = [*pairs[pair], rng.integers(1, CLASSES)]
    return (
        starts,
        ends,
        tf.Variable(bilinear, dtype=tf.float32),
        tf.constant(cells),
        tf.constant(counts),
    )


def _masks(cells, counts, length, width):
    """Labels and pairs, by loops."""
    labels = np.zeros([len(counts), length, length], np.int32)
    for sentence, slot in np.ndindex(*cells.shape[:2]):
        first, last, label = cells[sentence, slot]
        labels[sentence, first, last] += label
    pairs = np.zeros(labels.shape, bool)
    for sentence, i, j in np.ndindex(*labels.shape):
        wide = width is not None and j - i + 1 > width
        pairs[sentence, i, j] = i <= j < counts[sentence] and not wide
    return labels, pairs


def _plain(starts, ends, bilinear, cells, counts, pair_loss, *, width, keep):
    """Loss, gradients and counts of the whole tensor, by TensorFlow's own."""
    length = starts.shape[1]
    labels, pairs = _masks(cells.numpy(), counts.numpy(), length, width)
    kept = np.ones(labels.shape, bool)
    if keep < 1:
        everything = tf.range(length)
        kept = sample_pairs(
            keep,
            seed=tf.constant(SEED),
            num_sentences=len(labels),
            rows=everything,
            columns=everything,
        ).numpy()
    with tf.GradientTape() as tape:
        logits = tf.einsum(
            "bid,dcf,bjf->bijc",
            starts,
            tf.cast(bilinear, starts.dtype),
            ends,
        )
        losses = pair_loss(tf.cast(logits, tf.float32), labels)
        loss = tf.reduce_sum(losses * (pairs & (kept | (labels > 0))))
    right = logits.numpy().argmax(-1) == labels
    figures = [
        (chosen & part).sum()
        for part in (labels > 0, labels == 0)
        for chosen in (pairs, pairs & right)
    ]
    return loss, tape.gradient(loss, [starts, ends, bilinear]), figures


def _blocked(
    starts, ends, bilinear, cells, counts, pair_loss, *, width, keep, most
):
    with tf.GradientTape() as tape:
        loss, right = span_loss(
            biaffine_pairs(starts, ends, bilinear),
            cells,
            counts,
            pair_loss,
            max_span_width=width,
            keep_negatives=keep,
            seed=tf.constant(SEED),
            max_floats=most,
        )
    return loss, tape.gradient(loss, [starts, ends, bilinear]), right


def _assert_equal(got, want, *, tolerance=1e-5):
    np.testing.assert_allclose(got[0], want[0], rtol=tolerance)
    for one, two in zip(got[1], want[1], strict=True):
        assert one.dtype == two.dtype
        one, two = (tf.cast(x, tf.float32).numpy() for x in (one, two))
        scale = np.abs(two).max()
        np.testing.assert_allclose(one, two, atol=tolerance * max(scale, 1))


# One row a block, blocks that do not divide L, and one block.
BLOCKS = [1, 4 * CLASSES * 3 * 13, None]


@pytest.mark.slow
@pytest.mark.parametrize("pair_loss", LOSSES)
@pytest.mark.parametrize("width", [None, 1, 2, 3, LENGTH, LENGTH + 4])
@pytest.mark.parametrize("most", BLOCKS)
def test_equals_the_plain_loss(pair_loss, width, most):
    batch = _batch()
    for keep in (1.0, 0.4):
        want = _plain(*batch, pair_loss, width=width, keep=keep)
        got = _blocked(*batch, pair_loss, width=width, keep=keep, most=most)
        _assert_equal(got, want)
        assert [int(figure) for figure in got[2]] == want[2]


def test_the_cases_are_not_empty():
    batch = _batch()
    _, pairs = _masks(batch[3].numpy(), batch[4].numpy(), LENGTH, 2)
    assert pairs.sum() > 10
    figures = _plain(*batch, cross_entropy, width=2, keep=1.0)[2]
    assert all(figures), figures
    wide = _plain(*batch, cross_entropy, width=None, keep=1.0)[2]
    assert figures[0] < wide[0], "no gold span is wider than 2"


@pytest.mark.parametrize("dtype", [tf.float16, tf.bfloat16])
@pytest.mark.parametrize("width", [None, 3])
def test_half_precision(dtype, width):
    """Blocks do not matter, and float32 is as near as the logits allow."""
    batch = _batch(dtype=dtype)
    one, many = (
        _blocked(*batch, cross_entropy, width=width, keep=1.0, most=most)
        for most in (None, 1)
    )
    _assert_equal(many, one, tolerance=2**-8)
    exact = [
        tf.Variable(tf.cast(x, tf.float32)) if x.dtype == dtype else x
        for x in batch
    ]
    want = _plain(*exact, cross_entropy, width=width, keep=1.0)
    got = [tf.cast(gradient, tf.float32) for gradient in one[1]]
    _assert_equal((one[0], got, None), want, tolerance=0.05)


def test_a_loss_scale_reaches_the_gradients_in_float16():
    batch = _batch(dtype=tf.float16)
    plain = _blocked(*batch, cross_entropy, width=None, keep=1.0, most=1)[1]
    for scale in (2.0**-12, 2.0**4):
        with tf.GradientTape() as tape:
            pairs = biaffine_pairs(*batch[:3])
            loss, _ = span_loss(pairs, *batch[3:], cross_entropy)
            scaled = loss * scale
        scaled = tape.gradient(scaled, batch[:3])
        for one, two in zip(scaled, plain, strict=True):
            np.testing.assert_allclose(
                one.numpy().astype(float) / scale, two, rtol=0.02, atol=0.05
            )


def test_many_pairs_do_not_overflow_float16():
    """Unscaled, the gradient of U sums 2^20 pairs: more than float16 holds."""
    ones = tf.ones([1, 1024, 1], tf.float16)
    bilinear = tf.Variable(tf.zeros([1, 2, 1]))
    nothing = tf.zeros([1, 1, 3], tf.int32)
    with tf.GradientTape() as tape:
        loss, _ = span_loss(
            biaffine_pairs(ones, ones, bilinear),
            nothing,
            tf.constant([1024]),
            cross_entropy,
        )
    gradient = tape.gradient(loss, bilinear).numpy().ravel()
    pairs = 1024 * 1025 / 2
    np.testing.assert_allclose(gradient, [-pairs / 2, pairs / 2], rtol=1e-3)


@pytest.mark.parametrize("width", [None, 2])
def test_of_the_layer(width):
    """Through `Biaffine`: the gradients of weights and inputs."""
    layer = Biaffine(CLASSES, projection_size=SIZE, dropout=0.0)
    layer.build([None, None, 6])
    rng = np.random.default_rng(1)
    for weight in layer.weights:
        weight.assign(rng.normal(size=weight.shape) * 0.5)
    *_, cells, counts = _batch()
    inputs = tf.Variable(rng.normal(size=[4, LENGTH, 6]), dtype=tf.float32)
    labels, pairs = _masks(cells.numpy(), counts.numpy(), LENGTH, width)
    with tf.GradientTape(persistent=True) as tape:
        losses = cross_entropy(layer(inputs), labels)
        want = tf.reduce_sum(losses * pairs)
        got, _ = span_loss(
            biaffine_pairs(
                *layer.project(inputs), tf.convert_to_tensor(layer.bilinear)
            ),
            cells,
            counts,
            cross_entropy,
            max_span_width=width,
            max_floats=500,
        )
    sources = [inputs, *layer.trainable_weights]
    gradients = [tape.gradient(x, sources) for x in (got, want)]
    _assert_equal((got, gradients[0], None), (want, gradients[1], None))


@pytest.mark.slow
def test_in_a_graph_of_unknown_shapes():
    signature = [
        tf.TensorSpec([None, None, SIZE]),
        tf.TensorSpec([None, None, SIZE + 1]),
        tf.TensorSpec([SIZE, CLASSES, SIZE + 1]),
        tf.TensorSpec([None, None, 3], tf.int32),
        tf.TensorSpec([None], tf.int32),
    ]

    @tf.function(input_signature=signature, autograph=False)
    def graph(*batch):
        with tf.GradientTape() as tape:
            tape.watch(batch[:3])
            loss, _ = span_loss(
                biaffine_pairs(*batch[:3]),
                *batch[3:],
                cross_entropy,
                max_span_width=3,
                keep_negatives=0.5,
                seed=tf.constant(SEED),
                max_floats=300,
            )
        return loss, tape.gradient(loss, batch[:3])

    # The last one is what an idle replica gets.
    for counts, length in (([3, 9], 9), ([1], 1), ([2, 0, 4], 6), ([], 5)):
        batch = _batch(counts, length)
        if counts:
            want = _plain(*batch, cross_entropy, width=3, keep=0.5)
            _assert_equal(graph(*map(tf.convert_to_tensor, batch)), want)
        else:
            empty = [tf.convert_to_tensor(x) for x in batch]
            empty[4] = tf.zeros([0], tf.int32)
            loss, gradients = graph(*empty)
            assert loss == 0
            assert not gradients[2].numpy().any()


@pytest.mark.slow
def test_the_draw_does_not_depend_on_blocks_or_padding():
    batch = _batch([4, 6], 6)
    longer = [tf.pad(x, [[0, 1], [0, 5], [0, 0]]) for x in batch[:2]]
    cells = tf.pad(batch[3], [[0, 1], [0, 0], [0, 0]])
    padded = (*longer, batch[2], cells, tf.constant([4, 6, 0]))
    losses = [
        span_loss(
            biaffine_pairs(*given[:3]),
            *given[3:],
            cross_entropy,
            keep_negatives=0.5,
            seed=tf.constant(SEED),
            max_floats=most,
        )[0]
        for given in (batch, padded)
        for most in (1, 400, None)
    ]
    np.testing.assert_allclose(losses, losses[0], rtol=1e-5)

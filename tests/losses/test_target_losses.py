"""Losses with targets for each label, against float64 loops over pairs."""

import numpy as np
import pytest
import tensorflow as tf

from biaffine_tf.config import Loss, TrainingConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.heads.biaffine.head import biaffine_pairs
from biaffine_tf.heads.pairs.initialization import weights_of_classes
from biaffine_tf.heads.pairs.loss import span_loss
from biaffine_tf.losses import make_loss

LENGTH, CLASSES, SIZE = 6, 4, 3
COUNTS = [5, 0, 6, 1]
# A pair with two labels, neighbours, the corners, a single token.
CELLS = [
    [(1, 3, 2), (1, 3, 1), (1, 2, 3), (0, 4, 1)],
    [],
    [(0, 0, 1), (5, 5, 2), (0, 5, 3), (2, 4, 2)],
    [(0, 0, 3)],
]
SETTINGS = {
    "multi_label": {"loss": Loss.MULTI_LABEL},
    "binary": {"loss": Loss.BINARY},
    "smoothed": {"boundary_smoothing": 0.2},
    "smoothed_far": {"boundary_smoothing": 0.3, "smooth_size": 2},
}
each_loss = pytest.mark.parametrize("name", SETTINGS)
WIDTHS = [None, 3]


def _loss(name):
    return make_loss(TrainingConfig(**SETTINGS[name]))


def _cells():
    cells = np.zeros([len(COUNTS), 5, 3], np.int32)
    for sentence, own in enumerate(CELLS):
        cells[sentence, : len(own)] = np.reshape(own, [-1, 3])
    return tf.constant(cells)


def _inputs(size=1.0):
    rng = np.random.default_rng(2)
    shapes = (
        [len(COUNTS), LENGTH, SIZE],
        [len(COUNTS), LENGTH, SIZE],
        [SIZE, CLASSES, SIZE],
    )
    return [rng.normal(size=shape) * size for shape in shapes]


def _pairs_of(count, width):
    return [
        (i, j)
        for i in range(count)
        for j in range(i, count)
        if width is None or j - i < width
    ]


def _targets(sentence, count, width, epsilon, size):
    """Probability of each label of each pair, after Zhu and Li."""
    spans = _pairs_of(count, width)
    targets = {pair: np.zeros(CLASSES) for pair in spans}
    for i, j, label in CELLS[sentence]:
        if (i, j) not in targets:
            continue
        targets[i, j][label] += 1
        for first in range(LENGTH * 2):
            for last in range(LENGTH * 2):
                at = (i + first - LENGTH, j + last - LENGTH)
                distance = abs(at[0] - i) + abs(at[1] - j)
                if 0 < distance <= size and at in targets:
                    part = epsilon / size / (4 * distance)
                    targets[at][label] += part
                    targets[i, j][label] -= part
    for row in targets.values():
        row /= max(row.sum(), 1)
        row[0] = 1 - row.sum()
    return targets


def _slow(name, logits, width):
    """The loss of all sentences, pair by pair in float64."""
    total = 0.0
    for sentence, count in enumerate(COUNTS):
        spans = _pairs_of(count, width)
        margins = logits[sentence] - logits[sentence][..., :1]
        gold = set(CELLS[sentence])
        if name == "multi_label":
            for c in range(1, CLASSES):
                positive = sum(
                    np.exp(-margins[i, j, c])
                    for i, j in spans
                    if (i, j, c) in gold
                )
                negative = sum(
                    np.exp(margins[i, j, c])
                    for i, j in spans
                    if (i, j, c) not in gold
                )
                total += np.log1p(positive) + np.log1p(negative)
        elif name == "binary":
            for i, j in spans:
                for c in range(1, CLASSES):
                    sign = -1 if (i, j, c) in gold else 1
                    total += np.log1p(np.exp(sign * margins[i, j, c]))
        else:
            options = SETTINGS[name]
            targets = _targets(
                sentence,
                count,
                width,
                options["boundary_smoothing"],
                options.get("smooth_size", 1),
            )
            for (i, j), target in targets.items():
                own = logits[sentence, i, j]
                total -= target @ (own - np.log(np.exp(own).sum()))
    return total


def _found(name, inputs, width=None, most=None, **options):
    variables = [tf.Variable(x, dtype=tf.float32) for x in inputs]
    with tf.GradientTape() as tape:
        loss, counts = span_loss(
            biaffine_pairs(*variables),
            _cells(),
            tf.constant(COUNTS),
            _loss(name),
            max_span_width=width,
            max_floats=most,
            **options,
        )
    return loss, tape.gradient(loss, variables), counts


@each_loss
@pytest.mark.parametrize("width", WIDTHS)
def test_equals_loops_in_blocks_of_any_size(name, width):
    starts, ends, bilinear = inputs = _inputs()
    logits = np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)
    want = _slow(name, logits, width)
    whole = _found(name, inputs, width)
    for most in (1, 300, None):
        loss, gradients, counts = _found(name, inputs, width, most)
        np.testing.assert_allclose(loss, want, rtol=1e-5)
        for one, two in zip(gradients, whole[1], strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-4, atol=1e-5)
        assert [*map(float, counts)] == [*map(float, whole[2])]


@each_loss
def test_gradients_equal_finite_differences(name):
    inputs = _inputs()
    _, gradients, _ = _found(name, inputs, most=300)
    rng, step = np.random.default_rng(1), 1e-5

    def slow(moved):
        starts, ends, bilinear = moved
        logits = np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)
        return _slow(name, logits, None)

    for number, gradient in enumerate(gradients):
        direction = rng.normal(size=gradient.shape)
        sides = []
        for sign in (1, -1):
            moved = list(inputs)
            moved[number] = moved[number] + sign * step * direction
            sides.append(slow(moved))
        numeric = (sides[0] - sides[1]) / (2 * step)
        np.testing.assert_allclose(
            np.sum(gradient * direction), numeric, rtol=1e-3, atol=1e-4
        )


@each_loss
def test_finite_at_extreme_logits(name):
    """Logits of 1e4 and more, of either sign, and of exactly 0."""
    for size in (0.0, 20.0, 1e3):
        loss, gradients, _ = _found(name, _inputs(size))
        assert np.isfinite(loss)
        assert all(np.isfinite(one).all() for one in gradients)


def test_counts_of_several_labels():
    """A gold label is right where its margin is positive, each for itself."""
    starts, ends, bilinear = inputs = _inputs()
    logits = np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)
    margins = logits - logits[..., :1]
    gold = [(b, *one) for b, own in enumerate(CELLS) for one in own]
    pairs = [(b, *p) for b, n in enumerate(COUNTS) for p in _pairs_of(n, None)]
    others = {*pairs} - {one[:3] for one in gold}
    counts = _found("binary", inputs)[2]
    assert [*map(int, counts)] == [
        len(gold),
        sum(margins[one] > 0 for one in gold),
        len(others),
        sum((margins[one][1:] <= 0).all() for one in others),
    ]


def test_pairs_near_gold_are_kept():
    inputs, cells = _inputs(), _cells().numpy()
    starts, ends, bilinear = inputs
    logits = np.einsum("bid,dcf,bjf->bijc", starts, bilinear, ends)
    for distance in (0, 1):
        loss, _, _ = _found(
            "binary",
            inputs,
            keep_negatives=1e-9,  # of others none is drawn
            keep_near_gold=distance,
            seed=tf.constant([1, 2]),
        )
        want = 0.0
        for b, count in enumerate(COUNTS):
            own = cells[b][cells[b][:, 2] > 0]
            for i, j in _pairs_of(count, None):
                near = np.abs(own[:, :2] - [i, j]) <= distance
                if not near.any():
                    continue
                for c in range(1, CLASSES):
                    margin = logits[b, i, j, c] - logits[b, i, j, 0]
                    sign = -1 if (i, j, c) in set(CELLS[b]) else 1
                    want += np.log1p(np.exp(sign * margin))
        np.testing.assert_allclose(loss, want, rtol=1e-5)


def test_class_weights():
    counts = np.array([900.0, 90.0, 10.0])
    for power, factor in ((1.0, 9.0), (0.5, 3.0)):
        weights = weights_of_classes(counts, power)
        np.testing.assert_allclose(weights @ counts, counts.sum(), rtol=1e-6)
        np.testing.assert_allclose(weights[2] / weights[1], factor, rtol=1e-5)
    loss = make_loss(TrainingConfig(loss=Loss.FOCAL))
    variables = [tf.constant(x, tf.float32) for x in _inputs()]
    one_label = tf.constant([[[1, 3, 2]], [[0, 0, 0]], [[2, 4, 1]]] * 1)
    found = [
        span_loss(
            biaffine_pairs(*(x[:3] for x in variables[:2]), variables[2]),
            one_label,
            tf.constant(COUNTS[:3]),
            loss,
            class_weights=weights,
        )[0].numpy()
        for weights in (
            None,
            *(np.eye(CLASSES, dtype=np.float32)[c] for c in range(CLASSES)),
        )
    ]
    np.testing.assert_allclose(found[0], sum(found[1:]), rtol=1e-5)
    assert found[3] > 0 and found[2] > 0 and found[4] == 0


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"boundary_smoothing": 0.1, "loss": Loss.DICE}, "--boundary_smooth"),
        ({"class_weights": "inverse", "loss": Loss.BINARY}, "--class_weights"),
        (
            {"class_weights": "inverse", "boundary_smoothing": 0.1},
            "--class_weights",
        ),
        ({"keep_near_gold": 1}, "--keep_near_gold"),
    ],
)
def test_what_does_not_go_together_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words) as found:
        TrainingConfig(**settings)
    assert "\n" not in str(found.value)

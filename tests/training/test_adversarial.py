"""Adversarial training against the same moves of the embedding table.

All tokens of the batches differ, so that the embedding of each can be moved in
the table, without the way by which the trainer moves it.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf import heads
from biaffine_tf.commands.experiment import _check_passes
from biaffine_tf.config import Precision, TrainingConfig
from biaffine_tf.encoders.fused_encoder import policy_scope
from biaffine_tf.errors import ConfigError
from biaffine_tf.seeds import small_seed
from biaffine_tf.training import adversarial
from biaffine_tf.training import moves as moves_of
from biaffine_tf.training.adversarial import make_adversary
from biaffine_tf.training.span_objective import SpanObjective
from biaffine_tf.training.update import Updater

CALM = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
TABLE = "encoder/word_embeddings/embeddings"
IDS = np.int32([[2, 5, 6, 7, 8, 9, 3], [10, 11, 12, 13, 0, 0, 0]])
COUNTS = np.int32([5, 2])
CELLS = np.int32([[[0, 1, 2], [3, 3, 1]], [[0, 1, 3], [0, 0, 0]]])
BATCH = {"input_ids": tf.constant(IDS), "cells": tf.constant(CELLS)}
RATE, EPSILON, WEIGHT = 0.5, 0.3, 0.6
MOVED = {"adversarial_epsilon": EPSILON, "adversarial_weight": WEIGHT}


def _updater(model, **settings):
    config = TrainingConfig(max_gradient_norm=1e9, **settings)
    objective = SpanObjective(model, config)
    optimizer = tf_keras.optimizers.SGD(RATE)
    if config.precision is Precision.FLOAT16:
        optimizer = tf_keras.mixed_precision.LossScaleOptimizer(
            optimizer, dynamic=False, initial_scale=64
        )
    return Updater(
        objective,
        config,
        optimizer,
        strategy=tf.distribute.get_strategy(),
        batch_spec={
            "input_ids": tf.TensorSpec([None, None], tf.int32),
            "cells": tf.TensorSpec([None, None, 3], tf.int32),
        },
        adversary=make_adversary(config, objective),
    )


def _step(updater, batches=(BATCH,)):
    """A step as of the trainer, without the time to trace it."""
    for index, batch in enumerate(batches):
        updater._process(
            batch,
            tf.constant([small_seed(updater._settings.seed) + index, 0]),
            tf.constant(1 / len(batches)),
            updater.weights,
        )
    sums = updater._gradient_sums
    if sums is not None:
        updater._apply(sums.take(updater.weights), updater.weights)


def _model(**changes):
    settings = {"dropout": 0.0, "encoder": CALM, "seed": 3}
    return tiny.model(**{**settings, **changes})


def _loss(model):
    """Cross-entropy of all pairs of the batch, over its sentences."""
    logits = model(BATCH["input_ids"])  # [B, L, L, C]
    losses = []
    for row, count in enumerate(COUNTS):
        gold = {(i, j): label for i, j, label in CELLS[row] if label}
        for i in range(count):
            for j in range(i, count):
                logs = tf.nn.log_softmax(logits[row, i, j])
                losses.append(-logs[gold.get((i, j), 0)])
    return tf.add_n(losses) / len(COUNTS)


def _log_softmax(model):
    logits = tf.nn.log_softmax(model(BATCH["input_ids"]))
    valid = [
        (row, i, j)
        for row, count in enumerate(COUNTS)
        for i in range(count)
        for j in range(i, count)
    ]
    return tf.gather_nd(logits, valid)  # [pairs, C]


def _gradients(model, loss):
    weights = model.saved_weights()
    with tf.GradientTape() as tape:
        value = loss(model)
    found = tape.gradient(value, weights)
    return value.numpy(), {
        name: tf.convert_to_tensor(slope).numpy()
        for name, slope in found.items()
    }


def _unit(slopes):
    """Each sentence's rows of the table, over their norm; padding is zero."""
    parts = []
    for ids in IDS:
        own = slopes[ids].astype(np.float64) * (ids > 0)[:, None]
        parts.append(own / np.linalg.norm(own))
    return np.stack(parts)


def _radius(table):
    norms = [np.linalg.norm(table[ids[ids > 0]]) for ids in IDS]
    return EPSILON * np.array(norms)[:, None, None]


def _put(model, table, moves):
    moved = table.astype(np.float64)
    for ids, move in zip(IDS, moves, strict=True):
        moved[ids[ids > 0]] += move[ids > 0]
    model.saved_weights()[TABLE].assign(moved.astype(np.float32))


def _ascend(model, steps):
    """The move of the table after some steps, in float64."""
    table = model.saved_weights()[TABLE].numpy()
    radius = _radius(table)
    size = radius * min(1, 2.5 / steps)
    moves = np.zeros([*IDS.shape, table.shape[1]])
    for _ in range(steps):
        _, slopes = _gradients(model, _loss)
        moves = moves + size * _unit(slopes[TABLE])
        norms = np.linalg.norm(moves, axis=(1, 2), keepdims=True)
        moves = moves * np.minimum(1, radius / norms)
        _put(model, table, moves)
    return moves


def _assert_step(model, before, slopes):
    """The weights after a step of gradient descent.

    The gradient of a key's bias is zero, and its step nothing but rounding.
    """
    for name, weight in model.saved_weights().items():
        want = before[name] - RATE * slopes[name]
        scale = np.abs(RATE * slopes[name]).max() + 1e-6
        if name.endswith("key/bias"):
            np.testing.assert_allclose(weight, before[name], rtol=0, atol=2e-8)
            continue
        np.testing.assert_allclose(
            weight.numpy() / scale, want / scale, atol=3e-3, err_msg=name
        )


def _values(model):
    return {k: w.numpy() for k, w in model.saved_weights().items()}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "steps"),
    [
        ({"adversarial": "fgm"}, 1),
        ({"adversarial": "pgd", "adversarial_steps": 3}, 3),
    ],
)
def test_a_step_is_that_of_the_loss_and_the_moved_loss(settings, steps):
    model, other = _model(), _model()
    before = _values(model)
    clean, slopes = _gradients(other, _loss)
    _ascend(other, steps)
    moved, more = _gradients(other, _loss)
    assert moved > 1.005 * clean
    updater = _updater(model, **MOVED, **settings)
    updater.log.begin(0)
    _step(updater)
    _assert_step(
        model, before, {k: slopes[k] + WEIGHT * more[k] for k in slopes}
    )
    means = updater.sums.read().means()
    assert means["loss"] == pytest.approx(clean, rel=1e-4)
    assert means["adversarial_loss"] == pytest.approx(moved, rel=1e-3)
    (logged,) = updater.log.read(1)
    assert logged.loss == pytest.approx(clean + WEIGHT * moved, rel=1e-3)


@pytest.mark.slow
def test_virtual_adversarial_training_is_that_of_the_definition():
    model, other = _model(), _model()
    before = _values(model)
    clean, slopes = _gradients(other, _loss)
    target = tf.stop_gradient(_log_softmax(other))

    def divergence(model):
        log_q = _log_softmax(model)
        pairs = tf.reduce_sum(tf.exp(target) * (target - log_q), axis=1)
        return tf.reduce_sum(pairs) / len(COUNTS)

    table, seed = before[TABLE], 42
    radius = _radius(table)
    noise = (
        tf.random.stateless_normal(
            [*IDS.shape, table.shape[1]],
            tf.constant([seed, 0]) + adversarial._NOISE_SEED,
            alg="philox",
        ).numpy()
        * (IDS > 0)[..., None]
    )
    noise /= np.linalg.norm(noise, axis=(1, 2), keepdims=True)
    _put(other, table, 0.1 * radius * noise)
    _, direction = _gradients(other, divergence)
    _put(other, table, radius * _unit(direction[TABLE]))
    value, more = _gradients(other, divergence)
    _put(other, table, radius * noise)
    assert value > 1.5 * divergence(other)  # a direction at random
    updater = _updater(model, adversarial="virtual", **MOVED, seed=seed)
    _step(updater)
    _assert_step(
        model, before, {k: slopes[k] + WEIGHT * more[k] for k in slopes}
    )
    means = updater.sums.read().means()
    assert means["loss"] == pytest.approx(clean, rel=1e-4)
    assert means["divergence"] == pytest.approx(value, rel=2e-2)


@pytest.mark.slow
def test_rdrop_is_the_mean_loss_and_the_mean_divergence():
    tf_keras.utils.set_random_seed(1)  # the passes must differ
    model = _model(encoder={"hidden_dropout_prob": 0.3})
    state = model.encoder._generator.state
    before, at = _values(model), state.numpy()
    weights = model.saved_weights()
    with tf.GradientTape() as tape:
        passes = [model.encode_batch(BATCH, training=True) for _ in range(2)]

        def logs(vectors):
            fake = type(
                "", (), {"__call__": lambda _, ids: model.head(vectors)}
            )
            return _log_softmax(fake()), _loss(fake())

        (log_p, first), (log_q, second) = map(logs, passes)
        jeffreys = (tf.exp(log_p) - tf.exp(log_q)) * (log_p - log_q)
        divergence = tf.reduce_sum(jeffreys) / 2 / len(COUNTS)
        loss = (first + second) / 2 + WEIGHT * divergence
    found = tape.gradient(loss, weights)
    assert abs(first - second) > 0.01 * first and divergence > 0.01
    state.assign(at)
    updater = _updater(model, adversarial="rdrop", adversarial_weight=WEIGHT)
    _step(updater)
    slopes = {k: tf.convert_to_tensor(v).numpy() for k, v in found.items()}
    _assert_step(model, before, slopes)
    means = updater.sums.read().means()
    mean = float(first + second) / 2
    assert means["loss"] == pytest.approx(mean, rel=1e-4)
    assert means["divergence"] == pytest.approx(float(divergence), rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fgm", "virtual"])
def test_moves_do_not_depend_on_other_sentences_and_padding(kind):
    """In batches of one and of two, and longer ones."""
    model, seen = _model(), []
    encode = model.encode

    def spied(*arguments, word_offsets=None, **options):
        if word_offsets is not None:
            seen.append(word_offsets)
        return encode(*arguments, word_offsets=word_offsets, **options)

    model.encode = spied
    batches = [BATCH]
    if kind == "fgm":  # the noise of the other depends on the shape
        batches += [
            {k: x[1:] for k, x in BATCH.items()},
            BATCH | {"input_ids": tf.pad(BATCH["input_ids"], [[0, 0], [0, 3]])},
        ]
    moves = []
    for batch in batches:
        updater = _updater(model, adversarial=kind, **MOVED)
        updater.optimizer.learning_rate = 0.0
        _step(updater, [batch])
        moves.append(seen[-1].numpy())
    radius = _radius(model.saved_weights()[TABLE].numpy())
    norms = np.linalg.norm(moves[0], axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(norms, radius, rtol=1e-5)
    assert not moves[0][IDS == 0].any()
    if kind == "fgm":
        _, alone, longer = moves
        np.testing.assert_allclose(alone[0], moves[0][1], atol=1e-4)
        np.testing.assert_allclose(longer[:, :7], moves[0], atol=1e-4)


@pytest.mark.slow
def test_accumulated_batches_have_the_mean_of_their_gradients():
    moved = []
    parts = [
        [{k: x[row : row + 1] for k, x in BATCH.items()} for row in rows]
        for rows in ([0], [1], [0, 1])
    ]
    for batches in parts:
        model = _model()
        before = _values(model)
        updater = _updater(
            model, adversarial="fgm", gradient_accumulation=2, **MOVED
        )
        updater.log.begin(0)
        _step(updater, batches)
        (logged,) = updater.log.read(1)
        assert logged.units == sum(len(one["cells"]) for one in batches)
        moved.append({k: v - before[k] for k, v in _values(model).items()})
    one, other, both = moved
    for name, change in both.items():
        mean = (one[name] + other[name]) / 2
        np.testing.assert_allclose(change, mean, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["fgm", "virtual"])
def test_moves_in_lower_precision_are_about_the_same(kind):
    found = []
    for policy in ("float32", "mixed_float16"):
        with policy_scope(policy):
            model = _model()
        updater = _updater(model, adversarial=kind, precision=policy, **MOVED)
        _step(updater)
        found.append(updater.sums.read().means())
    want, got = found
    for name, value in want.items():
        assert got[name] == pytest.approx(value, rel=0.05), name


def test_directions_of_overflowing_gradients_are_zero():
    slope = np.ones([4, 2, 3], np.float32)
    slope[1, 0, 0], slope[2, 1, 1], slope[3] = np.inf, np.nan, 0
    slope[0] *= 1e30  # whose square overflows
    found = moves_of.unit(tf.constant(slope)).numpy()
    np.testing.assert_allclose(found[0], 6**-0.5, rtol=1e-6)
    assert not found[1:].any()


def test_sparse_gradients_stay_sparse():
    rows = tf.IndexedSlices([[1.0]], [2], [3, 1])
    both = moves_of.add_gradients([rows, None], [rows, tf.ones([2])])
    assert isinstance(both[0], tf.IndexedSlices)
    np.testing.assert_array_equal(
        tf.convert_to_tensor(both[0]), [[0], [0], [2]]
    )
    np.testing.assert_array_equal(both[1], [1, 1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"adversarial_weight": 2.0}, "--adversarial_weight must be left out"),
        ({"adversarial_steps": 2, "adversarial": "fgm"}, "adversarial=pgd"),
        ({"adversarial_epsilon": 1.0, "adversarial": "rdrop"}, "epsilon must"),
        ({"ema_decay": 0.9, "average": "swa"}, "without --average=ema"),
        ({"swa_start": 0.9}, "without --average=swa"),
    ],
)
def test_settings_without_an_effect_are_refused(settings, message):
    with pytest.raises(ConfigError, match=message):
        TrainingConfig(**settings)


def test_what_cannot_be_computed_is_refused(monkeypatch):
    training = TrainingConfig(adversarial="rdrop")
    _check_passes(training, tiny.model_config())
    calm = tiny.model_config(dropout=0.0, encoder=CALM)
    with pytest.raises(ConfigError, match="nothing has dropout"):
        _check_passes(training, calm)
    source = heads.HEADS["biaffine"]._replace(compares=False)
    monkeypatch.setitem(heads.HEADS, "biaffine", source)
    for kind in ("rdrop", "virtual"):
        training = dataclasses.replace(training, adversarial=kind)
        with pytest.raises(ConfigError, match="the head 'biaffine' cannot"):
            _check_passes(training, tiny.model_config())
    training = dataclasses.replace(training, adversarial="pgd")
    _check_passes(training, tiny.model_config())

"""Distillation: its losses by hand, and a teacher that stays as it is."""

import numpy as np
import pytest
import tensorflow as tf
import tiny
from numpy_bert import encode

from biaffine_tf.config import DistilMatch, Objective, PretrainingConfig
from biaffine_tf.encoders.checkpoints import encoder_variables
from biaffine_tf.pretraining.distil_losses import (
    mean_of_ranges,
    relation_heads,
)
from biaffine_tf.pretraining.distillation import Teacher
from biaffine_tf.pretraining.objectives import make_objective
from biaffine_tf.pretraining.run import make_updater

PAD, MASK = 0, 4
LENGTHS = (9, 6, 4)
SEED = tf.constant([0, 0])
OF_STUDENT = {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
# Dropout that would show if the teacher had it.
OF_TEACHER = {
    "hidden_size": 24,
    "num_hidden_layers": 1,
    "hidden_dropout_prob": 0.5,
    "attention_probs_dropout_prob": 0.5,
}
each_match = pytest.mark.parametrize("match", DistilMatch)


def fill(variables, *, seed):
    rng = np.random.default_rng(seed)
    for variable in variables:
        variable.assign(rng.normal(size=variable.shape) * 0.3)


def make(*, teacher=OF_TEACHER, is_aligned=False, **changes):
    """A student and its teacher, with random weights."""
    frozen = Teacher(
        tiny.encoder_config(**teacher), pad_id=PAD, is_aligned=is_aligned
    )
    fill(frozen.encoder.weights, seed=1)
    config = PretrainingConfig(
        encoder=tiny.encoder_config(**OF_STUDENT),
        objective=Objective.DISTIL,
        **{"num_warmup_steps": 0, "weight_decay": 0.0} | changes,
    )
    objective = make_objective(config, pad_id=PAD, teacher=frozen)
    fill(objective.trained_weights().values(), seed=2)
    return config, objective, frozen


def make_batch(*, padding=0, seed=3):
    """Sentences; of the teacher's tokens each overlaps about two."""
    rng = np.random.default_rng(seed)
    rows, length = len(LENGTHS), max(LENGTHS) + padding
    ids = np.full((rows, length), PAD, np.int32)
    teacher_ids = np.full((rows, length), PAD, np.int32)
    begins, ends = np.zeros((2, rows, length), np.int32)
    for row, size in enumerate(LENGTHS):
        ids[row, :size] = rng.integers(5, 28, size)
        own = size - 1
        teacher_ids[row, :own] = rng.integers(5, 28, own)
        begins[row, :size] = np.sort(rng.integers(0, own, size))
        ends[row, :size] = begins[row, :size] + rng.integers(0, 3, size)
        ends[row] = np.minimum(ends[row], own)
    masked = ids.copy()
    masked[:, 1] = MASK
    positions = np.ones((rows, 1), np.int32)
    return {
        "input_ids": masked,
        "original_ids": ids,
        "positions": positions,
        "labels": ids[:, 1:2],
        "weights": np.ones((rows, 1), np.float32),
        "teacher_ids": teacher_ids,
        "target_begins": begins,
        "target_ends": ends,
    }


def constants(batch):
    return {name: tf.constant(value) for name, value in batch.items()}


def loss(objective, batch, *, training=False):
    metrics = objective.metrics(constants(batch), training=training, seed=SEED)
    total, weight = metrics["distil_loss"]
    return float(total), float(weight)


def weights_of(encoder):
    """Values, as those of an encoder of the name `encoder`."""
    return {
        "encoder/" + v.name.partition("/")[2].removesuffix(":0"): v.numpy()
        for v in encoder.weights
    }


def normalized(x):
    x = x - x.mean(-1, keepdims=True)
    return x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-6)


def slow_loss(match, objective, teacher, batch, *, is_aligned, ids):
    """Sum and number of the targets, token by token, in float64."""
    total = number = 0
    for row, size in enumerate(LENGTHS):
        own = encode(
            weights_of(objective.encoder_part.encoder),
            batch[ids][row, :size],
            num_layers=2,
        )
        weights = weights_of(teacher.encoder)
        if is_aligned:
            read = batch["teacher_ids"][row]
            read = encode(weights, read[read != PAD], num_layers=1)
            pairs = zip(
                batch["target_begins"][row, :size],
                batch["target_ends"][row, :size],
                strict=True,
            )
            targets = {
                token: np.mean([read[i] for i in range(begin, end)], axis=0)
                for token, (begin, end) in enumerate(pairs)
                if begin < end
            }
        else:
            read = encode(
                weights, batch["original_ids"][row, :size], num_layers=1
            )
            targets = dict(enumerate(read))
        number += len(targets)
        means = [mean.numpy() for mean in objective._means]
        own = own - means[0]
        targets = {token: t - means[1] for token, t in targets.items()}
        if match is DistilMatch.HIDDEN:
            kernel, bias = (
                objective.trained_weights()[f"distil/projection/{name}"]
                for name in ("kernel", "bias")
            )
            own = own @ kernel.numpy().astype(float) + bias.numpy()
            for token, target in targets.items():
                gap = normalized(own[token]) - normalized(target)
                total += (gap**2).mean()
        else:
            total += _slow_divergence(own, targets)
    return total, number


def _slow_divergence(own, targets, heads=8):
    total = 0.0
    for head in range(heads):
        for i in targets:
            rows = []
            for vectors in (own, targets):
                size = len(vectors[i]) // heads
                part = slice(head * size, (head + 1) * size)
                scores = [
                    normalized(vectors[i])[part] @ normalized(vectors[j])[part]
                    for j in targets
                ]
                shares = np.exp(np.array(scores) / np.sqrt(size))
                rows.append(shares / shares.sum())
            student, teacher = rows
            total += (teacher * np.log(teacher / student)).sum() / heads
    return total


@each_match
@pytest.mark.parametrize("is_aligned", [False, True])
@pytest.mark.parametrize("mlm_weight", [0, 0.5])
def test_losses_by_hand(match, is_aligned, mlm_weight):
    _, objective, teacher = make(
        distil_match=match, is_aligned=is_aligned, mlm_weight=mlm_weight
    )
    batch = make_batch()
    objective.prepare(map(constants, [batch, make_batch(seed=4)]))
    want = slow_loss(
        match,
        objective,
        teacher,
        batch,
        is_aligned=is_aligned,
        ids="input_ids" if mlm_weight else "original_ids",
    )
    assert loss(objective, batch) == pytest.approx(want, rel=1e-4)
    # Without dropout of the teacher.
    assert loss(objective, batch, training=True) == pytest.approx(
        want, rel=1e-4
    )
    names = [
        "distil_loss",
        *["mlm_loss", "mlm_accuracy"][: 2 * (mlm_weight > 0)],
    ]
    assert list(objective.metric_names) == names
    assert objective.losses == dict(zip(names, [1, mlm_weight], strict=False))


@each_match
@pytest.mark.parametrize("is_aligned", [False, True])
def test_padding_changes_nothing(match, is_aligned):
    _, objective, _ = make(distil_match=match, is_aligned=is_aligned)
    plain, padded = make_batch(), make_batch()
    for name, value in padded.items():
        if value.shape[1] > 1:
            padded[name] = np.pad(value, [(0, 0), (0, 5)])
    assert loss(objective, padded) == pytest.approx(
        loss(objective, plain), rel=1e-5
    )


@pytest.mark.parametrize("is_aligned", [False, True])
def test_the_mean_of_the_teacher(is_aligned):
    _, objective, teacher = make(is_aligned=is_aligned)
    batches = [constants(make_batch(seed=seed)) for seed in (5, 6)]
    objective.prepare(batches)
    vectors = [
        vector
        for batch in batches
        for rows in zip(*map(np.asarray, teacher.targets(batch)), strict=True)
        for vector, exists in zip(*rows, strict=True)
        if exists
    ]
    np.testing.assert_allclose(
        objective._means[1], np.mean(vectors, axis=0), atol=1e-5
    )


def test_means_are_those_of_a_loop():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(4, 7, 3)).astype(np.float32)
    begins = rng.integers(0, 7, (4, 5)).astype(np.int32)
    ends = np.minimum(begins + rng.integers(0, 4, (4, 5)), 7).astype(np.int32)
    means, exists = mean_of_ranges(*map(tf.constant, (vectors, begins, ends)))
    for row, column in np.ndindex(4, 5):
        part = vectors[row, begins[row, column] : ends[row, column]]
        assert exists[row, column] == float(len(part) > 0)
        want = part.mean(axis=0) if len(part) else np.zeros(3)
        np.testing.assert_allclose(means[row, column], want, atol=1e-6)


@pytest.mark.parametrize(
    ("widths", "heads"), [((256, 384), 32), ((312, 768), 24), ((7, 9), 1)]
)
def test_relation_heads_divide_both_widths(widths, heads):
    assert relation_heads(*widths) == heads


def same_shape(match, **changes):
    """A student with the teacher's shape and weights."""
    config, objective, teacher = make(
        teacher=OF_STUDENT, distil_match=match, **changes
    )
    student = encoder_variables(objective.encoder_part.encoder)
    for name, value in encoder_variables(teacher.encoder).items():
        student[name].assign(value)
    if match is DistilMatch.HIDDEN:
        fresh = make_objective(config, pad_id=PAD, teacher=teacher)
        for name, value in fresh.trained_weights().items():
            if name.startswith("distil/"):
                objective.trained_weights()[name].assign(value)
    return config, objective, teacher


def train(config, objective, steps):
    batch = constants(make_batch())
    updater = make_updater(
        config,
        objective,
        strategy=tf.distribute.get_strategy(),
        batch_spec={
            name: tf.TensorSpec([None, None], value.dtype)
            for name, value in batch.items()
        },
    )
    for number in range(steps):
        updater.step([batch], number)
    return updater


def gradient_norm(objective):
    variables = list(objective.trained_weights().values())
    with tf.GradientTape() as tape:
        metrics = objective.metrics(
            constants(make_batch()), training=True, seed=SEED
        )
        value = metrics["distil_loss"][0]
    gradients = tape.gradient(value, variables)
    return float(tf.linalg.global_norm(gradients))


@pytest.mark.slow
@each_match
def test_a_student_that_is_the_teacher(match):
    """Its loss is 0, and nothing moves it."""
    config, objective, _ = same_shape(match, learning_rate=1e-4)
    objective.prepare([constants(make_batch(seed=4))])
    assert loss(objective, make_batch())[0] == pytest.approx(0, abs=1e-6)
    _, another, _ = make(teacher=OF_STUDENT, distil_match=match)
    another.prepare([constants(make_batch(seed=4))])
    assert gradient_norm(objective) < 1e-3 * gradient_norm(another)
    train(config, objective, 5)
    moved = loss(objective, make_batch())[0]
    assert moved < 0.05 * loss(another, make_batch())[0]


@pytest.mark.slow
@each_match
def test_the_teacher_is_neither_trained_nor_saved(match, tmp_path):
    config, objective, teacher = make(
        distil_match=match, learning_rate=1e-2, mlm_weight=1e-3
    )
    before = weights_of(teacher.encoder)
    first = loss(objective, make_batch())[0]
    updater = train(config, objective, 30)
    assert loss(objective, make_batch())[0] < 0.8 * first
    for name, value in weights_of(teacher.encoder).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)
    trained = {v.ref() for v in objective.trained_weights().values()}
    assert not trained & {v.ref() for v in teacher.encoder.weights}
    checkpoint = tf.train.Checkpoint(
        objective=objective, optimizer=updater.optimizer
    )
    path = checkpoint.write(str(tmp_path / "checkpoint"))
    wide = [
        name
        for name, shape in tf.train.list_variables(path)
        if 24 in shape and "optimizer" not in name
    ]
    assert all("_projection" in n or "_means" in n for n in wide)
    assert len(wide) == (3 if match is DistilMatch.HIDDEN else 1)
    # Nor is the projection written with the encoder.
    written = objective.encoder_part.variables_by_name()
    assert not [name for name, v in written.items() if 24 in v.shape]
    assert "mlm/output_bias" in written


def test_without_masks_there_is_no_output_layer():
    _, objective, _ = make()
    names = objective.encoder_part.variables_by_name()
    assert not [name for name in names if name.startswith("mlm/")]

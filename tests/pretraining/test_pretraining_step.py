"""A step of pretraining: what it changes, and what it leaves."""

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.config import (
    Freeze,
    Objective,
    PretrainingConfig,
)
from biaffine_tf.pretraining.distillation import Teacher
from biaffine_tf.pretraining.objectives import make_objective
from biaffine_tf.pretraining.run import make_updater

pytestmark = pytest.mark.slow  # they train

PAD, MASK = 0, 4
OBJECTIVES = pytest.mark.parametrize("objective", list(Objective))
LOSSES = {
    "mlm": "mlm_loss",
    "electra": "generator_loss",
    "distil": "distil_loss",
}


def settings(**changes) -> PretrainingConfig:
    encoder = tiny.encoder_config(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    values = {
        "encoder": encoder,
        "num_train_steps": 100,
        "num_warmup_steps": 0,
        "learning_rate": 1e-2,
        "generator_size": 0.5,
        "mlm_weight": 0.1,
    }
    return PretrainingConfig(**(values | changes))


def batch(rows: int, *, seed: int = 0, length: int = 9) -> dict:
    """Sentences that count upwards, every third token of them masked."""
    rng = np.random.default_rng(seed)
    starts = rng.integers(5, 15, size=(rows, 1))
    original = (starts + np.arange(length)).astype(np.int32)
    original[:, -1] = PAD
    positions = np.tile(np.array([1, 4, 0], np.int32), (rows, 1))
    weights = np.tile(np.array([1, 1, 0], np.float32), (rows, 1))
    masked = original.copy()
    masked[:, [1, 4]] = MASK
    return {
        "input_ids": tf.constant(masked),
        "original_ids": tf.constant(original),
        "positions": tf.constant(positions),
        "labels": tf.constant(original[np.arange(rows)[:, None], positions]),
        "weights": tf.constant(weights),
    }


def stepper(config: PretrainingConfig):
    tf.random.set_seed(0)
    rng = np.random.default_rng(0)
    teacher = None
    if config.objective is Objective.DISTIL:
        shape = tiny.encoder_config(hidden_size=24, num_hidden_layers=1)
        teacher = Teacher(shape, pad_id=PAD)
        for variable in teacher.encoder.weights:
            variable.assign(rng.normal(size=variable.shape) * 0.3)
    objective = make_objective(config, pad_id=PAD, teacher=teacher)
    for variable in objective.trained_weights().values():
        if len(variable.shape) > 1:  # not biases, nor gains of norms
            variable.assign(rng.normal(size=variable.shape) * 0.1)
    return objective, make_updater(
        config,
        objective,
        strategy=tf.distribute.get_strategy(),
        batch_spec={
            name: tf.TensorSpec([None, None], tensor.dtype)
            for name, tensor in batch(1).items()
        },
    )


def weights(objective) -> dict[str, np.ndarray]:
    return {n: v.numpy() for n, v in objective.trained_weights().items()}


@OBJECTIVES
def test_objective_is_learnt(objective):
    _, trainer = stepper(
        settings(objective=objective, discriminator_weight=1.0)
    )
    trainer.step([batch(16)], 0)
    first = trainer.sums.read().means()
    for number in range(1, 90):
        trainer.step([batch(16, seed=number)], number)
    last = trainer.evaluate([batch(16, seed=1000)]).means()
    name = LOSSES[objective]
    assert last[name] < 0.5 * first[name]
    if objective is not Objective.DISTIL:
        assert last[name.replace("loss", "accuracy")] > 0.5
    if objective is Objective.ELECTRA:
        assert last["discriminator_loss"] < first["discriminator_loss"]


@OBJECTIVES
def test_accumulated_batches_make_the_step_of_one(objective):
    """ELECTRA draws for each batch: its generator alone must agree."""
    whole = batch(8)
    halves = [
        {k: v[s] for k, v in whole.items()} for s in (slice(4), slice(4, 8))
    ]
    factor = 1e-9 if objective is Objective.ELECTRA else 50.0
    changes = {"objective": objective, "discriminator_weight": factor}
    one, at_once = stepper(settings(**changes))
    initial = weights(one)
    two, in_parts = stepper(settings(**changes, gradient_accumulation=2))
    for number in range(3):
        at_once.step([whole], number)
        in_parts.step(halves, number)
    for name, value in weights(one).items():
        if "generator" in name or "mlm" in name or objective != "electra":
            if name.endswith("/key/bias"):
                continue  # softmax does not see it: its gradient is rounding
            # Adam makes much of rounding where a gradient is next to nothing.
            moved = np.linalg.norm(value - initial[name])
            apart = np.linalg.norm(weights(two)[name] - value)
            assert moved > 0 and apart < 0.02 * moved, name
    assert at_once.sums.read().count == in_parts.sums.read().count == 3 * 8 * 8


@pytest.mark.parametrize("frozen", [Freeze.BODY, Freeze.EMBEDDINGS])
def test_what_is_frozen_stays_until_it_is_thawed(frozen):
    objective, trainer = stepper(settings(freeze=frozen, thaw_after=2))
    initial = weights(objective)
    for number in range(2):
        trainer.step([batch(4, seed=number)], number)
    then = weights(objective)
    changed = {n for n in initial if (initial[n] != then[n]).any()}
    body = {n for n in initial if "/transformer/" in n}
    tables = {n for n in initial if "embedding" in n}
    head = {n for n in initial if n not in body | tables}
    assert body and tables and head
    assert changed == (tables if frozen is Freeze.BODY else body) | head
    trainer.step([batch(4, seed=9)], 2)
    later = weights(objective)
    assert all((later[n] != then[n]).any() for n in body | tables | head)


@OBJECTIVES
def test_dropout_is_of_the_run_alone(objective):
    encoder = tiny.encoder_config(
        hidden_dropout_prob=0.5, attention_probs_dropout_prob=0.5
    )
    seed = tf.constant([0, 0])
    for dropout, same in ((0.0, True), (None, False)):
        config = settings(encoder=encoder, objective=objective, dropout=dropout)
        made, _ = stepper(config)
        trained, evaluated = (
            made.metrics(batch(8), training=training, seed=seed)
            for training in (True, False)
        )
        name = LOSSES[objective]
        difference = abs(float(trained[name][0] - evaluated[name][0]))
        assert (difference < 1e-3) == same
        for part in (made.encoder_part, made.generator_part):
            if part is not None:
                assert part.config.hidden_dropout_prob == 0.5

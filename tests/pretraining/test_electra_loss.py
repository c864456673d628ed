"""ELECTRA's loss against the same computed by hand, in float64."""

import numpy as np
import pytest
import tensorflow as tf
import tiny
from numpy_bert import activate, dense, encode, norm

from biaffine_tf.config import (
    Objective,
    PretrainingConfig,
)
from biaffine_tf.pretraining.objectives import make_objective

PAD, UNK, CLS, SEP, MASK = range(5)
LENGTHS = (9, 6, 4)
POSITIONS = ((1, 4, 7), (2, 4), (1,))


def _objective():
    config = PretrainingConfig(
        encoder=tiny.encoder_config(),
        objective=Objective.ELECTRA,
        generator_size=0.5,
    )
    objective = make_objective(config, pad_id=PAD)
    rng = np.random.default_rng(0)
    for variable in objective.trained_weights().values():
        variable.assign(rng.normal(size=variable.shape) * 0.3)
    return config, objective


def _batch():
    rng = np.random.default_rng(1)
    shape = len(LENGTHS), max(LENGTHS)
    original = np.full(shape, PAD, np.int32)
    positions, labels = np.zeros((2, len(LENGTHS), 3), np.int32)
    weights = np.zeros((len(LENGTHS), 3), np.float32)
    for row, (length, chosen) in enumerate(
        zip(LENGTHS, POSITIONS, strict=True)
    ):
        original[row, :length] = rng.integers(5, 28, length)
        original[row, [0, length - 1]] = CLS, SEP
        positions[row, : len(chosen)] = chosen
        labels[row, : len(chosen)] = original[row, chosen]
        weights[row, : len(chosen)] = 1
    masked = original.copy()
    for row, chosen in enumerate(POSITIONS):
        masked[row, chosen] = MASK
    return {
        "input_ids": masked,
        "original_ids": original,
        "positions": positions,
        "labels": labels,
        "weights": weights,
    }


def _weights_of_part(part, name):
    """By the names of an encoder of its own; embeddings may be another's."""
    variables = [*part.encoder.trainable_variables, *part.head.weights]
    return {
        v.name.removesuffix(":0").replace(f"{name}/", "encoder/", 1): v.numpy()
        for v in variables
    }


def _generator_loss(w, batch, num_layers):
    """Cross-entropies of the masked tokens, sentence by sentence."""
    losses = []
    for row, length in enumerate(LENGTHS):
        x = encode(w, batch["input_ids"][row, :length], num_layers=num_layers)
        x = activate(dense(x, w, "mlm/dense"), "gelu")
        x = norm(x, w, "mlm/layer_norm")
        logits = x @ w["encoder/word_embeddings/embeddings"].T.astype(float)
        logits += w["mlm/output/bias"]
        for position in POSITIONS[row]:
            own = logits[position]
            total = np.log(np.exp(own - own.max()).sum()) + own.max()
            losses.append(total - own[batch["original_ids"][row, position]])
    return np.mean(losses)


def _discriminator_loss(w, batch, sampled, num_layers):
    losses = []
    for row, length in enumerate(LENGTHS):
        ids = batch["original_ids"][row, :length].copy()
        ids[list(POSITIONS[row])] = sampled
        x = encode(w, ids, num_layers=num_layers)
        x = activate(dense(x, w, "rtd/dense"), "gelu")
        logits = dense(x, w, "rtd/prediction")[:, 0]
        replaced = ids != batch["original_ids"][row, :length]
        losses += list(np.log1p(np.exp(np.where(replaced, -logits, logits))))
    return np.mean(losses)


@pytest.mark.parametrize("sampled", [7, MASK, PAD])
def test_loss_equals_a_computation_by_hand(sampled):
    """Whatever is drawn: a [PAD] that was drawn is no padding."""
    config, objective = _objective()
    bias = objective.generator_part.head.output_bias
    bias.assign(tf.one_hot(sampled, 28) * 200)  # nothing else is drawn
    batch = _batch()
    figures = objective.metrics(
        {name: tf.constant(value) for name, value in batch.items()},
        training=False,
        seed=tf.constant([1, 2]),
    )
    layers = config.encoder.num_hidden_layers
    generator = _weights_of_part(objective.generator_part, "generator")
    encoder = _weights_of_part(objective.encoder_part, "encoder")
    want = {
        "generator_loss": _generator_loss(generator, batch, layers),
        "discriminator_loss": _discriminator_loss(
            encoder, batch, sampled, layers
        ),
    }
    got = {name: float(figures[name][0] / figures[name][1]) for name in want}
    assert got == pytest.approx(want, rel=1e-5)
    total = sum(factor * got[name] for name, factor in objective.losses.items())
    assert total == pytest.approx(
        want["generator_loss"] + 50 * want["discriminator_loss"], rel=1e-5
    )

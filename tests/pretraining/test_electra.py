"""ELECTRA's parts: what is shared, what is replaced."""

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.config import Objective, PretrainingConfig, generator_config
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.errors import ConfigError
from biaffine_tf.pretraining.electra import put_samples
from biaffine_tf.pretraining.objectives import make_objective


def inputs(ids) -> dict[str, tf.Tensor]:
    ids = tf.constant(ids)
    return {
        "input_word_ids": ids,
        "input_mask": tf.ones_like(ids),
        "input_type_ids": tf.zeros_like(ids),
    }


def test_generator_stands_on_the_discriminators_embeddings():
    config = tiny.encoder_config()
    discriminator = build_encoder(config)
    discriminator(inputs([[1, 2]]))
    small = generator_config(config, 0.5)
    generator = build_encoder(small, embeddings=discriminator.embeddings)
    before = generator(inputs([[6, 7, 8]]))["sequence_output"]
    assert before.shape == (1, 3, config.hidden_size // 2)
    shared = {v.ref() for v in discriminator.trainable_variables} & {
        v.ref() for v in generator.trainable_variables
    }
    assert len(shared) == 5  # three tables, gain and bias of their norm

    table = discriminator._embedding_layer.embeddings
    table.assign(table + 1.5 * tf.random.normal(table.shape, seed=1))

    after = generator(inputs([[6, 7, 8]]))["sequence_output"]
    assert np.abs(after - before).max() > 0.01


def test_both_encoders_get_the_settings_of_the_run():
    run = PretrainingConfig(
        encoder=tiny.encoder_config(),
        objective=Objective.ELECTRA,
        generator_size=0.5,
        gradient_checkpointing=True,
        xla=True,
    )
    made = make_objective(run, pad_id=0)
    for part in (made.encoder_part, made.generator_part):
        assert part.encoder.gradient_checkpointing
        assert part.encoder.xla


@pytest.mark.parametrize("size", [0.01, 0.45])
def test_generator_has_whole_heads(size):
    config = tiny.encoder_config(num_attention_heads=4)
    with pytest.raises(ConfigError, match="--generator_size"):
        generator_config(config, size)


def test_samples_go_where_the_masks_are_and_nowhere_else():
    rng = np.random.default_rng(3)
    original = rng.integers(5, 30, size=(20, 9)).astype(np.int32)
    positions = np.zeros((20, 4), np.int32)
    masked = np.zeros((20, 4), bool)
    samples = rng.integers(5, 30, size=(20, 4)).astype(np.int32)
    want = original.copy()
    for row in range(20):
        count = rng.integers(0, 5)
        # Position 0 too, where the padding of the positions points.
        chosen = np.sort(rng.choice(9, size=count, replace=False))
        positions[row, :count] = chosen
        masked[row, :count] = True
        want[row, chosen] = samples[row, :count]

    got = put_samples(*map(tf.constant, (original, positions, masked, samples)))

    np.testing.assert_array_equal(got, want)

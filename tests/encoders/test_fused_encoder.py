"""The fused encoder against the original, and what its graph holds."""

import collections
import re

import numpy as np
import pytest
import tensorflow as tf
import tiny
from official.nlp.modeling.networks.bert_encoder import BertEncoderV2

from biaffine_tf.encoders.encoder import build_encoder

LAYERS = 3


def _encoder(options=None, **changes):
    config = tiny.encoder_config(num_hidden_layers=LAYERS, **changes)
    encoder = build_encoder(config, **(options or {}))
    encoder(_inputs(), training=False)
    rng = np.random.default_rng(1)
    for weight in encoder.trainable_variables:
        weight.assign(rng.normal(size=weight.shape) * 0.3)
    return encoder


def _inputs():
    ids = np.random.default_rng(0).integers(5, 25, size=(3, 9))
    mask = np.ones_like(ids)
    mask[1, 5:] = mask[2, 1:] = 0
    return {
        "input_word_ids": tf.constant(ids, tf.int32),
        "input_mask": tf.constant(mask, tf.int32),
        "input_type_ids": tf.constant(ids % 2, tf.int32),
    }


def _value_and_gradients(encoder, run):
    with tf.GradientTape() as tape:
        value = tf.cast(run()["sequence_output"], tf.float32)
        loss = tf.reduce_sum(value * tf.sin(tf.range(16.0)))
    gradients = tape.gradient(loss, encoder.trainable_variables)
    return value, [tf.convert_to_tensor(g).numpy() for g in gradients]


def _assert_close(got, want, *, rtol):
    scale = max(np.abs(gradient).max() for gradient in want[1])
    np.testing.assert_allclose(got[0], want[0], atol=rtol * 10)
    for one, other in zip(got[1], want[1], strict=True):
        np.testing.assert_allclose(one, other, atol=rtol * scale)


@pytest.mark.slow
@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_act": "gelu", "layer_norm_eps": 1e-3},
        {"hidden_act": "gelu_new"},
        {"hidden_act": "relu"},
        {"embedding_size": 8},
        # Widened while it is trained.
        {"intermediate_size": 512, "hidden_act": "gelu_new"},
        {"intermediate_size": 512, "hidden_act": "relu"},
    ],
    ids=str,
)
def test_equals_the_original_in_value_and_gradient(changes):
    encoder = _encoder(**changes)
    inputs = _inputs()
    want = _value_and_gradients(
        encoder, lambda: BertEncoderV2.call(encoder, inputs)
    )
    got = _value_and_gradients(encoder, lambda: encoder(inputs, training=False))
    _assert_close(got, want, rtol=1e-5)
    # Without dropout, training computes the same in its own way.
    calm = _encoder(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0, **changes
    )
    got = _value_and_gradients(calm, lambda: calm(inputs, training=True))
    _assert_close(got, want, rtol=1e-5)


def test_shared_layers_are_layers_with_equal_weights():
    shared = _encoder(num_hidden_groups=1)
    apart = _encoder()
    by_name = {weight.name: weight for weight in shared.trainable_variables}
    for weight in apart.trainable_variables:
        name = re.sub(r"layer_\d+", "layer_0", weight.name)
        weight.assign(by_name[name])
    want = apart(_inputs())["sequence_output"]
    got = shared(_inputs())["sequence_output"]
    np.testing.assert_allclose(got, want, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_wanted_positions_are_those_of_the_whole(training):
    encoder = _encoder(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    positions = tf.constant([[8, 0], [1, 3], [0, 0]])

    def whole():
        vectors = encoder(_inputs(), training=training)["sequence_output"]
        return {"sequence_output": tf.gather(vectors, positions, batch_dims=1)}

    want = _value_and_gradients(encoder, whole)
    got = _value_and_gradients(
        encoder,
        lambda: encoder(_inputs(), training=training, positions=positions),
    )
    assert got[0].shape == (3, 2, 16)
    _assert_close(got, want, rtol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(
    "way",
    [
        "gradient_checkpointing",
        pytest.param("xla", marks=pytest.mark.slow),  # compiles for seconds
    ],
)
def test_other_ways_give_the_same_with_the_same_masks(way):
    results = []
    for setting in (False, True):
        encoder = _encoder({way: setting})
        encoder._generator.reset_from_seed(7)
        run = tf.function(_value_and_gradients_in_graph, autograph=False)
        value, gradients = run(encoder)
        results.append((value, [g.numpy() for g in gradients]))
    _assert_close(results[1], results[0], rtol=1e-5)


def _value_and_gradients_in_graph(encoder):
    with tf.GradientTape() as tape:
        value = encoder(_inputs(), training=True)["sequence_output"]
        loss = tf.reduce_sum(value * tf.sin(tf.range(16.0)))
    gradients = tape.gradient(loss, encoder.trainable_variables)
    return value, [tf.convert_to_tensor(gradient) for gradient in gradients]


def test_dropout_is_on_in_training_only_and_never_the_same():
    encoder = _encoder()
    outputs = [
        encoder(_inputs(), training=training)["sequence_output"].numpy()
        for training in (False, False, True, True)
    ]
    np.testing.assert_array_equal(outputs[0], outputs[1])
    assert np.abs(outputs[0] - outputs[2]).max() > 0.1
    assert np.abs(outputs[2] - outputs[3]).max() > 0.1


def test_the_state_of_its_masks_is_in_checkpoints(tmp_path):
    encoder = _encoder()
    path = tf.train.Checkpoint(encoder=encoder).write(str(tmp_path / "state"))
    once = encoder(_inputs(), training=True)["sequence_output"]
    other = _encoder()
    other(_inputs(), training=True)
    tf.train.Checkpoint(encoder=other).read(path).assert_consumed()
    again = other(_inputs(), training=True)["sequence_output"]
    np.testing.assert_array_equal(once, again)


def _operations(function, *arguments):
    """Operations of a traced function: how many of each, and their outputs."""
    graph = function.get_concrete_function(*arguments).graph
    operations = graph.get_operations()
    counts = collections.Counter(operation.type for operation in operations)
    outputs = [x for operation in operations for x in operation.outputs]
    return counts, outputs


@pytest.mark.slow
def test_what_a_training_step_of_it_is_made_of():
    """Counted, so that a needless pass or product does not come unnoticed."""
    encoder = _encoder()
    step = tf.function(
        lambda: _value_and_gradients_in_graph(encoder), autograph=False
    )
    counts, outputs = _operations(step)
    # QKV, output and two of the feed-forward: forward, to x and to the kernel.
    assert counts["MatMul"] == LAYERS * 4 * 3
    # Scores and mixture: forward and both gradients of each.
    assert counts["BatchMatMulV2"] == LAYERS * 2 * 3
    assert counts["Einsum"] == 0
    assert counts["Transpose"] <= LAYERS * 6
    assert counts["Erf"] == counts["Softmax"] == LAYERS
    # The step's seed; a key and a mask for the embeddings and thrice a block.
    draws = counts["StatelessRandomUniformFullIntV2"]
    assert draws == 1 + 2 * (1 + 3 * LAYERS)
    assert tf.float64 not in {x.dtype for x in outputs}


def test_narrow_blocks_are_widened_in_training_alone():
    """Products with rows of a multiple of 2 KiB are slow, see the encoder."""
    for size, widened in ((512, 528), (480, 480)):
        encoder = _encoder(intermediate_size=size)
        for training, wanted in ((True, widened), (False, size)):
            run = tf.function(
                lambda training=training, encoder=encoder: encoder(
                    _inputs(), training=training
                ),
                autograph=False,
            )
            _, outputs = _operations(run)
            widths = {x.shape[-1] for x in outputs if x.shape.rank == 2}
            assert wanted in widths
            assert max(w for w in widths if w) == wanted


def test_prediction_joins_no_weights():
    encoder = _encoder()
    counts, _ = _operations(
        tf.function(lambda: encoder(_inputs(), training=False), autograph=False)
    )
    assert counts["MatMul"] == LAYERS * 6
    assert counts["ConcatV2"] == counts["StatelessRandomUniformFullIntV2"] == 0

"""tf-models-official's TF2 checkpoints, as its own models write them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from checkpoint_samples import (
    CONFIGS,
    assert_same,
    batch,
    built_encoder,
    random_tensors,
    vectors,
    write_config,
)
from official.modeling import tf_utils
from official.nlp.modeling.models import BertPretrainerV2
from official.nlp.modeling.networks import (
    AlbertEncoder,
    BertEncoder,
    BertEncoderV2,
)

from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import Format, names
from biaffine_tf.errors import ConfigError

pytestmark = pytest.mark.slow


def _official(kind, config, **options):
    """One of their encoders with random weights, built."""
    encoder = kind(
        vocab_size=config.vocab_size,
        hidden_size=config.hidden_size,
        num_layers=config.num_hidden_layers,
        num_attention_heads=config.num_attention_heads,
        intermediate_size=config.intermediate_size,
        max_sequence_length=config.max_position_embeddings,
        type_vocab_size=config.type_vocab_size,
        embedding_width=config.embedding_width,
        activation=tf_utils.get_activation(config.hidden_act),
        dict_outputs=True,
        **options,
    )
    _encode(encoder, batch(config.vocab_size))
    rng = np.random.default_rng(3)
    for weight in encoder.weights:
        weight.assign(rng.normal(0, 0.3, weight.shape))
    return encoder


def _encode(encoder, inputs):
    feed = {f"input_{k}": tf.constant(v, tf.int32) for k, v in inputs.items()}
    return encoder(feed)["sequence_output"].numpy()


@pytest.mark.parametrize(
    ("family", "kind", "item"),
    [
        ("bert", BertEncoder, "encoder"),
        ("bert", BertEncoderV2, "model"),
        ("electra", BertEncoder, "model"),
        ("electra", BertEncoderV2, "encoder"),
    ],
)
def test_an_encoder_computes_the_same(tmp_path, family, kind, item):
    config = CONFIGS[family]
    theirs = _official(kind, config)
    tf.train.Checkpoint(**{item: theirs}).save(str(tmp_path / "m.ckpt"))
    write_config(tmp_path / "bert_config.json", config)
    source = checkpoints.open_source(str(tmp_path))
    assert source.format == Format.OFFICIAL
    assert source.config.hidden_act == "gelu_new"
    ours = built_encoder(source.config)
    report = checkpoints.load(
        source, checkpoints.encoder_variables(ours), config=source.config
    )
    assert set(report.loaded) == names.encoder_shapes(config).keys()
    assert not report.missing
    assert all("pooler" in n or "save_counter" in n for n in report.unused)
    inputs = batch(config.vocab_size)
    real = inputs["mask"] > 0
    np.testing.assert_allclose(
        vectors(ours, inputs).numpy()[real],
        _encode(theirs, inputs)[real],
        atol=1e-5,
    )


def test_albert_s_one_layer_has_no_number(tmp_path):
    config = dataclasses.replace(CONFIGS["albert"], hidden_act="gelu")
    theirs = _official(AlbertEncoder, config)
    path = tf.train.Checkpoint(model=theirs).save(str(tmp_path / "a"))
    read = checkpoints.open_source(path).read()
    shapes = {name: value.shape for name, value in read.items()}
    assert shapes == names.encoder_shapes(config)


def _pretrainer(config):
    model = BertPretrainerV2(
        _official(BertEncoderV2, config), mlm_activation="gelu"
    )
    model(
        {
            "input_word_ids": tf.ones([1, 4], tf.int32),
            "input_mask": tf.ones([1, 4], tf.int32),
            "input_type_ids": tf.zeros([1, 4], tf.int32),
            "masked_lm_positions": tf.zeros([1, 1], tf.int32),
        }
    )
    return model


@pytest.mark.parametrize(
    "optimizer",
    [tf_keras.optimizers.Adam, tf_keras.optimizers.legacy.Adam],
)
def test_a_pretrainer_with_its_optimizer(tmp_path, optimizer):
    config = CONFIGS["bert"]
    model, optimizer = _pretrainer(config), optimizer()
    trained = model.trainable_variables
    optimizer.apply_gradients([(tf.ones_like(v), v) for v in trained])
    tensors = random_tensors(
        names.encoder_shapes(config) | names.mlm_shapes(config)
    )
    head = {
        "mlm/dense/kernel": model.masked_lm.dense.kernel,
        "mlm/dense/bias": model.masked_lm.dense.bias,
        "mlm/layer_norm/gamma": model.masked_lm.layer_norm.gamma,
        "mlm/layer_norm/beta": model.masked_lm.layer_norm.beta,
        "mlm/output_bias": model.masked_lm.bias,
    }
    encoder = checkpoints.encoder_variables(model.encoder_network)
    for name, variable in (encoder | head).items():
        variable.assign(tensors[name].reshape(variable.shape))
    path = tf.train.Checkpoint(model=model, optimizer=optimizer).save(
        str(tmp_path / "c")
    )
    source = checkpoints.open_source(path)
    assert_same(source.read(), {n: tensors[n] for n in source.shapes})
    assert source.shapes.keys() == tensors.keys()
    states = [n for n in source.unused if names.is_optimizer_state(n)]
    assert len(states) >= 2 * len(trained)


def test_two_encoders_are_not_guessed_at(tmp_path):
    one, other = (_official(BertEncoder, CONFIGS["bert"]) for _ in range(2))
    path = tf.train.Checkpoint(a=one, b=other).save(str(tmp_path / "c"))
    with pytest.raises(ConfigError, match=r"two tensors map to .*: a/.* b/"):
        checkpoints.open_source(path).read()

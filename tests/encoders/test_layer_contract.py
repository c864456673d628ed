"""Every layer, model, optimizer and schedule of ours, as Keras wants them.

After Sonnet's conformance tests: weights are filled with ranges, so that a
transposed or swapped one shows.
"""

import importlib
import inspect
import json
import pkgutil
import re

import numpy as np
import pytest
import tensorflow as tf
import tf_keras
import tiny

import biaffine_tf
from biaffine_tf.config import LayerMix, Position
from biaffine_tf.encoders.bilstm import BilstmEncoder
from biaffine_tf.encoders.encoder import build_encoder
from biaffine_tf.encoders.fused_encoder import (
    FusedBertEncoder,
    approximate_gelu,
    policy_scope,
)
from biaffine_tf.encoders.lstm import BiLstm, Lstm
from biaffine_tf.encoders.neck import Neck
from biaffine_tf.heads.biaffine import Biaffine
from biaffine_tf.heads.biaffine.head import BiaffineHead
from biaffine_tf.heads.cnn.layer import CnnHead
from biaffine_tf.heads.global_pointer.base import PointerHead
from biaffine_tf.heads.global_pointer.efficient import EfficientGlobalPointer
from biaffine_tf.heads.global_pointer.layer import GlobalPointer
from biaffine_tf.heads.layer import FlatDense, HeadLayer
from biaffine_tf.heads.pairs.activations import leaky_relu
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.heads.tagger.head import CrfTagger, SoftmaxTagger
from biaffine_tf.pretraining.electra import ReplacedTokenDetection
from biaffine_tf.pretraining.masked_lm import MaskedLM
from biaffine_tf.training.optimizer import AdamW, WarmupLinearDecay

RNG = np.random.default_rng(0)
VECTORS = RNG.normal(size=(2, 6, 8)).astype(np.float32)
IDS = RNG.integers(5, 20, size=(2, 6)).astype(np.int32)
MASK = np.int32([[1] * 6, [1] * 4 + [0] * 2])

# Class, arguments that are not the default, and inputs.
LAYERS = {
    "dense": (
        FlatDense,
        {"units": 5, "activation": "tanh", "use_bias": False},
        [VECTORS],
    ),
    "biaffine": (
        Biaffine,
        {
            "num_classes": 3,
            "projection_size": 5,
            "dropout": 0.3,
            "use_start_bias": False,
            "use_end_bias": False,
            "activation": "tanh",
            "max_span_width": None,
            "use_rotary": False,
            "use_width": True,
            "kernel_initializer": "he_normal",
            "bilinear_initializer": "orthogonal",
        },
        [VECTORS],
    ),
    "head": (
        BiaffineHead,
        {
            "num_classes": 3,
            "activation": leaky_relu,
            "max_span_width": 4,
            "multi_label": True,
            "use_rotary": True,
        },
        [VECTORS],
    ),
    "global_pointer": (
        GlobalPointer,
        {
            "num_classes": 3,
            "pointer_size": 4,
            "dropout": 0.3,
            "max_span_width": 4,
            "use_width": True,
            "multi_label": False,
            "kernel_initializer": "he_normal",
        },
        [VECTORS],
    ),
    "efficient_global_pointer": (
        EfficientGlobalPointer,
        {
            "num_classes": 3,
            "pointer_size": 4,
            "dropout": 0.3,
            "max_span_width": 4,
            "use_width": False,
            "multi_label": False,
            "kernel_initializer": "he_normal",
        },
        [VECTORS],
    ),
    "cnn": (
        CnnHead,
        {
            "num_classes": 3,
            "projection_size": 4,
            "channels": 6,
            "depth": 2,
            "dropout": 0.3,
            "activation": "tanh",
            "max_span_width": 4,
            "multi_label": False,
            "kernel_initializer": "he_normal",
        },
        [VECTORS],
    ),
    "softmax": (
        SoftmaxTagger,
        {
            "num_classes": 3,
            "scheme": "bio",
            "dropout": 0.3,
            "max_span_width": 4,
            "kernel_initializer": "he_normal",
        },
        [VECTORS],
    ),
    "crf": (
        CrfTagger,
        {
            "num_classes": 3,
            "scheme": "bioes",
            "dropout": 0.3,
            "max_span_width": None,
            "kernel_initializer": "he_normal",
        },
        [VECTORS],
    ),
    "encoder": (
        FusedBertEncoder,
        {
            "vocab_size": 20,
            "hidden_size": 8,
            "num_layers": 1,
            "num_attention_heads": 2,
            "max_sequence_length": 7,
            "type_vocab_size": 2,
            "inner_dim": 12,
            "inner_activation": approximate_gelu,
            "output_dropout": 0.2,
            "attention_dropout": 0.3,
            "initializer": tf_keras.initializers.TruncatedNormal(stddev=0.3),
            "embedding_width": 4,
            "repeats": 2,
            "norm_epsilon": 1e-3,
            "gradient_checkpointing": True,
            "xla": True,
            "embedding_dropout": 0.2,
        },
        [
            {
                "input_word_ids": IDS,
                "input_mask": MASK,
                "input_type_ids": IDS % 2,
            }
        ],
    ),
    "bilstm_encoder": (
        BilstmEncoder,
        {
            "vocab_size": 20,
            "embedding_size": 5,
            "bigram_size": 3,
            "num_bigram_rows": 31,
            "pair_factor": 19,
            "ngram_size": 2,
            "num_ngram_rows": 41,
            "ngram_factor": 25,
            "hidden_size": 8,
            "num_layers": 2,
            "token_dropout": 0.1,
            "ngram_dropout": 0.4,
            "input_dropout": 0.2,
            "hidden_dropout": 0.3,
            "norm_epsilon": 1e-3,
            "initializer": tf_keras.initializers.Constant(0.3),
        },
        [{"input_word_ids": IDS, "input_mask": MASK}],
    ),
    "lstm": (
        Lstm,
        {
            "units": 3,
            "initializer": tf_keras.initializers.Constant(0.3),
        },
        [VECTORS],
    ),
    "mlm": (
        MaskedLM,
        {
            "vocab_size": 9,
            "embedding_width": 4,
            "hidden_act": "gelu_new",
            "initializer_range": 0.3,
            "layer_norm_eps": 1e-3,
        },
        [VECTORS[0], RNG.normal(size=(9, 4)).astype(np.float32)],
    ),
    "rtd": (
        ReplacedTokenDetection,
        {"hidden_act": "relu", "initializer_range": 0.3},
        [VECTORS],
    ),
    "neck": (
        Neck,
        {
            "layer_mix": LayerMix.LEARNED,
            "lstm_size": 3,
            "spatial_dropout": 0.2,
            "initializer": "he_normal",
        },
        [[VECTORS, VECTORS[::-1], 2 * VECTORS], MASK.sum(axis=1)],
    ),
    "bilstm": (
        BiLstm,
        {"units": 3, "initializer": "he_normal"},
        [VECTORS.transpose(1, 0, 2), MASK.sum(axis=1)],
    ),
    "model": (
        SpanModel,
        {
            "config": tiny.model_config(
                position=Position.JOINED,
                max_span_width=3,
                layer_mix=LayerMix.LEARNED,
                spatial_dropout=0.1,
                embedding_dropout=0.1,
                encoder={"hidden_size": 8, "num_hidden_layers": 1},
            ),
            "num_classes": 3,
            "pad_id": 1,
            "random_weights": False,
            "gradient_checkpointing": True,
            "xla": True,
        },
        [np.where(MASK, IDS, 1)],
    ),
}
SCHEDULE = {"peak": 0.5, "total_steps": 9, "warmup_steps": 2}
OPTIMIZER = {
    "learning_rate": WarmupLinearDecay(**SCHEDULE),
    "decay": 0.2,
    "factors": {"biaffine": 3.0},
    "beta_1": 0.8,
    "beta_2": 0.99,
    "epsilon": 1e-4,
    "global_clipnorm": 2.0,
}
each_layer = pytest.mark.parametrize("name", LAYERS)


def _made(name: str, **changes) -> tf_keras.layers.Layer:
    """A layer with weights filled with ranges."""
    kind, arguments, inputs = LAYERS[name]
    layer = kind(**arguments, name=f"some_{name}", **changes)
    _output(layer, inputs)
    for weight in layer.weights:
        if weight.dtype.is_floating:
            size = weight.shape.num_elements()
            values = np.linspace(-0.7, 0.9, size).reshape(weight.shape)
            weight.assign(values)
    return layer


def _output(layer, inputs):
    found = layer(*inputs)
    return found["sequence_output"] if isinstance(found, dict) else found


def _values(layer, name: str) -> np.ndarray:
    inputs = tf.nest.map_structure(tf.constant, LAYERS[name][2])
    return tf.cast(_output(layer, inputs), tf.float32).numpy()


def _as_model(layer, name: str) -> tf_keras.Model:
    """The layer, or a functional model of it."""
    if isinstance(layer, tf_keras.Model):
        return layer

    def of_any_length(x):
        shape = [None] * (x.ndim - 1)
        if x.dtype == np.float32:
            shape[-1] = x.shape[-1]
        return tf_keras.Input(shape, dtype=x.dtype)

    inputs = tf.nest.map_structure(of_any_length, LAYERS[name][2])
    outputs = _output(layer, inputs)
    return tf_keras.Model(_one_or_list(inputs), outputs)


def _one_or_list(inputs: list):
    return inputs if len(inputs) > 1 else inputs[0]


def _model_values(model, name: str) -> np.ndarray:
    inputs = tf.nest.map_structure(tf.constant, LAYERS[name][2])
    return model(_one_or_list(inputs)).numpy()


def _from_json(kind, instance):
    """The instance, by way of its registered name and its config."""
    text = json.dumps(kind.serialize(instance))
    return kind.deserialize(json.loads(text))


def test_none_is_left_out():
    for module in pkgutil.walk_packages(biaffine_tf.__path__, "biaffine_tf."):
        # Those are programs, and act when they are imported.
        if not re.search(r"__main__$|\.answering", module.name):
            importlib.import_module(module.name)
    kinds = [
        tf_keras.layers.Layer,
        tf_keras.optimizers.Optimizer,
        tf_keras.optimizers.schedules.LearningRateSchedule,
    ]
    found = set()
    while kinds:
        kind = kinds.pop()
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("biaffine_tf."):
            found.add(kind)
    known = {kind for kind, _, _ in LAYERS.values()}
    bases = {HeadLayer, PointerHead}
    assert found == known | bases | {AdamW, WarmupLinearDecay}


@each_layer
def test_config_gives_an_equal_layer(name):
    layer = _made(name)
    again = _from_json(tf_keras.layers, layer)
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()
    _values(again, name)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(_values(again, name), _values(layer, name))
    if isinstance(layer, SpanModel):  # whose files hold their names
        assert again.saved_weights().keys() == layer.saved_weights().keys()


@pytest.mark.parametrize(
    "name",
    sorted(LAYERS.keys() - {"head", "dense"}),  # with their base's arguments
)
def test_config_holds_every_argument(name):
    kind, arguments, _ = LAYERS[name]
    own = inspect.signature(kind).parameters.keys() - {"kwargs"}
    # Layers that are shared are no part of a config.
    own -= {"name", "dtype", "embeddings"}
    assert own <= arguments.keys()
    config = _made(name).get_config()
    assert config.keys() == arguments.keys() | {"name", "trainable", "dtype"}
    assert config["name"] == f"some_{name}"


@pytest.mark.slow
@each_layer
def test_keras_file_gives_an_equal_layer(name, tmp_path):
    model = _as_model(_made(name), name)
    model.save(tmp_path / "model.keras")
    again = tf_keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(
        _model_values(again, name), _model_values(model, name)
    )


@pytest.mark.slow
@each_layer
def test_saved_model_gives_the_same(name, tmp_path):
    model = _as_model(_made(name), name)
    tf.saved_model.save(model, str(tmp_path))
    again = tf.saved_model.load(str(tmp_path))
    np.testing.assert_allclose(
        _model_values(again, name),
        _model_values(model, name),
        rtol=1e-5,
        atol=1e-5,
    )


@pytest.mark.slow
# XLA has no BlockLSTM; the trainer has it compile encoders of BERT alone.
@pytest.mark.parametrize(
    "name", sorted(LAYERS.keys() - {"lstm", "bilstm", "bilstm_encoder", "neck"})
)
def test_xla_gives_the_same(name):
    layer = _made(name)
    compiled = tf.function(
        lambda *inputs: _output(layer, inputs),
        jit_compile=True,
        autograph=False,
    )
    np.testing.assert_allclose(
        _values(compiled, name), _values(layer, name), rtol=1e-5, atol=1e-5
    )


@each_layer
@pytest.mark.parametrize(
    ("policy", "tolerance"), [("mixed_bfloat16", 0.05), ("mixed_float16", 0.01)]
)
def test_policy_is_of_the_products_and_in_the_config(name, policy, tolerance):
    want = _values(_made(name), name)
    with policy_scope(policy):
        layer = _made(name)
    got = _values(layer, name)
    floats = {w.dtype for w in layer.weights if w.dtype.is_floating}
    assert floats == {tf.float32}
    error = np.abs(got - want).max() / np.abs(want).max()
    assert error <= tolerance
    assert (error > 0) == (layer.compute_dtype != "float32")
    again = _from_json(tf_keras.layers, layer)
    _values(again, name)
    again.set_weights(layer.get_weights())
    np.testing.assert_array_equal(_values(again, name), got)
    if layer.compute_dtype != "float32":
        given = _made(name, dtype=policy)
        np.testing.assert_array_equal(_values(given, name), got)


def _in_training(policy: str = "float32") -> tf_keras.Model:
    model = tf_keras.Sequential(
        [tf_keras.layers.Dense(3, name="biaffine", dtype=policy)]
    )
    model.compile(AdamW(**OPTIMIZER), "mse")
    model.build([None, 8])
    for weight in model.weights:
        size = weight.shape.num_elements()
        weight.assign(np.linspace(-0.7, 0.9, size).reshape(weight.shape))
    return model


def _train(update, model, steps: int = 3) -> list[np.ndarray]:
    """Weights after a few updates by the same gradients."""
    for step in range(steps):
        update(
            [
                tf.sin(tf.reshape(tf.range(24.0) + step, [8, 3])),
                tf.constant([0.3, -0.2, 1.0]),
            ]
        )
    return [weight.numpy() for weight in model.weights]


def _update(model):
    return lambda gradients: model.optimizer.apply_gradients(
        zip(gradients, model.trainable_variables, strict=True)
    )


def test_config_gives_an_equal_optimizer():
    optimizer = AdamW(**OPTIMIZER)
    again = _from_json(tf_keras.optimizers, optimizer)
    assert type(again) is AdamW
    assert again.get_config() == optimizer.get_config()
    assert OPTIMIZER.keys() <= optimizer.get_config().keys()
    schedule = again._learning_rate
    assert type(schedule) is WarmupLinearDecay
    assert schedule.get_config() == SCHEDULE
    one, other = _in_training(), _in_training()
    other.compile(again, "mse")
    for left, right in zip(
        _train(_update(one), one), _train(_update(other), other), strict=True
    ):
        np.testing.assert_array_equal(left, right)


def test_keras_file_continues_with_the_optimizer(tmp_path):
    model = _in_training()
    _train(_update(model), model)
    model.save(tmp_path / "model.keras")
    again = tf_keras.models.load_model(tmp_path / "model.keras")
    for left, right in zip(
        _train(_update(model), model),
        _train(_update(again), again),
        strict=True,
    ):
        np.testing.assert_array_equal(left, right)


@pytest.mark.parametrize("way", ["xla", "saved_model", "mixed_bfloat16"])
def test_optimizer_updates_the_same(way, tmp_path):
    plain = _in_training()
    want = _train(_update(plain), plain)
    model = _in_training(way if way.startswith("mixed") else "float32")
    if way.startswith("mixed"):
        got = _train(_update(model), model)
    else:
        model.optimizer.build(model.trainable_variables)
        module = tf.Module()
        module.weights, module.optimizer = model.weights, model.optimizer
        module.update = tf.function(
            _update(model),
            jit_compile=way == "xla",
            autograph=False,
            input_signature=[[tf.TensorSpec([8, 3]), tf.TensorSpec([3])]],
        )
        if way == "saved_model":
            tf.saved_model.save(module, str(tmp_path))
            module = tf.saved_model.load(str(tmp_path))
        got = _train(module.update, module)
    for left, right in zip(got, want, strict=True):
        np.testing.assert_allclose(left, right, rtol=1e-5, atol=1e-6)


def test_schedule_in_xla_is_the_schedule():
    schedule = WarmupLinearDecay(**SCHEDULE)
    compiled = tf.function(schedule, jit_compile=True, autograph=False)
    for step in range(11):
        np.testing.assert_allclose(
            compiled(tf.constant(step)), schedule(tf.constant(step)), rtol=1e-6
        )


def test_options_of_the_base_class_that_ours_lack_are_refused():
    with pytest.raises(ValueError, match="no norm_first"):
        build_encoder(tiny.encoder_config(), norm_first=True)
    with pytest.raises(ValueError, match="no amsgrad"):
        AdamW(**OPTIMIZER, amsgrad=True)

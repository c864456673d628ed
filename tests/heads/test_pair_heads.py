"""Every head of pairs: learns, is loaded, exported, padded, continued."""

import collections
import dataclasses
import itertools
import types

import numpy as np
import onnxruntime
import pytest
import tensorflow as tf
import tf_keras
import tiny

from biaffine_tf import heads, model_directory
from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    HeadConfig,
    LongText,
    Position,
    TrainingConfig,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.export.export import export
from biaffine_tf.export.onnx_network import build_network
from biaffine_tf.heads.head import SoftCells
from biaffine_tf.heads.pairs.head import PairHead
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.loading import load
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.model_directory import onnx_model
from biaffine_tf.spans import Sentence

# Head, settings of the head and of its loss; together all values of each.
HEADS = {
    "biaffine": ({"position": "rotary"}, {"boundary_smoothing": 0.1}),
    "biaffine_width": (
        {"position": "width", "projection_activation": "leaky_relu"},
        {"loss": "dice"},
    ),
    "biaffine_labels": (
        {"projection_activation": "gelu", "multi_label": True},
        {"loss": "multi_label"},
    ),
    "global_pointer": (
        {"pointer_size": 8, "multi_label": True, "max_span_width": 9},
        {"loss": "multi_label"},
    ),
    "efficient_global_pointer": (
        {"pointer_size": 8, "position": "width"},
        {"loss": "focal", "focal_gamma": 1.0, "class_weights": "sqrt_inverse"},
    ),
    "cnn": (
        {
            "cnn_channels": 8,
            "cnn_depth": 2,
            "multi_label": True,
            "projection_activation": "relu",
        },
        {"loss": "binary", "neg_sample": 0.5, "keep_near_gold": 1},
    ),
}
TEXT = "ab天地 地天。cd,"
IDS = np.int32(
    [[2, 5, 6, 7, 8, 9, 3], [2, 9, 5, 3, 0, 0, 0], [2, 7, 3] + [0] * 4]
)
each_head = pytest.mark.parametrize("name", HEADS)


def _name(name):
    return name if name in heads.HEADS else name.split("_")[0]


def _config(name, **changes):
    head, training = HEADS[name]
    model = tiny.model_config(
        encoder={
            "hidden_dropout_prob": 0.0,
            "attention_probs_dropout_prob": 0.0,
            "num_hidden_layers": 1,
            "hidden_size": 32,
        }
    )
    return ExperimentConfig(
        model=dataclasses.replace(
            model,
            head=HeadConfig(
                name=_name(name), projection_size=8, dropout=0.0, **head
            ),
            long_text=LongText.WINDOW,
        ),
        training=TrainingConfig(
            **{
                "learning_rate": 1e-2,
                "train_batch_size": 8,
                "num_train_epochs": 30,
            }
            | training
            | changes
        ),
        decoding=DecodingConfig(nested=True),
    )


def _rows(spans):
    return [(one.start, one.end, one.label) for one in spans]


def test_every_head_of_pairs_is_among_the_cases():
    of_pairs = {
        name
        for name in heads.HEADS
        if issubclass(heads.head_class(name), PairHead)
    }
    assert {_name(name) for name in HEADS} == of_pairs
    assert {one for head, _ in HEADS.values() for one in head} >= {
        "position",
        "projection_activation",
        "multi_label",
    }


@pytest.mark.slow
@each_head
def test_finds_what_it_has_learnt(name):
    """All gold spans of some random vectors, and no other."""
    tf_keras.utils.set_random_seed(1)
    config = _config(name)
    head = heads.head_class(_name(name)).of(config.model.head, num_classes=4)
    vectors = tf.random.stateless_normal([3, 6, 16], [1, 2])
    counts = tf.constant([6, 4, 5])
    gold = [(0, 0, 2, 1), (0, 4, 4, 2), (1, 0, 3, 3), (1, 1, 2, 1)]
    cells = tf.constant(
        [[[0, 2, 1], [4, 4, 2]], [[0, 3, 3], [1, 2, 1]], [[0, 0, 0]] * 2]
    )
    head(vectors)
    records = types.SimpleNamespace(
        cells={(1, 3): 1, (2, 1): 1, (3, 4): 1, (1, 2): 1},
        scored_lengths={6: 1, 4: 1, 5: 1},
        hidden={},
    )
    head.initialize(records, config.model, config.training)
    weights = head.trainable_weights
    optimizer = tf_keras.optimizers.Adam(0.03)
    optimizer.build(weights)

    @tf.function(autograph=False)
    def step(seed):
        with tf.GradientTape() as tape:
            loss, _ = head.batch_metrics(
                vectors, cells, counts, config.training, seed=seed
            )["loss"]
        optimizer.apply_gradients(
            zip(tape.gradient(loss, weights), weights, strict=True)
        )
        return loss

    losses = [float(step(tf.constant([1, n]))) for n in range(120)]
    assert losses[-1] < losses[0] / 4
    found = head.candidates(vectors, counts, min_margin=tf.constant(0.0))
    rows = zip(*(x.numpy().tolist() for x in found[:4]), strict=True)
    assert [(b, i, j - 1, c) for b, i, j, c in rows] == gold


@pytest.mark.slow
def test_a_saved_model_finds_the_same(tmp_path, answered_in_copies):
    """Several labels a span, nested and in windows, through the gate."""
    config = _config("global_pointer")
    path = str(tmp_path / "model")
    model_directory.write_description(
        path, config, tiny.LABELS, tiny.VOCABULARY
    )
    model = _model("global_pointer")
    model.head.bias.assign([-0.3] * 3)  # fewer spans
    model_directory.save_weights(path, model)
    model_directory.seal(path)
    export(path, str(tmp_path / "saved"))
    long = TEXT * 9
    with Predictor.from_directory(path) as ner:
        own = _rows(ner(long))
        assert len(own) > 20
        ranges = collections.Counter(one[:2] for one in own)
        assert max(ranges.values()) > 1
        (flat,) = ner.predict([Sentence(long)], nested=False)
    assert len(flat.spans) > 9
    assert all(a.end <= b.start for a, b in itertools.pairwise(flat.spans))
    assert _rows(load(tmp_path / "saved", {})(long)) == own


@pytest.mark.slow
@each_head
@pytest.mark.parametrize("force", [False, True])
def test_onnx_gives_the_candidates(name, force):
    """Those of TensorFlow, by onnxruntime; the last text has none."""
    model = _model(name)
    config, ids = model.config, tf.constant(IDS)
    network = build_network(
        {key: one.numpy() for key, one in model.saved_weights().items()},
        config,
        pad_id=0,
        properties={},
    )
    form = heads.onnx_form(
        config.head.name, multi_label=config.head.multi_label
    )
    session = onnxruntime.InferenceSession(network)

    def run(ids, settings):
        return session.run(
            list(form.OUTPUTS), {onnx_model.INPUT: ids, **settings}
        )

    for least in (-0.5, 1e9):  # nothing is above the second
        options = {"min_margin": least, "force_one_entity": force}
        own = _candidates(model, ids, **options)
        other = form.find(run, IDS, **options)
        assert len(own.labels) == len(other.labels)
        assert (
            len(own.labels) > 5 if least < 0 else len(own.labels) == 3 * force
        )
        order = np.lexsort([other.labels, other.ends, other.starts])
        order = order[np.argsort(other.sentences[order], kind="stable")]
        mine = np.lexsort([own.labels, own.ends, own.starts])
        mine = mine[np.argsort(own.sentences[mine], kind="stable")]
        for one, two in zip(own.take(mine), other.take(order), strict=True):
            np.testing.assert_allclose(one, two, atol=2e-4)


def _model(name, *, num_classes=4, seed=0):
    model = SpanModel(_config(name).model, num_classes=num_classes)
    model.build_weights()
    rng = np.random.default_rng(seed)
    for weight in model.saved_weights().values():
        weight.assign(rng.normal(size=weight.shape) * 0.3)
    return model


def _candidates(model, ids, *, min_margin=-0.5, **options):
    counts = tf.reduce_sum(tf.cast(ids > 0, tf.int32), axis=1) - 2
    found = model.head.candidates(
        model.encode(ids, training=False),
        counts,
        min_margin=tf.constant(min_margin),
        **options,
    )
    return found.map(lambda column: column.numpy())


@each_head
def test_padding_and_the_call_agree_with_the_candidates(name):
    model = _model(name)
    ids = tf.constant(IDS)
    found = _candidates(model, ids, every_label=True)
    padded = _candidates(model, tf.pad(ids, [[0, 1], [0, 5]]), every_label=True)
    for one, two in zip(found, padded, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)
    logits = model(ids).numpy()
    want = [
        (b, i, j + 1, c)
        for b, count in enumerate((5, 2, 1))
        for i in range(count)
        for j in range(i, count)
        for c in range(1, 4)
        if logits[b, i, j, c] - logits[b, i, j, 0] > -0.5
    ]
    assert [*zip(*(x.tolist() for x in found[:4]), strict=True)] == want
    assert len(want) > 5
    if model.config.head.multi_label:
        np.testing.assert_array_equal(found.log_odds, found.margins)
        usual = _candidates(model, ids)
        assert len(usual.labels) == len(want)


@each_head
def test_new_labels_are_appended(name):
    old, new = _model(name), _model(name, num_classes=6, seed=1)
    training = _config(name).training
    stored = {k: v.numpy() for k, v in old.saved_weights().items()}
    grown = new.head.with_new_labels(stored, training)
    for key, weight in new.saved_weights().items():
        weight.assign(grown[key])
    ids = tf.constant([[2, 5, 6, 7, 8, 3]])
    np.testing.assert_allclose(new(ids)[..., :4], old(ids), atol=1e-5)
    assert np.isfinite(new(ids)).all()


@each_head
def test_it_learns_from_teachers(name):
    """The loss of its own probabilities is stationary."""
    model = _model(name)
    ids = tf.constant([[2, 5, 6, 7, 8, 3]])
    logits = model(ids).numpy()[0]
    cells = [
        (i, j, c) for i in range(4) for j in range(i, 4) for c in range(1, 4)
    ]
    odds = tf.nn.softmax(logits).numpy()
    if model.config.head.multi_label:
        odds = tf.nn.sigmoid(logits - logits[..., :1]).numpy()
    soft = SoftCells(
        tf.constant([cells]),
        tf.constant([[odds[cell] for cell in cells]]),
        tf.constant([True]),
    )
    norms = {}
    for share in (1.0, 0.0):
        config = dataclasses.replace(
            _config(name).training,
            distil_weight=share,
            distil_temperature=1.0,
            class_weights="none",
        )
        with tf.GradientTape() as tape:
            loss, _ = model.head.batch_metrics(
                model.encode(ids, training=False),
                tf.constant([[[0, 1, 2]]]),
                tf.constant([4]),
                config,
                seed=tf.constant([1, 2]),
                training=False,
                soft=soft,
            )["loss"]
        gradients = tape.gradient(loss, model.head.trainable_weights)
        norms[share] = float(tf.linalg.global_norm(gradients))
    assert norms[0.0] > 0.1
    assert norms[1.0] < 1e-3 * norms[0.0]


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"name": "cnn", "position": "rotary"}, "--position must be one of"),
        ({"name": "global_pointer", "position": "rotary"}, "--position"),
        (
            {"position": Position.ROTARY, "projection_size": 9},
            "--projection_size must be even",
        ),
        ({"pointer_size": 7}, "--pointer_size must be an even number"),
        (
            {"name": "global_pointer", "projection_activation": "relu"},
            "--projection_activation must be none",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(settings, words):
    with pytest.raises(ConfigError, match=words) as found:
        HeadConfig(**settings)
    assert "\n" not in str(found.value)

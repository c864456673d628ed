"""Google's TF1 checkpoints, by the names that the releases have."""

import numpy as np
import pytest
from checkpoint_samples import CONFIGS, assert_same, ranged, write_tf1

from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import Component, Format, names
from biaffine_tf.errors import ConfigError

DENSE, NORM = ("kernel", "bias"), ("gamma", "beta")


def _named(*modules):
    """Theirs and our names, of modules and the weights that each has."""
    return [
        (f"{theirs}/{leaf}", f"{ours}/{leaf}")
        for theirs, ours, leaves in modules
        for leaf in leaves
    ]


def _layer(attention, attention_norm, intermediate, output, output_norm):
    ours = "self_attention"
    return _named(
        (f"{attention}/self/query", f"{ours}/query", DENSE),
        (f"{attention}/self/key", f"{ours}/key", DENSE),
        (f"{attention}/self/value", f"{ours}/value", DENSE),
        (f"{attention}/output/dense", f"{ours}/attention_output", DENSE),
        (attention_norm, "self_attention_layer_norm", NORM),
        (intermediate, "intermediate", DENSE),
        (output, "output", DENSE),
        (output_norm, "output_layer_norm", NORM),
    )


def _mlm(root, bias):
    return [
        *_named(
            (f"{root}/dense", "mlm/dense", DENSE),
            (f"{root}/LayerNorm", "mlm/layer_norm", NORM),
        ),
        (bias, "mlm/output_bias"),
    ]


EMBEDDINGS = [
    ("embeddings/word_embeddings", "word_embeddings/embeddings"),
    ("embeddings/position_embeddings", "position_embedding/embeddings"),
    ("embeddings/token_type_embeddings", "type_embeddings/embeddings"),
    *_named(("embeddings/LayerNorm", "embeddings/layer_norm", NORM)),
]
LAYER = _layer(
    "attention",
    "attention/output/LayerNorm",
    "intermediate/dense",
    "output/dense",
    "output/LayerNorm",
)
ALBERT_LAYER = _layer(
    "attention_1",
    "LayerNorm",
    "ffn_1/intermediate/dense",
    "ffn_1/intermediate/output/dense",
    "LayerNorm_1",
)
BERT_HEAD = _mlm("cls/predictions/transform", "cls/predictions/output_bias")
GENERATOR_HEAD = _mlm(
    "generator_predictions", "generator_predictions/output_bias"
)
DISCRIMINATOR_HEAD = _named(
    ("discriminator_predictions/dense", "rtd/dense", DENSE),
    ("discriminator_predictions/dense_1", "rtd/prediction", DENSE),
)
POOLER = ["bert/pooler/dense/kernel", "bert/pooler/dense/bias"]
SENTENCES = ["cls/seq_relationship/output_weights"]


def _rooted(root, pairs, ours=""):
    return [(root + theirs, ours + name) for theirs, name in pairs]


def _layers(root, pairs, count):
    for i in range(count):
        yield from _rooted(root.format(i), pairs, f"transformer/layer_{i}/")


BERT = [
    *_rooted("bert/", EMBEDDINGS),
    *_layers("bert/encoder/layer_{}/", LAYER, 2),
]
ALBERT = [
    *_rooted("bert/", EMBEDDINGS),
    *_named(
        (
            "bert/encoder/embedding_hidden_mapping_in",
            "embedding_projection",
            DENSE,
        )
    ),
    *_layers(
        "bert/encoder/transformer/group_{}/inner_group_0/", ALBERT_LAYER, 1
    ),
]


def _electra(root, embeddings="electra/"):
    return [
        *_rooted(embeddings, EMBEDDINGS),
        *_named((f"{root}embeddings_project", "embedding_projection", DENSE)),
        *_layers(f"{root}encoder/layer_{{}}/", LAYER, 2),
    ]


def _tensors(config, pairs, start=0):
    """(stored, canonical) tensors, range-filled."""
    shapes = {
        **names.encoder_shapes(config),
        **names.mlm_shapes(config),
        **names.rtd_shapes(config),
    }
    canonical = ranged({ours: shapes[ours] for _, ours in pairs}, start)
    return {theirs: canonical[ours] for theirs, ours in pairs}, canonical


def _state(stored):
    """What an optimizer leaves beside the tensors."""
    slots = {
        f"{name}/{slot}": np.zeros_like(value)
        for name, value in stored.items()
        for slot in ("adam_m", "adam_v")
    }
    return slots | {"global_step": np.int64(7)}


@pytest.mark.parametrize(
    ("family", "pairs", "others", "format"),
    [
        ("bert", BERT, [], Format.GOOGLE_BERT),
        ("bert", BERT + BERT_HEAD, POOLER + SENTENCES, Format.GOOGLE_BERT),
        ("albert", ALBERT, POOLER, Format.GOOGLE_ALBERT),
        ("albert", ALBERT + BERT_HEAD, [], Format.GOOGLE_ALBERT),
        ("electra", _electra("electra/"), [], Format.GOOGLE_ELECTRA),
    ],
)
@pytest.mark.parametrize("with_state", [False, True])
def test_release_names(tmp_path, family, pairs, others, format, with_state):
    stored, canonical = _tensors(CONFIGS[family], pairs)
    state = _state(stored) if with_state else {}
    more = {name: np.zeros([3, 2], np.float32) for name in others}
    prefix = write_tf1(tmp_path / "bert_model.ckpt", stored | more | state)
    source = checkpoints.open_source(prefix)
    assert source.format == format
    assert_same(source.read(), canonical)
    assert set(source.unused) == more.keys() | state.keys()
    assert names.encoder_shapes(CONFIGS[family]).keys() <= canonical.keys()


def _with_keras_norms(name, count, usual):
    """A name in code for TF2, where each norm gets the next number."""
    module, found, leaf = name.partition(f"/{usual}/")
    if not found:
        return name
    number = count.setdefault(f"{module}/{usual}", len(count))
    suffix = f"_{number}" if number else ""
    return f"{module}/layer_normalization{suffix}/{leaf}"


@pytest.mark.parametrize(
    ("family", "pairs"),
    [
        ("bert", BERT + BERT_HEAD),
        ("albert", ALBERT + BERT_HEAD),
        ("electra", _electra("electra/")),
    ],
)
def test_norms_that_keras_named(tmp_path, family, pairs):
    stored, canonical = _tensors(CONFIGS[family], pairs)
    count: dict[str, int] = {}
    for usual in ("LayerNorm", "LayerNorm_1"):
        stored = {
            _with_keras_norms(name, count, usual): value
            for name, value in stored.items()
        }
    assert len(count) >= 3 and not any("LayerNorm" in n for n in stored)
    state = _state(stored)
    prefix = write_tf1(tmp_path / "bert_model.ckpt", stored | state)
    source = checkpoints.open_source(prefix)
    assert_same(source.read(), canonical)
    assert set(source.unused) == state.keys()


GENERATOR = CONFIGS["electra"].from_dict(
    CONFIGS["electra"].to_dict() | {"hidden_size": 8, "intermediate_size": 12}
)


@pytest.mark.parametrize("untied", [False, True])
@pytest.mark.parametrize("component", Component)
def test_electra_holds_two_encoders(tmp_path, component, untied):
    """The generator has its own layers and maybe its own embeddings."""
    discriminator, right = _tensors(
        CONFIGS["electra"], _electra("electra/") + DISCRIMINATOR_HEAD
    )
    root = "generator/" if untied else "electra/"
    pairs = _electra("generator/", root) + GENERATOR_HEAD
    generator, _ = _tensors(GENERATOR, pairs, start=10**6)
    both = generator | discriminator  # tied embeddings: the discriminator's
    prefix = write_tf1(tmp_path / "model.ckpt-5", both)
    source = checkpoints.open_source(prefix, component=component)
    if component is Component.DISCRIMINATOR:
        assert_same(source.read(), right)
        assert set(source.unused) == both.keys() - discriminator.keys()
    else:
        want = {ours: both[theirs] for theirs, ours in pairs}
        assert_same(source.read(), want)
        assert set(source.unused) == both.keys() - dict(pairs).keys()


def test_a_generator_alone_needs_no_asking(tmp_path):
    stored, canonical = _tensors(GENERATOR, _electra("generator/"))
    source = checkpoints.open_source(write_tf1(tmp_path / "g", stored))
    assert_same(source.read(), canonical)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"bert/encoder/layer_0/attention/self/relative_bias": 3},
            "unsupported architecture, with bert/encoder/layer_0/attention/s",
        ),
        (
            {"bert/embeddings/word_embeddings_2": 3},
            "with bert/embeddings/word_embeddings_2",
        ),
    ],
)
def test_foreign_tensors_are_named(tmp_path, changes, message):
    stored, _ = _tensors(CONFIGS["bert"], BERT)
    more = {name: np.zeros(size) for name, size in changes.items()}
    source = checkpoints.open_source(write_tf1(tmp_path / "x", stored | more))
    with pytest.raises(ConfigError, match=message):
        source.read()


def test_a_checkpoint_of_something_else(tmp_path):
    stored = {f"resnet/conv_{i}/kernel": np.zeros(2) for i in range(9)}
    source = checkpoints.open_source(write_tf1(tmp_path / "x", stored))
    with pytest.raises(
        ConfigError, match=r"no encoder.*resnet/conv_0/kernel.* and 6 more"
    ):
        _ = source.shapes


def test_a_cut_off_checkpoint(tmp_path):
    stored, _ = _tensors(CONFIGS["bert"], BERT)
    prefix = write_tf1(tmp_path / "x", stored)
    (tmp_path / "x.data-00000-of-00001").write_bytes(b"0" * 100)
    with pytest.raises(ConfigError, match="not readable as a TensorFlow"):
        checkpoints.open_source(prefix).read()
    (tmp_path / "x.index").write_bytes(b"0" * 10)
    with pytest.raises(ConfigError, match="not readable as a TensorFlow"):
        checkpoints.open_source(prefix).read()

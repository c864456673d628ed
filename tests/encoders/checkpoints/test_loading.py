"""From a source into variables: all or nothing, and said."""

import dataclasses
import json

import numpy as np
import pytest
import tiny
from checkpoint_samples import (
    CONFIGS,
    VOCABULARY,
    assert_same,
    built_encoder,
    huggingface_directory,
    random_tensors,
    write,
    write_config,
    write_tf1,
)
from safetensors.numpy import load_file, save_file

from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.errors import ConfigError
from biaffine_tf.pretraining.electra import ReplacedTokenDetection
from biaffine_tf.pretraining.masked_lm import MaskedLM


def _encoder(config):
    return checkpoints.encoder_variables(built_encoder(config))


def _with_head(config, kind=MaskedLM):
    head = kind.of(config)
    head.build([None, None, config.hidden_size])
    return _encoder(config) | head.canonical_variables()


@pytest.mark.parametrize("family", CONFIGS)
def test_an_encoder_s_variables_have_all_the_canonical_names(family):
    config = CONFIGS[family]
    tensors = checkpoints.tensors_of(_encoder(config))
    shapes = {name: value.shape for name, value in tensors.items()}
    assert shapes == names.encoder_shapes(config)


@pytest.mark.parametrize("family", CONFIGS)
def test_every_tensor_arrives(tmp_path, family):
    config = CONFIGS[family]
    source = checkpoints.open_source(
        str(huggingface_directory(tmp_path, family, "mlm"))
    )
    variables = _with_head(config)
    report = checkpoints.load(source, variables, config=config)
    assert_same(checkpoints.tensors_of(variables), source.read())
    assert set(report.loaded) == variables.keys()
    assert not report.missing and not report.unused and not report.notes


def test_our_model_directories(tmp_path):
    """Kernels there have heads as a dimension of their own."""
    tiny.write_model(tmp_path, model_seed=4)
    source = checkpoints.open_source(str(tmp_path))
    assert source.format == checkpoints.Format.MODEL_DIRECTORY
    variables = _encoder(source.config)
    report = checkpoints.load(source, variables, config=source.config)
    want = checkpoints.encoder_variables(tiny.model(seed=4).encoder)
    assert_same(checkpoints.tensors_of(variables), checkpoints.tensors_of(want))
    assert report.unused and all("biaffine/" in n for n in report.unused)
    assert source.vocabulary == VOCABULARY
    assert (source.tokenizer.do_lower_case, source.tokenizer.kind) == (
        False,
        "char",
    )


def test_a_head_that_the_source_lacks_stays_as_it_was(tmp_path):
    config = CONFIGS["electra"]
    folder = huggingface_directory(tmp_path, "electra", "mlm")
    source = checkpoints.open_source(str(folder))
    variables = _with_head(config, ReplacedTokenDetection)
    before = checkpoints.tensors_of(variables)
    report = checkpoints.load(source, variables, config=config)
    assert set(report.missing) == names.rtd_shapes(config).keys()
    for name in report.missing:
        np.testing.assert_array_equal(variables[name], before[name])
    assert all("generator" in name for name in report.unused)
    assert len(report.unused) == len(names.mlm_shapes(config))


@pytest.mark.parametrize("same", [False, True])
def test_an_output_matrix_of_its_own(tmp_path, same):
    """It is the embeddings once more, or it is said that it is not used."""
    folder = huggingface_directory(tmp_path, "bert", "mlm")
    path = folder / "model.safetensors"
    tensors = load_file(path)
    matrix = tensors["bert.embeddings.word_embeddings.weight"].copy()
    matrix[3, 2] += 0 if same else 1
    tensors["cls.predictions.decoder.weight"] = matrix
    save_file(tensors, path)
    source = checkpoints.open_source(str(folder))
    config = source.config
    report = checkpoints.load(source, _with_head(config), config=config)
    assert ("cls.predictions.decoder.weight" in report.unused) != same
    assert any("decoder.weight differs" in n for n in report.notes) != same
    alone = checkpoints.load(source, _encoder(config), config=config)
    assert "cls.predictions.decoder.weight" in alone.unused
    assert not alone.notes


@pytest.mark.parametrize("wanted", [10, 40, 100])
def test_positions_are_cut_or_repeated(tmp_path, wanted):
    source = checkpoints.open_source(str(huggingface_directory(tmp_path)))
    stored = source.tensor(names.POSITIONS)
    config = dataclasses.replace(source.config, max_position_embeddings=wanted)
    variables = _encoder(config)
    if wanted > 40:
        with pytest.raises(ConfigError, match=r"\[40, 16\], not \[100, 16\]"):
            checkpoints.load(source, variables, config=config)
    report = checkpoints.load(
        source, variables, config=config, extend_positions=True
    )
    want = np.stack([stored[i % 40] for i in range(wanted)])
    np.testing.assert_array_equal(variables[names.POSITIONS], want)
    assert bool(report.notes) == (wanted != 40)


@pytest.mark.parametrize("size", [34, 7])
def test_embeddings_of_another_vocabulary(tmp_path, size):
    folder = huggingface_directory(tmp_path, "bert", "mlm")
    source = checkpoints.open_source(str(folder))
    config = dataclasses.replace(source.config, vocab_size=size)
    variables = _with_head(config)
    before = checkpoints.tensors_of(variables)
    with pytest.raises(
        ConfigError, match=r"vocabulary.*word_embeddings.*\[28, 16\], not \["
    ):
        checkpoints.load(source, variables, config=config)
    assert_same(checkpoints.tensors_of(variables), before)
    report = checkpoints.load(
        source, variables, config=config, replace_embeddings=True
    )
    assert set(report.missing) == {names.WORD_EMBEDDINGS, names.MLM_BIAS}
    after = checkpoints.tensors_of(variables)
    for name in report.missing:
        np.testing.assert_array_equal(after[name], before[name])
    for name in report.loaded:
        np.testing.assert_array_equal(after[name], source.tensor(name))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hidden_size": 32}, r"hidden_size \(16, not 32\)"),
        ({"num_attention_heads": 4}, r"num_attention_heads \(2, not 4\)"),
        ({"hidden_act": "relu"}, r"hidden_act \(gelu, not relu\)"),
        ({"layer_norm_eps": 1e-5}, "layer_norm_eps"),
        ({"num_hidden_layers": 3}, "num_hidden_layers"),
        ({"embedding_size": 8}, r"embedding_size \(16, not 8\)"),
        ({"num_hidden_groups": 1}, r"num_hidden_groups \(2, not 1\)"),
    ],
)
def test_another_shape_is_named_and_nothing_assigned(
    tmp_path, changes, message
):
    source = checkpoints.open_source(str(huggingface_directory(tmp_path)))
    config = dataclasses.replace(source.config, **changes)
    variables = _encoder(config)
    before = checkpoints.tensors_of(variables)
    with pytest.raises(ConfigError, match=message) as caught:
        checkpoints.load(source, variables, config=config)
    assert "bert_config.json" in caught.value.remedy
    assert_same(checkpoints.tensors_of(variables), before)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"intermediate_size": 33},
            r"layer_0/intermediate/kernel is \[16, 32\], not \[16, 33\]",
        ),
        ({"num_hidden_layers": 3}, r"lacks transformer/layer_2/.* and 13 more"),
        ({"num_hidden_layers": 1}, r"has transformer/layer_1/.* and 13 more"),
        ({"embedding_size": 8}, "lacks embedding_projection/kernel"),
        ({"type_vocab_size": 3}, r"type_embeddings/embeddings is \[2, 16\]"),
    ],
)
def test_without_a_config_the_tensors_are_named(tmp_path, changes, message):
    """As of ELECTRA's releases, which come without."""
    folder = huggingface_directory(tmp_path)
    (folder / "config.json").unlink()
    source = checkpoints.open_source(str(folder))
    assert source.config is None
    config = tiny.encoder_config(**changes)
    with pytest.raises(ConfigError, match=message):
        checkpoints.load(source, _encoder(config), config=config)


def _refused(tensors, config, folder):
    """The error of a checkpoint of Google's; its config says nothing."""
    write("tf", folder)
    source = checkpoints.open_source(str(folder))
    stored = {source.stored_name(n): source.tensor(n) for n in source.shapes}
    prefix = write_tf1(folder / "bert_model.ckpt", tensors(stored))
    source = checkpoints.open_source(prefix)
    with pytest.raises(ConfigError) as caught:
        checkpoints.load(source, _encoder(config), config=source.config)
    return caught.value


def test_an_encoder_without_positions_is_no_matter_of_its_config(tmp_path):
    """RoFormer's, whose names are BERT's otherwise."""

    def without(stored):
        return {n: v for n, v in stored.items() if "position_emb" not in n}

    error = _refused(without, tiny.encoder_config(), tmp_path)
    assert "without position embeddings, such as RoFormer" in error.problem
    assert "absolute positions" in error.remedy
    assert "config" not in error.remedy


def test_an_albert_that_projects_to_the_same_width(tmp_path):
    config = tiny.encoder_config(embedding_size=6, num_hidden_groups=1)
    write("huggingface", tmp_path, config)
    path = tmp_path / "model.safetensors"
    stored = {
        name: np.zeros([*value.shape[:-1], 16], np.float32)
        if value.shape[-1:] == (6,)
        else value
        for name, value in load_file(path).items()
    }
    save_file(stored, path)
    values = json.loads((tmp_path / "config.json").read_text())
    values["embedding_size"] = 16
    (tmp_path / "config.json").write_text(json.dumps(values))
    source = checkpoints.open_source(str(tmp_path))
    with pytest.raises(ConfigError, match="projects its embeddings") as caught:
        checkpoints.check(
            source, names.encoder_shapes(source.config), config=source.config
        )
    assert "which are as wide as its layers" in caught.value.problem
    assert "config" not in caught.value.remedy


def test_the_same_encoder_may_be_described_in_other_words(tmp_path):
    """And dropout is for the training to choose."""
    source = checkpoints.open_source(str(huggingface_directory(tmp_path)))
    config = dataclasses.replace(
        source.config,
        embedding_size=16,
        num_hidden_groups=2,
        hidden_dropout_prob=0.5,
        attention_probs_dropout_prob=0.0,
        initializer_range=0.5,
    )
    checkpoints.load(source, _encoder(config), config=config)


def test_a_report_is_short_and_complete(tmp_path):
    config = tiny.encoder_config(num_hidden_layers=12)
    write("tf", tmp_path, config)
    source = checkpoints.open_source(str(tmp_path))
    stored = {source.stored_name(n): source.tensor(n) for n in source.shapes}
    slots = {f"{n}/adam_m": v for n, v in stored.items()}
    more = {"bert/pooler/dense/kernel": np.zeros([16, 16], np.float32)}
    prefix = write_tf1(tmp_path / "bert_model.ckpt", stored | slots | more)
    write_config(tmp_path / "bert_config.json", config)
    source = checkpoints.open_source(prefix)
    config = source.config
    report = checkpoints.load(source, _with_head(config), config=config)
    assert str(report).splitlines() == [
        "loaded 197 tensors: word_embeddings/embeddings, "
        "position_embedding/embeddings, type_embeddings/embeddings, "
        "embeddings/layer_norm/{gamma,beta}, transformer/layer_{0..11}/...",
        "missing, keep their initial values, 5: mlm/dense/{kernel,bias}, "
        "mlm/layer_norm/{gamma,beta}, mlm/output_bias",
        "not used, 198: bert/pooler/dense/kernel, 197 of an optimizer",
        'activation: gelu_new (GELU by tanh); that is what "gelu" in '
        f"{tmp_path}/bert_config.json means in the TensorFlow code of BERT and "
        "ALBERT",
    ]
    assert len(report.unused) == 198


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_an_encoder_that_is_not_finite_is_refused(tmp_path, value):
    """In one line that names the tensor, before anything is assigned."""
    config = CONFIGS["bert"]
    folder = huggingface_directory(tmp_path, "bert", "mlm")
    path = folder / "model.safetensors"
    stored = load_file(path)
    name = "bert.encoder.layer.1.output.dense.weight"
    stored[name][3, 4] = value
    save_file(stored, path)
    source = checkpoints.open_source(str(folder))
    variables = _encoder(config)
    before = checkpoints.tensors_of(variables)
    for use in (
        lambda: checkpoints.load(source, variables, config=config),
        source.read,
    ):
        with pytest.raises(ConfigError, match=f"{name} holds numbers that"):
            use()
    assert_same(checkpoints.tensors_of(variables), before)


@pytest.mark.parametrize("kind", ["huggingface", "tf"])
def test_an_encoder_that_is_not_finite_is_not_written(tmp_path, kind):
    config = CONFIGS["bert"]
    tensors = random_tensors(names.encoder_shapes(config))
    name = list(tensors)[-1]
    tensors[name].flat[-1] = np.nan
    with pytest.raises(ConfigError, match=f"^{name} holds numbers"):
        write(kind, tmp_path / "out", config, tensors)
    assert not (tmp_path / "out").exists()

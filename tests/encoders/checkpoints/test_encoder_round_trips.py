"""Every writable format gives back exactly what was written."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from checkpoint_samples import (
    CONFIGS,
    VOCABULARY,
    assert_same,
    head_shapes,
    random_tensors,
    write,
)

from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import names
from biaffine_tf.errors import ConfigError
from biaffine_tf.tokenization import Vocabulary

CASES = itertools.product(CONFIGS, ("none", "mlm", "rtd"))


def _write(to, folder, config, tensors, vocabulary=VOCABULARY):
    options = {"vocabulary": vocabulary}
    if to == "huggingface":
        options["tokenizer"] = checkpoints.TokenizerSettings(
            kind="wordpiece", do_lower_case=True
        )
    write(to, folder, config, tensors, **options)


def _tensors(config, head="none", seed=0):
    shapes = names.encoder_shapes(config) | head_shapes(config, head)
    return random_tensors(shapes, seed=seed)


@pytest.mark.parametrize("to", ["huggingface", "tf"])
@pytest.mark.parametrize(("family", "head"), CASES)
def test_tensors_config_and_vocabulary(tmp_path, to, family, head):
    config = CONFIGS[family]
    tensors = _tensors(config, head)
    _write(to, tmp_path / "new" / "folder", config, tensors)
    source = checkpoints.open_source(str(tmp_path / "new" / "folder"))
    assert_same(source.read(), tensors)
    assert source.config == config
    assert source.vocabulary == VOCABULARY
    assert not source.unused and not source.tied
    if to == "huggingface":
        assert source.tokenizer.do_lower_case is True
        assert source.tokenizer.kind == "wordpiece"


@pytest.mark.parametrize("to", ["huggingface", "tf"])
@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize(
    "changes",
    [
        {"hidden_act": "gelu", "layer_norm_eps": 1e-3},
        {"hidden_act": "gelu_new", "hidden_dropout_prob": 0.0},
        {"hidden_act": "gelu_pytorch_tanh", "type_vocab_size": 3},
        {"hidden_act": "relu", "initializer_range": 0.5},
    ],
    ids=str,
)
def test_every_setting(tmp_path, to, family, changes):
    config = dataclasses.replace(CONFIGS[family], **changes)
    _write(to, tmp_path, config, _tensors(config))
    if to == "tf" and family != "electra" and "tanh" in config.hidden_act:
        # There it is called gelu: one name of two comes back.
        config = dataclasses.replace(config, hidden_act="gelu_new")
    assert checkpoints.open_source(str(tmp_path)).config == config


def test_several_groups_of_albert(tmp_path):
    config = dataclasses.replace(
        CONFIGS["albert"], num_hidden_layers=6, num_hidden_groups=3
    )
    for to in ("huggingface", "tf"):
        tensors = _tensors(config)
        _write(to, tmp_path / to, config, tensors)
        source = checkpoints.open_source(str(tmp_path / to))
        assert source.config == config
        assert_same(source.read(), tensors)


def test_what_nobody_knows_is_not_made_up(tmp_path):
    write("huggingface", tmp_path, tokenizer=checkpoints.TokenizerSettings())
    source = checkpoints.open_source(str(tmp_path))
    assert (
        source.tokenizer.do_lower_case is None and source.tokenizer.kind is None
    )


def test_the_fingerprint_is_of_the_content(tmp_path):
    config = CONFIGS["bert"]
    prints = []
    for to in ("huggingface", "tf"):
        for number, seed in enumerate([1, 1, 2]):
            folder = tmp_path / f"{to}{number}"
            _write(to, folder, config, _tensors(config, seed=seed))
            source = checkpoints.open_source(str(folder))
            prints.append(source.fingerprint)
    assert prints[0] == prints[1] and prints[3] == prints[4]
    assert len(set(prints)) == 4


@pytest.mark.parametrize("to", ["huggingface", "tf"])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda t: t.pop(names.POSITIONS), "position_embedding/.* missing"),
        (
            lambda t: t.update({names.POSITIONS: np.zeros([3, 16])}),
            r"position_embedding/embeddings \[3, 16\], not \[40, 16\]",
        ),
        (lambda t: t.update(x=np.zeros(3)), r"x \[3\], not known"),
        (
            lambda t: t.update({names.MLM_BIAS: np.zeros(28)}),
            "mlm/dense/kernel missing.* and 1 more",
        ),
        (
            lambda t: t.update(
                random_tensors(
                    names.rtd_shapes(CONFIGS["bert"])
                    | names.mlm_shapes(CONFIGS["bert"])
                )
            ),
            "two heads",
        ),
    ],
)
def test_nothing_is_written_that_does_not_fit(tmp_path, to, spoil, message):
    tensors = _tensors(CONFIGS["bert"])
    spoil(tensors)
    with pytest.raises(ConfigError, match=message):
        _write(to, tmp_path / "new", CONFIGS["bert"], tensors)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("to", ["huggingface", "tf"])
def test_the_vocabulary_must_be_the_encoder_s(tmp_path, to):
    config = CONFIGS["bert"]
    short = Vocabulary(VOCABULARY.tokens[:-1])
    with pytest.raises(ConfigError, match="of 27 tokens, not 28"):
        _write(to, tmp_path, config, _tensors(config), short)


def test_an_albert_that_hugging_face_lacks(tmp_path):
    config = dataclasses.replace(CONFIGS["bert"], num_hidden_groups=1)
    tensors = _tensors(config)
    with pytest.raises(ConfigError, match="always projects"):
        _write("huggingface", tmp_path / "new", config, tensors)
    _write("tf", tmp_path, config, tensors)
    assert_same(checkpoints.open_source(str(tmp_path)).read(), tensors)


def test_files_are_where_others_look(tmp_path):
    config = CONFIGS["electra"]
    _write("tf", tmp_path / "tf", config, _tensors(config))
    assert {path.name for path in (tmp_path / "tf").iterdir()} == {
        "bert_model.ckpt.index",
        "bert_model.ckpt.data-00000-of-00001",
        "bert_config.json",
        "vocab.txt",
    }
    _write("huggingface", tmp_path / "hf", config, _tensors(config))
    assert {path.name for path in (tmp_path / "hf").iterdir()} == {
        "config.json",
        "model.safetensors",
        "tokenizer_config.json",
        "vocab.txt",
    }
    settings = json.loads((tmp_path / "hf" / "config.json").read_text())
    assert settings["model_type"] == "electra"

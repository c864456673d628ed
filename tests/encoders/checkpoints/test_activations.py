"""GELU has two meanings, by who wrote the weights: both are kept apart."""

import dataclasses
import json

import numpy as np
import pytest
import tiny
from checkpoint_samples import (
    CONFIGS,
    VOCABULARY,
    built_encoder,
    huggingface_directory,
    vectors,
    write,
    write_config,
)
from numpy_bert import encode

from biaffine_tf.commands.convert import main
from biaffine_tf.encoders import checkpoints
from biaffine_tf.encoders.checkpoints import choose_initialization

TANH = ("gelu_new", "gelu_pytorch_tanh")


def _google(folder, family="bert", **changes):
    """A release: its config has no model_type unless it is given."""
    write("tf", folder, CONFIGS[family])
    path = folder / "bert_config.json"
    values = json.loads(path.read_text())
    values.pop("model_type", None)
    values = values | {"hidden_act": "gelu"} | changes
    path.write_text(
        json.dumps({k: v for k, v in values.items() if v is not None})
    )
    return folder


@pytest.mark.parametrize(
    ("family", "changes", "want"),
    [
        ("bert", {}, "gelu_new"),
        ("bert", {"hidden_act": None}, "gelu_new"),
        ("bert", {"hidden_act": "relu"}, "relu"),
        ("bert", {"hidden_act": "gelu_new"}, "gelu_new"),
        # Written by biaffine_tf so far, or taken from Hugging Face.
        ("bert", {"model_type": "bert"}, "gelu"),
        ("electra", {}, "gelu"),
        ("electra", {"model_type": "electra"}, "gelu"),
        ("albert", {}, "gelu_new"),
        ("albert", {"model_type": "albert"}, "gelu"),
    ],
)
def test_meaning_in_google_s_checkpoints(tmp_path, family, changes, want):
    """As in modeling.py of google-research/bert, /electra and /albert."""
    folder = _google(tmp_path, family, **changes)
    source = checkpoints.open_source(str(folder))
    assert source.config.hidden_act == want
    assert (
        choose_initialization(encoder_dir=str(folder)).config.hidden_act == want
    )


@pytest.mark.parametrize("component", checkpoints.Component)
def test_both_parts_of_google_s_electra_are_exact(tmp_path, component):
    folder = _google(tmp_path, "electra")
    source = checkpoints.open_source(str(folder), component=component)
    assert source.config.hidden_act == "gelu"


@pytest.mark.parametrize("model_type", ["bert", None])
def test_meaning_in_hugging_face_s_files(tmp_path, model_type):
    """Also of those that were written before there was a model_type."""
    folder = huggingface_directory(tmp_path)
    path = folder / "config.json"
    values = json.loads(path.read_text()) | {"model_type": model_type}
    path.write_text(
        json.dumps({k: v for k, v in values.items() if v is not None})
    )
    assert checkpoints.open_source(str(folder)).config.hidden_act == "gelu"


def test_meaning_in_model_directories(tmp_path):
    tiny.write_model(tmp_path)
    assert checkpoints.open_source(str(tmp_path)).config.hidden_act == "gelu"


def test_meaning_where_config_and_weights_are_apart(tmp_path):
    """The weights decide: without any, it is exact."""
    config = CONFIGS["bert"]
    shape = write_config(tmp_path / "c.json", config)
    vocabulary = tiny.write_vocabulary(tmp_path / "v.txt")
    parts = {"bert_config_file": shape, "vocab_file": vocabulary}
    assert choose_initialization(**parts).config.hidden_act == "gelu"
    google = str(_google(tmp_path / "google") / "bert_model.ckpt")
    (tmp_path / "google" / "bert_config.json").unlink()
    start = choose_initialization(**parts, init_checkpoint=google)
    assert start.config.hidden_act == "gelu_new"
    bare = tmp_path / "bare"
    bare.mkdir()
    write_config(bare / "bert_config.json", config)
    VOCABULARY.save(bare / "vocab.txt")
    start = choose_initialization(encoder_dir=str(bare), init_checkpoint=google)
    assert start.config.hidden_act == "gelu_new"
    other = huggingface_directory(tmp_path / "hf")
    (other / "config.json").unlink()
    start = choose_initialization(
        encoder_dir=str(bare), init_checkpoint=str(other)
    )
    assert start.config.hidden_act == "gelu"


def _ours(source):
    """Vectors of one sentence, and the weights that they are computed with."""
    encoder = built_encoder(source.config)
    report = checkpoints.load(
        source, checkpoints.encoder_variables(encoder), config=source.config
    )
    ids = np.array([[2, 7, 9, 11, 3]])
    inputs = {"word_ids": ids, "mask": ids * 0 + 1, "type_ids": ids * 0}
    weights = {w.name.removesuffix(":0"): w.numpy() for w in encoder.weights}
    return vectors(encoder, inputs)[0], weights, ids[0], report


@pytest.mark.parametrize(
    ("family", "want"), [("bert", "gelu_new"), ("electra", "gelu")]
)
def test_vectors_are_those_of_the_meaning(tmp_path, family, want):
    source = checkpoints.open_source(str(_google(tmp_path, family)))
    got, weights, ids, report = _ours(source)
    exact, tanh = (
        encode(weights, ids, num_layers=2, gelu=gelu)
        for gelu in ("gelu", "gelu_new")
    )
    assert np.abs(exact - tanh).max() > 1e-4, "nothing to tell"
    right = tanh if want == "gelu_new" else exact
    np.testing.assert_allclose(got, right, atol=2e-5)
    line = f"activation: {want} ("
    assert line in str(report)
    assert ("TensorFlow code of BERT" in str(report)) == (want == "gelu_new")


@pytest.mark.parametrize(
    ("family", "activation", "written", "lacking"),
    [
        ("bert", "gelu_new", "gelu", False),
        ("bert", "gelu_pytorch_tanh", "gelu", False),
        ("bert", "gelu", "gelu", True),
        ("bert", "relu", "relu", False),
        ("electra", "gelu", "gelu", False),
        ("electra", "gelu_new", "gelu_new", True),
        ("albert", "gelu_pytorch_tanh", "gelu", False),
        ("albert", "gelu", "gelu", True),
    ],
)
def test_the_right_word_is_written(
    tmp_path, capsys, family, activation, written, lacking
):
    """Google's code computes the right one, or it is said that it does not."""
    config = dataclasses.replace(CONFIGS[family], hidden_act=activation)
    first, second = tmp_path / "hf", tmp_path / "tf"
    write("huggingface", first, config)
    stored = json.loads((first / "config.json").read_text())
    assert stored["hidden_act"] == activation
    assert main([str(first), "--to=tf", f"--output={second}"]) == 0
    assert ("note: Google's" in capsys.readouterr().out) == lacking
    stored = json.loads((second / "bert_config.json").read_text())
    assert stored["hidden_act"] == written
    again = checkpoints.open_source(str(second)).config.hidden_act
    assert again == activation or {again, activation} == set(TANH)


def test_the_two_names_of_the_approximation_are_one_function(tmp_path):
    config = dataclasses.replace(CONFIGS["bert"], hidden_act=TANH[0])
    write("huggingface", tmp_path, config)
    source = checkpoints.open_source(str(tmp_path))
    other = dataclasses.replace(config, hidden_act=TANH[1])
    variables = checkpoints.encoder_variables(built_encoder(other))
    checkpoints.load(source, variables, config=other)

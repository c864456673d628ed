"""The model directory: round trips, damage, and whose it is."""

import json
import os
import shutil

import numpy as np
import pytest
import safetensors.numpy
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf import model_directory
from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    TokenizerConfig,
    TrainingConfig,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.spans import LabelMap

CONFIG = ExperimentConfig(
    model=tiny.model_config(),
    decoding=DecodingConfig(nested=True),
    data={"train_data": "1"},
)
OTHER = ExperimentConfig(
    model=tiny.model_config(), training=TrainingConfig(seed=7)
)


@pytest.fixture(scope="module")
def vocabulary(tmp_path_factory):
    return tiny.tokenizer(tmp_path_factory.mktemp("v")).vocabulary


@pytest.fixture(scope="module")
def complete(tmp_path_factory):
    """A complete model directory; copy it to change it."""
    path = tmp_path_factory.mktemp("models") / "complete"
    tiny.write_model(path, CONFIG, model_seed=1)
    (path / "scores.json").write_text('{"complete": true}')
    return path


@pytest.fixture
def copy(complete, tmp_path):
    return shutil.copytree(complete, tmp_path / "copy")


@settings(max_examples=30)
@given(
    st.lists(
        st.text(min_size=1, max_size=5).filter(
            lambda x: x.strip() and not {"\n", "\r"} & set(x) and _is_utf8(x)
        ),
        min_size=1,
        max_size=4,
        unique=True,
    )
)
def test_description_and_back(tmp_path_factory, vocabulary, names):
    path = str(tmp_path_factory.mktemp("d") / "new" / "folder")
    labels = LabelMap(names)
    model_directory.write_description(path, CONFIG, labels, vocabulary)
    found = model_directory.read_description(path)
    assert found.config == CONFIG
    assert found.labels == labels
    assert found.tokenizer.vocabulary == vocabulary
    assert sorted(os.listdir(path)) == [
        "config.json",
        "labels.txt",
        "vocab.txt",
    ]


def _is_utf8(text):
    try:
        return bool(text.encode())
    except UnicodeEncodeError:
        return False


@pytest.mark.parametrize("kind", tiny.BERT_KINDS)
def test_the_tokenizer_is_that_of_the_config(tmp_path, vocabulary, kind):
    model = tiny.model_config()
    config = ExperimentConfig(
        model=type(model)(
            encoder=model.encoder,
            tokenizer=TokenizerConfig(kind=kind, do_lower_case=True),
            max_seq_length=10,
        )
    )
    path = str(tmp_path)
    model_directory.write_description(path, config, tiny.LABELS, vocabulary)
    found = model_directory.read_description(path).tokenizer
    assert (found.kind, found.do_lower_case) == (kind, True)


def _values(model):
    return {k: v.numpy() for k, v in model.saved_weights().items()}


def test_weights_and_back(complete):
    model = tiny.model(seed=2)
    before, want = _values(model), _values(tiny.model(seed=1))
    model_directory.load_weights(str(complete), model)
    for name, value in _values(model).items():
        np.testing.assert_array_equal(value, want[name], err_msg=name)
        assert not np.array_equal(before[name], want[name]), name


def test_weights_of_another_shape(complete):
    model = tiny.model(encoder={"hidden_size": 32})
    before = _values(model)
    with pytest.raises(ConfigError, match=r"do not fit.*and \d+ more"):
        model_directory.load_weights(str(complete), model)
    for name, value in _values(model).items():
        np.testing.assert_array_equal(value, before[name], err_msg=name)


@pytest.mark.parametrize("cut", [0, 4, 100, -1])
def test_weights_cut_off(copy, cut):
    model_directory.check_weights(str(copy))
    path = copy / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:cut])
    for use in (
        lambda: model_directory.check_weights(str(copy)),
        lambda: model_directory.load_weights(str(copy), tiny.model()),
    ):
        with pytest.raises(ConfigError, match=r"weights\.safetensors: not rea"):
            use()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(copy, value):
    path = copy / "weights.safetensors"
    stored = safetensors.numpy.load_file(path)
    stored["biaffine/bilinear"][-1, 1, -1] = value
    safetensors.numpy.save_file(stored, path)
    model = tiny.model()
    before = _values(model)
    with pytest.raises(
        ConfigError, match=r"weights\.safetensors: biaffine/bilinear holds num"
    ):
        model_directory.load_weights(str(copy), model)
    for name, was in _values(model).items():
        np.testing.assert_array_equal(was, before[name], err_msg=name)


@pytest.mark.parametrize(
    "content",
    ["[]", "5", '{"epochs": 5}', '{"epochs": [5]}', '{"epochs": [{}]}', "{}"],
)
def test_a_history_of_another_kind(copy, content):
    (copy / "history.json").write_text(content)
    with pytest.raises(ConfigError, match=r"history\.json: not .*; delete it"):
        model_directory.read_history(str(copy))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("config.json", None, r"not a model directory \(config\.json"),
        ("config.json", "{", r"config\.json: not JSON"),
        ("config.json", "[]", r"config\.json: not of a model directory"),
        ("config.json", '{"hidden_size": 1}', "not of a model directory"),
        ("labels.txt", None, r"labels\.txt: No such file"),
        ("labels.txt", "", r"labels\.txt: '' cannot be"),
        ("labels.txt", "a\na\n", r"labels\.txt: labels repeat"),
        ("labels.txt", b"\xff\n", r"labels\.txt: not UTF-8"),
        ("vocab.txt", None, r"vocab\.txt: cannot read"),
        ("vocab.txt", "a\nb\n", r"vocab\.txt: .*\[CLS\]"),
        ("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n", r"vocab\.txt: 4 tokens"),
    ],
)
def test_damage_is_named(copy, name, content, message):
    path = copy / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(
            content if isinstance(content, bytes) else content.encode()
        )
    with pytest.raises(ConfigError, match=message) as caught:
        model_directory.read_description(str(copy))
    assert caught.value.remedy and str(copy) in str(caught.value)


def _tree(folder):
    return {p.name: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def _claim(folder, config, **options):
    before = _tree(folder)
    try:
        return model_directory.Experiment(str(folder), config).acquire(
            **options
        )
    finally:
        assert _tree(folder) == before, "claiming changes nothing"


def test_claims_of_new_and_own_directories(copy, tmp_path):
    assert _claim(tmp_path / "new", CONFIG)
    assert not (tmp_path / "new").exists()
    (tmp_path / "empty").mkdir()
    assert _claim(tmp_path / "empty", CONFIG)
    assert not _claim(copy, CONFIG), "it is done"
    (copy / "weights.safetensors").unlink()
    assert _claim(copy, CONFIG), "nothing to predict with"
    (copy / "scores.json").write_text('{"complete": false}')
    assert _claim(copy, CONFIG)
    (copy / "scores.json").unlink()
    assert _claim(copy, CONFIG)
    (copy / "scores.json").write_text("{")
    with pytest.raises(ConfigError, match=r"scores\.json: not JSON.*delete"):
        _claim(copy, CONFIG)
    (copy / "scores.json").write_text("[]")
    with pytest.raises(ConfigError, match=r"scores\.json: not the scores"):
        _claim(copy, CONFIG)


def test_another_experiment_is_refused_by_what_differs(copy):
    with pytest.raises(ConfigError) as caught:
        _claim(copy, OTHER)
    for name in CONFIG.differences(OTHER):
        assert name in caught.value.problem
    assert "--overwrite" in caught.value.remedy
    assert _claim(copy, OTHER, overwrite=True)


def test_a_damaged_config_is_another_experiment(copy):
    (copy / "config.json").write_text("{")
    with pytest.raises(ConfigError, match="damaged"):
        _claim(copy, CONFIG)
    assert _claim(copy, CONFIG, overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("name", ["config.json", "vocab.txt"])
def test_files_of_others_are_never_overwritten(tmp_path, name, overwrite):
    (tmp_path / name).write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match=f"no experiment wrote: {name}"):
        _claim(tmp_path, CONFIG, overwrite=overwrite)


def test_clearing_spares_one_s_own_and_what_is_not_an_experiment_s(copy):
    (copy / "logs").mkdir()
    (copy / "logs" / "events").write_text("1")
    (copy / "records").mkdir()
    (copy / "notes.md").write_text("mine")
    before = _tree(copy)
    model_directory.Experiment(str(copy), CONFIG).reset()
    assert _tree(copy) == before
    model_directory.Experiment(str(copy), OTHER).reset()
    assert sorted(os.listdir(copy)) == ["notes.md", "records"]
    model_directory.Experiment(str(copy / "none"), OTHER).reset()


def test_clearing_spares_the_files_of_others(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "scores.json").write_text("{}")
    model_directory.Experiment(str(tmp_path), CONFIG).reset()
    assert sorted(os.listdir(tmp_path)) == ["logs", "scores.json"]


def test_a_kill_at_any_moment_of_clearing_can_be_gone_on_from(
    complete, tmp_path, monkeypatch
):
    """Nothing of the old experiment is ever taken for the new one's."""
    steps = 9
    for survived in range(steps):
        folder = shutil.copytree(complete, tmp_path / str(survived))
        removed = []

        def unlink(path, removed=removed, survived=survived, real=os.unlink):
            if len(removed) == survived:
                raise KeyboardInterrupt
            removed.append(path)
            real(path)

        with monkeypatch.context() as patch:
            patch.setattr(os, "unlink", unlink)
            try:
                model_directory.Experiment(str(folder), OTHER).reset()
            except KeyboardInterrupt:
                killed = True
            else:
                killed = False
        assert _claim(folder, OTHER, overwrite=True)
        model_directory.Experiment(str(folder), OTHER).reset()
        assert os.listdir(folder) == []
        if not killed:
            break
    assert survived > 3


def test_what_is_written_is_json_for_people(complete):
    text = (complete / "config.json").read_text()
    assert json.loads(text) == CONFIG.to_dict()
    assert text.count("\n") > 20

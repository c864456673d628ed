"""Model directories of other versions load, or say what to do."""

import json
import pathlib
import shutil

import pytest
import tiny

import biaffine_tf
from biaffine_tf import model_directory
from biaffine_tf.config import (
    CONFIG_VERSION,
    Decoder,
    ExperimentConfig,
    LongText,
)
from biaffine_tf.errors import ConfigError

# As the first version wrote it: no widths, no windows, no choice of decoders.
VERSION_1 = pathlib.Path(__file__).with_name("version_1.json")


@pytest.fixture(scope="module")
def old_directory(tmp_path_factory):
    """A model directory of version 1; copy it to change it."""
    path = tmp_path_factory.mktemp("old") / "model"
    tiny.write_model(path, model_seed=1)
    shutil.copy(VERSION_1, path / "config.json")
    return path


@pytest.fixture
def copy(old_directory, tmp_path):
    return shutil.copytree(old_directory, tmp_path / "copy")


def _change(folder, **changes):
    values = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(values | changes))


def test_the_old_settings_keep_their_meaning(old_directory):
    config = model_directory.read_config(str(old_directory))
    assert config.version == CONFIG_VERSION > 1
    assert config.written_by == ""
    assert config.decoding.decoder is Decoder.GREEDY
    assert config.model.long_text is LongText.WINDOW
    stored = json.loads(VERSION_1.read_text())
    found = config.to_dict()
    for part in ("encoder", "tokenizer", "head"):
        known = stored["model"][part]
        assert known == {k: found["model"][part][k] for k in known}
    for part in ("training", "decoding", "data"):
        known = stored[part]
        assert known == {k: found[part][k] for k in known}


@pytest.mark.slow
def test_an_old_directory_predicts_as_it_did(old_directory):
    """It decodes greedily, which differs from what is usual now."""
    texts = [sentence.text for sentence in tiny.sentences(60)]
    old = biaffine_tf.load(str(old_directory))(texts)
    assert old == biaffine_tf.load(str(old_directory), decoder="greedy")(texts)
    assert old != biaffine_tf.load(str(old_directory), decoder="exact")(texts)


def test_a_decoder_that_was_chosen_in_version_1_stays(copy):
    """Some of that version did know of decoders."""
    for decoder in Decoder:
        _change(copy, decoding={"nested": True, "decoder": decoder})
        decoding = model_directory.read_config(str(copy)).decoding
        assert decoding.decoder is decoder and decoding.nested


def test_an_old_run_is_the_experiment_of_the_same_settings(old_directory):
    config = model_directory.read_config(str(old_directory))
    same = ExperimentConfig(
        model=config.model,
        training=config.training,
        decoding=config.decoding,
        data=config.data,
    )
    assert same.written_by == biaffine_tf.__version__
    assert same == config and not same.differences(config)
    assert model_directory.Experiment(str(old_directory), same).acquire()
    # What has another default now is named, so that it can be given.
    usual = ExperimentConfig(
        model=config.model, training=config.training, data=config.data
    )
    with pytest.raises(ConfigError, match=r"differs in decoding\.decoder"):
        model_directory.Experiment(str(old_directory), usual).acquire()


def test_what_is_written_says_by_whom(tmp_path):
    path = tmp_path / "new"
    config = ExperimentConfig(model=tiny.model_config())
    tiny.write_model(path, config)
    values = json.loads((path / "config.json").read_text())
    assert values["version"] == CONFIG_VERSION
    assert values["written_by"] == biaffine_tf.__version__
    _change(path, written_by="0.0.1")
    found = model_directory.read_config(str(path))
    assert found.written_by == "0.0.1"
    assert found == config and not found.differences(config)


@pytest.mark.parametrize("version", [CONFIG_VERSION + 1, 1000])
def test_a_newer_directory_says_to_upgrade(copy, version):
    _change(
        copy, version=version, written_by="9.8.7", model={"layers": "unknown"}
    )
    with pytest.raises(ConfigError) as caught:
        biaffine_tf.load(str(copy))
    assert f"written by biaffine_tf 9.8.7 (settings of version {version})" in (
        caught.value.problem
    )
    assert f"this is {biaffine_tf.__version__}" in caught.value.problem
    assert str(copy) in caught.value.problem
    assert caught.value.remedy == "upgrade biaffine_tf"
    config = ExperimentConfig(model=tiny.model_config())
    with pytest.raises(ConfigError, match=r"of another version.* 9\.8\.7"):
        model_directory.Experiment(str(copy), config).acquire()


@pytest.mark.parametrize("version", [0, -1, 1.0, "1", None, True, [1]])
def test_a_version_that_is_none(copy, version):
    _change(copy, version=version)
    with pytest.raises(ConfigError) as caught:
        model_directory.read_config(str(copy))
    assert caught.value.problem == (
        f"{copy / 'config.json'}: version must be an integer from 1 to "
        f"{CONFIG_VERSION}, got {version!r}"
    )


def test_settings_that_are_gone_say_what_to_run(copy):
    _change(copy, decoding={"beam": 3})
    with pytest.raises(ConfigError) as caught:
        model_directory.read_config(str(copy))
    assert "unknown settings in DecodingConfig: ['beam']" in (
        caught.value.problem
    )
    assert "train again" in caught.value.remedy


def test_every_recorded_run_can_still_be_read(root):
    """`benchmarks/results` holds configs of real runs, the oldest too."""
    read = 0
    for path in (root / "benchmarks" / "results").glob("*.json"):
        values = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(values, dict) or "config" not in values:
            continue
        config = ExperimentConfig.from_dict(values["config"])
        stored = values["config"]["decoding"].get("decoder", "greedy")
        assert config.decoding.decoder == stored
        read += 1
    assert read >= 4

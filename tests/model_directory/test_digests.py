"""Digests of a directory: written last, removed before changes, checked."""

import json
import os
import shutil
import threading

import pytest
import tiny

from biaffine_tf import model_directory
from biaffine_tf.commands.check_model import main
from biaffine_tf.config import ExperimentConfig, TokenizerConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.locks import locked
from biaffine_tf.model_directory import digests
from biaffine_tf.tokenization import make_tokenizer

NAMES = [
    *("confidence.json", "config.json", "labels.txt", "vocab.txt"),
    "weights.safetensors",
]


def make(path):
    tokenizer = make_tokenizer("char", tiny.VOCABULARY)
    config = ExperimentConfig(
        model=tiny.model_config(), data={"tokenizer": tokenizer.fingerprint}
    )
    tiny.write_model(path, config, model_seed=1)
    model_directory.write_confidence(
        path, {"confidence": {"temperature": 1.5, "thresholds": {"sky": 0.7}}}
    )


@pytest.fixture(scope="module")
def sealed(tmp_path_factory):
    """A complete model directory; copy it to change it."""
    path = tmp_path_factory.mktemp("digests") / "model"
    make(str(path))
    model_directory.seal(str(path))
    return path


@pytest.fixture
def copy(sealed, tmp_path):
    return shutil.copytree(sealed, tmp_path / "copy")


def names(folder, **which):
    return [one.name for one in digests.find_changes(folder, **which)]


def test_all_that_predictions_depend_on_has_a_digest(sealed):
    stored = json.loads((sealed / "digests.json").read_text())
    assert sorted(stored["files"]) == NAMES
    known = model_directory.model_fingerprints(str(sealed))
    assert stored["files"] == known
    assert names(sealed) == []
    model_directory.check_digests(sealed)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["other", "longer", "empty", "gone", "folder"])
def test_every_change_is_found(copy, name, how):
    path = copy / name
    content = path.read_bytes()
    if how == "other":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        path.write_bytes(content[:middle] + flipped + content[middle + 1 :])
    elif how == "longer":
        path.write_bytes(content + b"\n")
    elif how == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        if how == "folder":
            path.mkdir()
    assert names(copy) == [name]
    heavy = [name] if name == "weights.safetensors" else []
    assert names(copy, small=False) == heavy
    assert names(copy, weights=False) == [one for one in [name] if not heavy]
    with pytest.raises(ConfigError) as caught:
        model_directory.check_digests(copy)
    assert str(path) in caught.value.problem
    assert f"model_directory {copy} --reseal" in caught.value.remedy
    assert "\n" not in str(caught.value)


def test_files_that_were_not_there_are_found(copy):
    (copy / "model.onnx").write_bytes(b"")
    (copy / "export.json").write_text("{}")
    assert names(copy) == ["export.json", "model.onnx"]
    with pytest.raises(ConfigError, match=r"export\.json: added .*mode"):
        model_directory.check_digests(copy)


def test_the_card_scores_and_reports_may_change(copy):
    for name in ("README.md", "scores.json", "report.html", "notes.txt"):
        (copy / name).write_text("mine")
    (copy / "logs").mkdir()
    assert names(copy) == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", "not JSON"),
        ("null", "not the digests of a directory"),
        ('{"version": 1, "files": {}}', "digest is missing"),
        ('{"version": 9, "files": {}, "digest": ""}', "of version 9"),
        ('{"version": 1, "files": {"a": "b"}, "digest": "c"}', "damaged"),
    ],
)
def test_damaged_digests_are_named(copy, content, message):
    (copy / "digests.json").write_text(content)
    with pytest.raises(
        ConfigError, match=rf"digests\.json: {message}|{message}"
    ):
        model_directory.check_digests(copy)
    assert main([str(copy)]) == 2
    assert main([str(copy), "--reseal"]) == 0
    assert main([str(copy)]) == 0


def test_a_digest_that_was_changed_is_no_one_else_s_fault(copy):
    text = (copy / "digests.json").read_text()
    digest = json.loads(text)["files"]["labels.txt"]
    (copy / "digests.json").write_text(text.replace(digest, digest[::-1]))
    with pytest.raises(ConfigError, match=r"digests\.json: damaged"):
        model_directory.check_digests(copy)


@pytest.mark.parametrize("change", ["description", "weights", "confidence"])
def test_what_changes_a_directory_removes_its_digests(copy, tmp_path, change):
    """So that a kill leaves none rather than wrong ones."""
    path = str(copy)
    if change == "description":
        made = model_directory.read_description(path)
        model_directory.write_description(
            path, made.config, made.labels, made.tokenizer.vocabulary
        )
    elif change == "weights":
        model_directory.save_weights(path, tiny.model(seed=4))
    else:
        model_directory.write_confidence(path, {"confidence": {}})
    assert not model_directory.is_sealed(path)
    model_directory.check_digests(path)


def test_clearing_a_directory_removes_its_digests(copy):
    other = ExperimentConfig(model=tiny.model_config(max_seq_length=9))
    model_directory.Experiment(str(copy), other).reset()
    assert os.listdir(copy) == []


def test_weights_are_checked_while_the_block_runs(copy, monkeypatch):
    begun, looked = threading.Event(), []

    def look(*arguments, real=digests.check_digests, **options):
        if not options.get("small", True):
            assert begun.wait(60)
            looked.append(threading.current_thread())
        real(*arguments, **options)

    monkeypatch.setattr(digests, "check_digests", look)
    with model_directory.intact(copy):
        begun.set()
    assert looked and looked[0] is not threading.current_thread()
    looked.clear()
    with model_directory.intact(copy, weights=False):
        pass
    assert not looked


def test_what_digests_tell_goes_before_errors_of_loading(copy):
    path = copy / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-1])
    with (
        pytest.raises(ConfigError, match="changed since"),
        model_directory.intact(copy),
    ):
        raise RuntimeError("of weights that cannot be read")
    with (
        pytest.raises(RuntimeError, match="of something else"),
        model_directory.intact(copy, weights=False),
    ):
        raise RuntimeError("of something else")


def test_the_command_says_what_it_finds(copy, capsys):
    assert main([str(copy)]) == 0
    assert (
        capsys.readouterr().out
        == f"{copy}: unchanged since digests.json was written\n"
    )
    (copy / "labels.txt").write_text("sky\nletter\nboth\n")
    (copy / "confidence.json").unlink()
    assert main([str(copy)]) == 2
    out, err = capsys.readouterr()
    first, second = out.splitlines()
    assert first.startswith("confidence.json: missing")
    assert second.startswith("labels.txt: changed since")
    assert err.startswith("error: ") and err.count("\n") == 1
    assert "--reseal" in err
    assert main([str(copy), "--reseal"]) == 0
    assert capsys.readouterr().out.splitlines()[:2] == [first, second]
    assert main([str(copy)]) == 0
    assert list(model_directory.read_description(str(copy)).labels) == [
        *("sky", "letter", "both"),
    ]


def test_a_directory_of_an_earlier_version_can_be_sealed(copy, capsys):
    (copy / "digests.json").unlink()
    assert main([str(copy)]) == 0
    assert "no digests.json" in capsys.readouterr().out
    assert main([str(copy), "--reseal"]) == 0
    assert names(copy) == [] and model_directory.is_sealed(copy)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("config.json", "[]"),
        ("confidence.json", "null"),
        ("labels.txt", "a\na\n"),
        ("vocab.txt", "a\n"),
        ("weights.safetensors", ""),
        ("export.json", None),
    ],
)
@pytest.mark.parametrize("reseal", [False, True])
def test_the_command_accepts_nothing_that_cannot_be_read(
    copy, capsys, name, content, reseal
):
    if content is None:  # a SavedModel without its description
        (copy / "saved_model.pb").touch()
    else:
        (copy / name).write_text(content)
    before = (copy / "digests.json").read_bytes()
    assert main([str(copy), *["--reseal"][: reseal or 0]]) == 2
    err = capsys.readouterr().err
    assert err.startswith("error: ") and err.count("\n") == 1
    assert (copy / "digests.json").read_bytes() == before


def test_the_command_leaves_running_training_alone(copy, capsys):
    with locked(str(copy)):
        assert main([str(copy), "--reseal"]) == 2
    assert "another process" in capsys.readouterr().err
    assert main([str(copy / "none")]) == 2
    assert "no such directory" in capsys.readouterr().err
    assert not (copy / "none").exists()


def test_the_vocabulary_is_that_of_training(copy, capsys):
    """Where no digests tell, its fingerprint in config.json does."""
    path = copy / "vocab.txt"
    tokens = path.read_text().splitlines()
    tokens[-2:] = tokens[:-3:-1]
    path.write_text("".join(f"{one}\n" for one in tokens))
    (copy / "digests.json").unlink()
    with pytest.raises(
        ConfigError, match=r"vocab\.txt: differs from .*--reseal"
    ):
        model_directory.read_description(str(copy))
    assert main([str(copy), "--reseal"]) == 0
    assert "is not that of the training" in capsys.readouterr().out
    found = model_directory.read_description(str(copy)).tokenizer
    assert list(found.vocabulary) == tokens


def test_the_tokenizer_is_that_of_training(copy):
    values = json.loads((copy / "config.json").read_text())
    tokenizer = TokenizerConfig(do_lower_case=True).to_dict()
    values["model"]["tokenizer"] = tokenizer
    (copy / "config.json").write_text(json.dumps(values))
    (copy / "digests.json").unlink()
    with pytest.raises(ConfigError, match="tokenizer settings of training"):
        model_directory.read_description(str(copy))

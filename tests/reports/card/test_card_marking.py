"""Whose a README.md is: ours is kept up to date, anybody's is left alone."""

import os
import subprocess
import sys

import card_samples
import pytest
from hypothesis import given
from hypothesis import strategies as st

from biaffine_tf import model_directory
from biaffine_tf.config import ExperimentConfig, TrainingConfig
from biaffine_tf.model_directory.card_marking import mark, may_replace
from biaffine_tf.reports.card.writing import write_card

SENTENCES = card_samples.labelled(["person", "place"])
OTHER = ExperimentConfig(
    model=card_samples.CONFIG.model, training=TrainingConfig(seed=7)
)


@pytest.fixture
def directory(tmp_path):
    return card_samples.make_directory(tmp_path / "model", SENTENCES)


def _write(directory):
    """The card and when it was written."""
    write_card(str(directory))
    card = directory / "README.md"
    return card.read_bytes(), card.stat().st_mtime_ns


def _change_scores(directory):
    scores = directory / "scores.json"
    text = scores.read_text()
    scores.write_text(text.replace('"seconds": 12.5', '"seconds": 99.5'))


texts = st.text(st.characters(codec="utf-8"), max_size=30)


@given(texts, st.data())
def test_every_change_is_noticed(tmp_path_factory, text, data):
    path = tmp_path_factory.mktemp("card") / "README.md"
    marked = mark(f"{text}\n")
    path.write_text(marked, encoding="utf-8", newline="")
    assert may_replace(path)
    where = data.draw(st.integers(0, len(marked)))
    cut = data.draw(st.integers(0, 2))
    put = data.draw(texts.filter(bool) if cut == 0 else texts)
    changed = marked[:where] + put + marked[where + cut :]
    path.write_text(changed, encoding="utf-8", newline="")
    assert may_replace(path) == (changed == marked)


@pytest.mark.parametrize(
    "content", [b"", b"# mine\n", b"\xff\xfe", mark("a\n").encode()[:-2]]
)
def test_what_is_not_ours_is_left_alone(directory, content, capsys):
    card = directory / "README.md"
    card.write_bytes(content)
    write_card(str(directory))
    assert card.read_bytes() == content
    assert f"{card}: not ours, or edited since" in capsys.readouterr().out


def test_a_folder_or_a_dead_link_of_that_name(directory, tmp_path):
    (directory / "README.md").mkdir()
    write_card(str(directory))
    assert os.listdir(directory / "README.md") == []
    (directory / "README.md").rmdir()
    (directory / "README.md").symlink_to(tmp_path / "nowhere")
    write_card(str(directory))
    assert (directory / "README.md").is_symlink()


def test_an_edited_card_is_never_overwritten(directory, capsys):
    text, _ = _write(directory)
    edited = text.replace(b"# model", b"# model\n\nNews in Chinese.", 1)
    assert edited != text
    (directory / "README.md").write_bytes(edited)
    _change_scores(directory)
    assert _write(directory)[0] == edited
    assert "left as it is" in capsys.readouterr().out


def test_a_card_is_made_again_only_if_something_changed(directory, capsys):
    first = _write(directory)
    assert _write(directory) == first
    _change_scores(directory)
    text, time = _write(directory)
    assert time > first[1] and b"99.5 s" in text and b"99.5 s" not in first[0]
    assert _write(directory) == (text, time)
    (directory / "README.md").unlink()
    assert _write(directory)[0] == text
    assert capsys.readouterr().out == ""


def test_a_kill_leaves_the_old_card_or_the_new_one(directory, monkeypatch):
    old, _ = _write(directory)
    _change_scores(directory)
    names = set(os.listdir(directory))
    for moment in ("replace", "fsync"):

        def die(*_, **__):
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(os, moment, die)
            with pytest.raises(KeyboardInterrupt):
                write_card(str(directory))
        assert (directory / "README.md").read_bytes() == old
        assert set(os.listdir(directory)) == names
    assert _write(directory)[0] != old


def test_another_experiment_takes_our_card_with_it(directory):
    _write(directory)
    model_directory.Experiment(str(directory), card_samples.CONFIG).reset()
    assert (directory / "README.md").exists(), "it is the same experiment"
    model_directory.Experiment(str(directory), OTHER).reset()
    assert os.listdir(directory) == []


@pytest.mark.parametrize("content", [b"# mine\n", b"edited: "])
def test_another_experiment_leaves_what_somebody_wrote(directory, content):
    card, _ = _write(directory)
    if content == b"edited: ":
        content += card
    (directory / "README.md").write_bytes(content)
    model_directory.Experiment(str(directory), OTHER).reset()
    assert os.listdir(directory) == ["README.md"]
    assert (directory / "README.md").read_bytes() == content


def test_completing_for_a_card_alone_loads_no_tensorflow(directory, root):
    """As the same command does on a directory of an older run."""
    code = (
        "import sys\n"
        "from biaffine_tf import formats\n"
        "from biaffine_tf.commands import completion\n"
        "path = sys.argv[1]\n"
        "sentences = list(formats.read(sys.argv[2]))\n"
        "for _ in range(2):\n"
        "    completion.complete(path, sentences, list, calibrate=False,\n"
        "                   objective=None, report=False)\n"
        "loaded = {'tensorflow', 'tf_keras', 'jax'} & sys.modules.keys()\n"
        "assert not loaded, loaded\n"
    )
    from biaffine_tf import formats

    gold = directory.parent / "dev.jsonl"
    formats.write(gold, SENTENCES, "span_jsonl")
    before = set(os.listdir(directory))
    subprocess.run(
        [sys.executable, "-c", code, str(directory), str(gold)],
        cwd=root,
        check=True,
    )
    made = {"README.md", "digests.json"}
    assert set(os.listdir(directory)) == before | made
    text = (directory / "README.md").read_text("utf-8")
    assert "95 % intervals" in text and may_replace(directory / "README.md")

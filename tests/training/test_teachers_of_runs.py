"""Runs that learn from trained models."""

import dataclasses
import json
import pathlib

import pytest
import tiny
import tiny_runs

import biaffine_tf
from biaffine_tf import heads
from biaffine_tf.config import ExperimentConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.spans import LabelMap

UNLABELLED = 12


@pytest.fixture(scope="module")
def teachers(tmp_path_factory):
    """Two models of random weights, one of them with shorter windows."""
    folder = tmp_path_factory.mktemp("teachers")
    short = ExperimentConfig(
        model=dataclasses.replace(tiny.model_config(), max_seq_length=12)
    )
    return [
        tiny.write_model(folder / "one", model_seed=1),
        tiny.write_model(folder / "two", short, model_seed=2),
    ]


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "more.txt"
    made = tiny.sentences(UNLABELLED, seed=99)
    path.write_text("".join(f"{one.text}\n" for one in made), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def flags(teachers, unlabelled):
    return [
        f"--teacher_dir={','.join(teachers)}",
        f"--unlabelled_data={unlabelled}",
        "--distil_temperature=2",
        "--neg_sample=0.7",
    ]


@pytest.fixture(scope="module")
def whole(corpus, flags, tmp_path_factory):
    """An undisturbed run, and what it said."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    return output, tiny_runs.start(corpus, output, *flags).stdout


@pytest.mark.slow
def test_it_says_what_it_learns_from(whole, teachers):
    output, log = whole
    assert f"teachers: {teachers[0]}, {teachers[1]}" in log
    assert "chosen: --distil_weight=0.5 (with --teacher_dir)" in log
    assert "chosen: --distil_temperature" not in log
    assert f"on the training data and {UNLABELLED} unlabelled" in log
    assert f"training data: {tiny_runs.SENTENCES} sentences" in log
    config = tiny_runs.read_json(output, "config.json")
    assert config["training"]["distil_weight"] == 0.5
    assert config["data"]["teachers"].count(",") == 1
    assert config["data"]["unlabelled_data"]
    card = (output / "README.md").read_text(encoding="utf-8")
    assert config["data"]["teachers"] in card
    assert "| distil temperature | 2.0 |" in card
    seen = tiny_runs.history(output)[0]["sentences"]
    assert seen == tiny_runs.SENTENCES + UNLABELLED
    (records,) = (output / "records").glob("records-*")
    counts = tiny_runs.read_json(records, "records.json")
    assert counts["counts"]["sentences"] == tiny_runs.SENTENCES
    assert counts["unlabelled"]["sentences"] == UNLABELLED
    with open(next((output / "records").glob("teachers-*.jsonl"))) as file:
        assert len(list(file)) == 1 + tiny_runs.SENTENCES + UNLABELLED


@pytest.mark.slow
def test_killed_in_scoring_and_in_training_equals_undisturbed(
    corpus, whole, flags, tmp_path
):
    output = tmp_path / "killed"
    for moment in ("teachers:1", "step:12"):
        flag = f"--kill_after={moment}"
        tiny_runs.start(
            corpus, output, *flags, flag, "--save_checkpoints_steps=5", code=-9
        )
    log = tiny_runs.start(corpus, output, *flags).stdout
    assert "continuing after step" in log
    tiny_runs.assert_same_run(whole[0], output)
    one, two = (
        {
            path.relative_to(each): path.read_bytes()
            for path in (each / "records").rglob("*")
            if path.is_file()
        }
        for each in (whole[0], output)
    )
    assert one == two
    again = tiny_runs.start(corpus, output, *flags).stdout
    assert "already trained" in again


@pytest.mark.slow
def test_from_python_with_scores_that_are_there(
    corpus, whole, teachers, unlabelled, tmp_path
):
    """Weights do not depend on whether this process has scored."""
    settings = {
        "eval_data": corpus / "dev.jsonl",
        "vocab_file": corpus / "vocab.txt",
        "bert_config_file": corpus / "bert_config.json",
        "max_seq_length": 40,
        "learning_rate": 3e-3,
        "train_batch_size": 8,
        "num_train_epochs": tiny_runs.EPOCHS,
        "num_buckets": 2,
        "nested": True,
        "teacher_dir": [pathlib.Path(one) for one in teachers],
        "unlabelled_data": unlabelled,
        "distil_temperature": 2,
        "neg_sample": 0.7,
        "records_dir": whole[0] / "records",
    }
    result = biaffine_tf.train(
        corpus / "train.jsonl", tmp_path / "called", **settings
    )
    tiny_runs.assert_same_weights(whole[0], tmp_path / "called")
    assert result.scores["complete"]


def _refused(corpus, output, *flags):
    said = tiny_runs.start(corpus, output, *flags, code=2).stderr
    lines = [line for line in said.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, said
    assert not output.exists()
    return lines[0]


@pytest.mark.slow
def test_what_cannot_be_learnt_is_refused_in_one_line(
    corpus, teachers, tmp_path
):
    output = tmp_path / "run"
    stranger = tiny.write_model(
        tmp_path / "stranger", labels=LabelMap(["letter", "sky", "sea"])
    )
    error = _refused(corpus, output, f"--teacher_dir={teachers[0]},{stranger}")
    assert "labels that the training data lacks: sea;" in error
    assert "letter" in error.split(";")[1]
    absent = tmp_path / "absent"
    assert str(absent) in _refused(corpus, output, f"--teacher_dir={absent}")
    for flag in (
        "distil_weight=1",
        "distil_temperature=2",
        "unlabelled_data=x",
    ):
        error = _refused(corpus, output, f"--{flag}")
        assert f"--{flag.split('=')[0]} is given but --teacher_dir" in error
    assert "from 0 to 1" in _refused(corpus, output, "--distil_weight=1.5")


def test_a_head_that_cannot_be_distilled_is_refused(
    corpus, teachers, tmp_path, monkeypatch
):
    source = heads.HEADS["biaffine"]._replace(distils=False)
    monkeypatch.setitem(heads.HEADS, "biaffine", source)
    with pytest.raises(ConfigError, match="'biaffine' cannot be distilled"):
        biaffine_tf.train(
            corpus / "train.jsonl",
            tmp_path / "run",
            teacher_dir=teachers[0],
            vocab_file=corpus / "vocab.txt",
            bert_config_file=corpus / "bert_config.json",
            max_seq_length=40,
        )


@pytest.mark.slow
def test_records_without_teachers_are_those_of_before(corpus, tmp_path):
    output = tmp_path / "run"
    tiny_runs.start(corpus, output, "--noreport", "--num_train_epochs=1")
    (records,) = (output / "records").iterdir()
    counts = json.loads((records / "records.json").read_text())
    assert not {"soft", "unlabelled"} & counts.keys()
    assert b"soft" not in next(records.glob("*.tfrecord")).read_bytes()

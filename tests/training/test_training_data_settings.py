"""Runs on files that label different things, augmented and resampled."""

import json

import pytest
import tiny
import tiny_runs

from biaffine_tf import formats
from biaffine_tf.spans import Sentence

FLAGS = (
    "--labels_of=auto",
    "--mention_replacement=0.4",
    "--mention_dropping=0.2",
    "--sentence_gluing=0.4",
    "--label_balance=0.7",
    "--train_batch_size=4",
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two files with different labels, and two likewise to score."""
    folder = tmp_path_factory.mktemp("label_sets")
    tiny.write_encoder_files(folder)
    for seed, name in enumerate(("train", "dev")):
        for part, kept in (("a", {"letter", "both"}), ("b", {"sky"})):
            made = [
                Sentence(s.text, tuple(x for x in s.spans if x.label in kept))
                for s in tiny.sentences(24, seed=seed + 10 * len(kept))
            ]
            formats.write(folder / f"{name}_{part}.jsonl", made, "span_jsonl")
    return folder


def _run(folder, output, *flags, code=0):
    return tiny_runs.run(
        output,
        f"--train_data={folder / 'train_a.jsonl'},{folder / 'train_b.jsonl'}",
        f"--eval_data={folder / 'dev_a.jsonl'},{folder / 'dev_b.jsonl'}",
        *tiny_runs.encoder_flags(folder),
        *FLAGS,
        *flags,
        code=code,
    )


@pytest.mark.slow
def test_killed_and_started_again_equals_undisturbed(folder, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    log = _run(folder, whole)
    path = folder / "train_b.jsonl"
    assert f"{path} labels sky; other labels are unknown there" in log
    _run(
        folder,
        killed,
        "--save_checkpoints_steps=5",
        "--kill_after=checkpoint:2",
        code=-9,
    )
    log = _run(folder, killed, "--save_checkpoints_steps=5")
    assert "continuing after step" in log
    tiny_runs.assert_same_run(whole, killed)

    scores = tiny_runs.read_json(whole, "scores.json")
    files = scores["files"]
    assert list(files) == [
        str(folder / f"dev_{part}.jsonl") for part in ("a", "b")
    ]
    for name in ("gold", "predicted", "correct"):
        assert sum(
            label[name]
            for one in files.values()
            for label in one["labels"].values()
        ) == sum(label[name] for label in scores["labels"].values())
    lines = (whole / "predictions.jsonl").read_text().splitlines()
    found = [
        {span["label"] for span in json.loads(line)["spans"]} for line in lines
    ]
    assert set().union(*found[:24]) <= {"letter", "both"}
    assert set().union(*found[24:]) <= {"sky"}
    assert any(found)


@pytest.mark.slow
def test_two_replicas_take_the_same_batches(folder, tmp_path):
    output = tmp_path / "replicas"
    _run(folder, output, "--replicas=2", "--num_train_epochs=1")
    (epoch,) = tiny_runs.history(output)
    assert epoch["sentences"] == 48

"""Runs: deterministic, resumable, the same on several replicas."""

import json
import shutil
import subprocess
import sys

import forked
import numpy as np
import pytest
import safetensors.numpy
import tiny
import tiny_runs

import biaffine_tf
from biaffine_tf import evaluation, formats, model_directory

SCRIPT = tiny_runs.SCRIPT


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tiny_runs.write_corpus(tmp_path_factory.mktemp("corpus"))


def _run(root, corpus, output, *flags, kill_after=None, script=SCRIPT):
    arguments = tiny_runs.arguments(corpus, output, *flags)
    if kill_after is not None:
        arguments.append(f"--kill_after={kill_after}")
    if "--xla" in flags:  # of which TensorFlow hears when it is loaded
        done = subprocess.run(
            [sys.executable, str(script), *arguments],
            capture_output=True,
            text=True,
            cwd=root,
            check=False,
        )
    else:
        done = forked.run(script, *arguments)
    if kill_after is None:
        assert done.returncode == 0, done.stderr
    else:
        assert done.returncode == -9, (done.returncode, done.stderr)
    return done.stdout


def _weights(output):
    return safetensors.numpy.load_file(output / "weights.safetensors")


def _assert_same_run(left, right):
    first, second = _weights(left), _weights(right)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)
    entries = [
        [
            {k: v for k, v in entry.items() if "seconds" not in k}
            for entry in json.loads((o / "history.json").read_text())["epochs"]
        ]
        for o in (left, right)
    ]
    assert entries[0] == entries[1]
    predictions = [
        (o / "predictions.jsonl").read_bytes() for o in (left, right)
    ]
    assert predictions[0] == predictions[1]


@pytest.fixture(scope="module")
def whole(root, corpus, tmp_path_factory):
    """An undisturbed run."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    _run(root, corpus, output, "--neg_sample=0.7")
    return output


@pytest.mark.slow
def test_model_directory_is_complete(whole):
    names = {path.name for path in whole.iterdir()}
    assert names == {
        "config.json",
        "labels.txt",
        "vocab.txt",
        "weights.safetensors",
        "scores.json",
        "predictions.jsonl",
        "history.json",
        "confidence.json",
        "digests.json",
        "report.html",
        "README.md",
        "logs",
        "records",
    }
    model_directory.check_digests(whole)
    config = json.loads((whole / "config.json").read_text())
    assert config["model"]["long_text"] == "line"  # no text has several
    scores = json.loads((whole / "scores.json").read_text())
    assert scores["complete"]
    assert scores["seed"] == 42
    assert scores["environment"]["tensorflow"]
    assert {"micro", "macro", "cluener", "labels"} <= scores.keys()
    history = json.loads((whole / "history.json").read_text())["epochs"]
    assert len(history) == tiny_runs.EPOCHS
    assert history[-1]["loss"] < history[0]["loss"]
    best = max(history, key=lambda entry: entry["micro_f1"])
    assert scores["epoch"] == best["epoch"]
    assert scores["micro"]["f1"] == best["micro_f1"]


@pytest.mark.slow
def test_seed_0_is_a_seed(root, corpus, whole, tmp_path):
    """TensorFlow takes no tensor for a seed where the global one is 0."""
    _run(root, corpus, tmp_path, "--neg_sample=0.7", "--seed=0")
    assert json.loads((tmp_path / "scores.json").read_text())["seed"] == 0
    first, second = _weights(whole), _weights(tmp_path)
    assert any((first[name] != second[name]).any() for name in first)


@pytest.mark.slow
def test_a_card_is_kept_up_to_date(root, corpus, whole, tmp_path):
    """Also that of a run from before there were cards and intervals."""
    output = shutil.copytree(whole, tmp_path / "whole")
    card, scores = output / "README.md", output / "scores.json"
    text = card.read_text()
    known = json.loads(scores.read_text())
    figures = known["intervals"]["micro"]["f1"]
    f1 = f"{known['micro']['f1']:.4f}"
    assert f"{f1} ({figures['low']:.4f} to {figures['high']:.4f})" in text
    card.unlink()
    scores.write_text(
        json.dumps({k: v for k, v in known.items() if k != "intervals"})
    )
    log = _run(root, corpus, output, "--neg_sample=0.7", "--noreport")
    assert "already trained" in log
    assert card.read_text() == text
    assert json.loads(scores.read_text()) == known
    _run(root, corpus, output, "--neg_sample=0.7", "--threshold_aim=f1")
    changed = card.read_text()
    assert "Thresholds are fitted for the best F1" in changed
    assert "Thresholds are" not in text
    assert model_directory.is_sealed(output)
    model_directory.check_digests(output)
    assert json.loads(scores.read_text()) == known
    card.write_text(f"{changed}\nMine.\n")
    log = _run(root, corpus, output, "--neg_sample=0.7")
    assert f"{card}: not ours, or edited since" in log
    assert card.read_text() == f"{changed}\nMine.\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill_after", "epoch"), [("weights", 1), ("history", 2)]
)
def test_killed_and_started_again_equals_undisturbed(
    root, corpus, whole, tmp_path, kill_after, epoch
):
    """Killed between two writes of an epoch's end, the worst moments."""
    output = tmp_path / "killed"
    flag = "--neg_sample=0.7"
    _run(root, corpus, output, flag, kill_after=f"{kill_after}:{epoch}")
    log = _run(root, corpus, output, flag)
    assert ("continuing after step" in log) == (epoch > 1)
    _assert_same_run(whole, output)
    assert "already trained" in _run(root, corpus, output, flag)


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--gradient_checkpointing", "--xla"])
def test_other_ways_to_compute_train_the_same(
    root, corpus, whole, tmp_path, monkeypatch, flag
):
    """The same dropout masks, so the same losses but for rounding."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    output = tmp_path / "run"
    script = root / "run_classifier.py"
    _run(root, corpus, output, "--neg_sample=0.7", flag, script=script)
    losses = [
        [
            e["loss"]
            for e in json.loads((o / "history.json").read_text())["epochs"]
        ]
        for o in (whole, output)
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-2)
    kept = list(tmp_path.glob("cache/biaffine_tf/xla/*"))
    assert bool(kept) == (flag == "--xla")


@pytest.mark.slow
def test_two_replicas_train_like_one(root, corpus, tmp_path):
    """Without dropout they do the same sums, also where a replica is idle."""
    config = tiny.encoder_config(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    path = tmp_path / "calm.json"
    path.write_text(json.dumps(config.to_dict()))
    # 60 sentences: the second batch is one sentence, for one replica.
    flags = [
        f"--bert_config_file={path}",
        "--head_dropout=0",
        "--train_batch_size=59",
        "--num_buckets=1",
    ]
    losses = []
    for replicas in (1, 2):
        output = tmp_path / str(replicas)
        _run(root, corpus, output, *flags, f"--replicas={replicas}")
        epochs = json.loads((output / "history.json").read_text())["epochs"]
        losses.append([epoch["loss"] for epoch in epochs])
        assert all(epoch["sentences"] == 60 for epoch in epochs)
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)


@pytest.mark.slow
def test_encoder_from_a_model_directory(root, corpus, whole, tmp_path):
    output = tmp_path / "continued"
    log = _run(
        root,
        corpus,
        output,
        f"--init_checkpoint={whole}",
        "--learning_rate=1e-9",
        "--head_start=zero",
    )
    assert "best epoch" in log
    old, new = _weights(whole), _weights(output)
    for name, value in old.items():
        moved = np.abs(value - new[name]).max()
        if name.startswith("encoder/"):
            assert moved < 1e-5, name
    assert np.abs(new["biaffine/bilinear"]).max() < 1e-5


@pytest.mark.slow
def test_wide_spans_are_counted_and_not_found(root, corpus, tmp_path):
    output = tmp_path / "narrow"
    flags = ["--max_span_width=2", "--num_train_epochs=10"]
    log = _run(root, corpus, output, *flags, "--learning_rate=1e-2")
    wide = {
        part: sum(
            span.end - span.start > 2
            for sentence in formats.read(str(corpus / f"{part}.jsonl"))
            for span in sentence.spans
        )
        for part in ("train", "dev")
    }
    assert f"training data: {wide['train']} wide spans, not learnt" in log
    assert f"eval data: {wide['dev']} wide spans, scored as missed" in log
    scores = json.loads((output / "scores.json").read_text())
    assert scores["training_counts"]["wide_spans"] == wide["train"]
    assert scores["eval_counts"]["wide_spans"] == wide["dev"]
    predicted = list(formats.read(str(output / "predictions.jsonl")))
    widths = {s.end - s.start for one in predicted for s in one.spans}
    assert widths == {1, 2}
    assert scores["micro"]["f1"] > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(root, corpus, tmp_path, precision):
    output = tmp_path / precision
    # From zeros: a head that starts at the prior has less to learn.
    _run(root, corpus, output, f"--precision={precision}", "--head_start=zero")
    epochs = json.loads((output / "history.json").read_text())["epochs"]
    # Float16 skips its first steps, until the loss scale has come down.
    assert epochs[-1]["loss"] < 0.6 * epochs[0]["loss"]
    assert {value.dtype for value in _weights(output).values()} == {
        np.dtype(np.float32)
    }
    # It is scored as it predicts if nobody says in which precision.
    dev = list(formats.read(corpus / "dev.jsonl"))
    found = biaffine_tf.load(str(output)).predict(dev)
    micro = evaluation.score(zip(dev, found, strict=True)).micro
    scores = json.loads((output / "scores.json").read_text())
    assert micro.f1 == scores["micro"]["f1"]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "dice"])
def test_every_loss_finds_the_entities(root, corpus, tmp_path, loss):
    """The tiny corpus can be learnt; dice, too, must converge."""
    output = tmp_path / loss
    flags = [f"--loss={loss}", "--num_train_epochs=30", "--learning_rate=1e-2"]
    _run(root, corpus, output, *flags)
    scores = json.loads((output / "scores.json").read_text())
    assert scores["micro"]["f1"] > 0.4  # not learnt at all: 0

"""Runs: deterministic, resumable, the same on several replicas."""

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import tiny
import tiny_runs

import biaffine_tf
from biaffine_tf import evaluation, formats, model_directory


def _run(corpus, output, *flags, code=0):
    return tiny_runs.start(corpus, output, *flags, code=code).stdout


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """An undisturbed run."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    _run(corpus, output, "--neg_sample=0.7")
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
    config = tiny_runs.read_json(whole, "config.json")
    assert config["model"]["long_text"] == "line"  # no text has several
    scores = tiny_runs.read_json(whole, "scores.json")
    assert scores["complete"]
    assert scores["seed"] == 42
    assert scores["environment"]["tensorflow"]
    assert {"micro", "macro", "cluener", "labels"} <= scores.keys()
    history = tiny_runs.history(whole)
    assert len(history) == tiny_runs.EPOCHS
    assert history[-1]["loss"] < history[0]["loss"]
    best = max(history, key=lambda entry: entry["micro_f1"])
    assert scores["epoch"] == best["epoch"]
    assert scores["micro"]["f1"] == best["micro_f1"]


@pytest.mark.slow
def test_a_card_is_kept_up_to_date(corpus, whole, tmp_path):
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
    log = _run(corpus, output, "--neg_sample=0.7", "--noreport")
    assert "already trained" in log
    assert card.read_text() == text
    assert json.loads(scores.read_text()) == known
    _run(corpus, output, "--neg_sample=0.7", "--threshold_objective=f1")
    changed = card.read_text()
    assert "Thresholds are fitted for the best F1" in changed
    assert "Thresholds are" not in text
    assert model_directory.is_sealed(output)
    model_directory.check_digests(output)
    assert json.loads(scores.read_text()) == known
    card.write_text(f"{changed}\nMine.\n")
    log = _run(corpus, output, "--neg_sample=0.7")
    assert f"{card}: not ours, or edited since" in log
    assert card.read_text() == f"{changed}\nMine.\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kill_after", "epoch"), [("weights", 1), ("history", 2)]
)
def test_killed_and_started_again_equals_undisturbed(
    corpus, whole, tmp_path, kill_after, epoch
):
    """Killed between two writes of an epoch's end, the worst moments."""
    output = tmp_path / "killed"
    flag = "--neg_sample=0.7"
    _run(corpus, output, flag, f"--kill_after={kill_after}:{epoch}", code=-9)
    log = _run(corpus, output, flag)
    assert ("continuing after step" in log) == (epoch > 1)
    tiny_runs.assert_same_run(whole, output)
    assert "already trained" in _run(corpus, output, flag)


@pytest.mark.slow
@pytest.mark.parametrize("flag", ["--gradient_checkpointing", "--xla"])
def test_other_ways_to_compute_train_the_same(
    root, corpus, whole, tmp_path, monkeypatch, flag
):
    """The same dropout masks, so the same losses but for rounding."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    output = tmp_path / "run"
    if flag == "--xla":  # TensorFlow hears of it when it is loaded
        flags = tiny_runs.arguments(corpus, output, "--neg_sample=0.7", flag)
        command = [sys.executable, "run_classifier.py", *flags]
        subprocess.run(command, cwd=root, check=True, capture_output=True)
    else:
        _run(corpus, output, "--neg_sample=0.7", flag)
    losses = [
        [e["loss"] for e in tiny_runs.history(o)] for o in (whole, output)
    ]
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-2)
    kept = list(tmp_path.glob("cache/biaffine_tf/xla/*"))
    assert bool(kept) == (flag == "--xla")


@pytest.mark.slow
def test_two_replicas_train_like_one(corpus, tmp_path):
    """Without dropout they do the same sums, also where a replica is idle.

    The norm is that of the sum of their gradients.
    """
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
        "--learning_rate=1e-4",
    ]
    losses, curves = [], []
    for replicas in (1, 2):
        output = tmp_path / str(replicas)
        _run(corpus, output, *flags, f"--replicas={replicas}")
        epochs = tiny_runs.history(output)
        losses.append([epoch["loss"] for epoch in epochs])
        assert all(epoch["sentences"] == 60 for epoch in epochs)
        curves.append(tiny_runs.curves(output))
    np.testing.assert_allclose(losses[1], losses[0], rtol=1e-3)
    for name in ("loss", "gradient_norm", "learning_rate"):
        left, right = (found[f"step/{name}"] for found in curves)
        assert left == pytest.approx(right, rel=1e-3)


@pytest.mark.slow
def test_encoder_from_a_model_directory(corpus, whole, tmp_path):
    output = tmp_path / "continued"
    log = _run(
        corpus,
        output,
        f"--init_checkpoint={whole}",
        "--learning_rate=1e-9",
        "--head_start=zero",
    )
    assert "best epoch" in log
    old, new = tiny_runs.weights(whole), tiny_runs.weights(output)
    for name, value in old.items():
        moved = np.abs(value - new[name]).max()
        if name.startswith("encoder/"):
            assert moved < 1e-5, name
    assert np.abs(new["biaffine/bilinear"]).max() < 1e-5


@pytest.mark.slow
def test_wide_spans_are_counted_and_not_found(corpus, tmp_path):
    output = tmp_path / "narrow"
    flags = ["--max_span_width=2", "--num_train_epochs=10"]
    log = _run(corpus, output, *flags, "--learning_rate=1e-2")
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
    scores = tiny_runs.read_json(output, "scores.json")
    assert scores["training_counts"]["wide_spans"] == wide["train"]
    assert scores["eval_counts"]["wide_spans"] == wide["dev"]
    predicted = list(formats.read(str(output / "predictions.jsonl")))
    widths = {s.end - s.start for one in predicted for s in one.spans}
    assert widths == {1, 2}
    assert scores["micro"]["f1"] > 0.4


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_mixed_precision_learns(corpus, tmp_path, precision):
    output = tmp_path / precision
    # From zeros: a head that starts at the prior has less to learn.
    _run(corpus, output, f"--precision={precision}", "--head_start=zero")
    epochs = tiny_runs.history(output)
    # Float16 skips its first steps, until the loss scale has come down.
    assert epochs[-1]["loss"] < 0.6 * epochs[0]["loss"]
    assert {value.dtype for value in tiny_runs.weights(output).values()} == {
        np.dtype(np.float32)
    }
    # It is scored as it predicts if nobody says in which precision.
    dev = list(formats.read(corpus / "dev.jsonl"))
    found = biaffine_tf.load(str(output)).predict(dev)
    micro = evaluation.score(zip(dev, found, strict=True)).micro
    scores = tiny_runs.read_json(output, "scores.json")
    assert micro.f1 == scores["micro"]["f1"]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["cross_entropy", "focal", "dice"])
def test_every_loss_finds_the_entities(corpus, tmp_path, loss):
    """The tiny corpus can be learnt; dice, too, must converge."""
    output = tmp_path / loss
    flags = [f"--loss={loss}", "--num_train_epochs=30", "--learning_rate=1e-2"]
    _run(corpus, output, *flags)
    scores = tiny_runs.read_json(output, "scores.json")
    assert scores["micro"]["f1"] > 0.4  # not learnt at all: 0

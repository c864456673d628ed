"""Runs with adversarial passes, averages, a neck and layer-wise rates."""

import json

import numpy as np
import pytest
import tiny
import tiny_runs

from biaffine_tf import formats
from biaffine_tf.inference.predictor import Predictor

EVERYTHING = (
    "--adversarial=fgm",
    "--average=ema",
    "--layer_decay=0.8",
    "--lstm_size=4",
    "--layer_mix=learned",
    "--embedding_dropout=0.1",
    "--spatial_dropout=0.1",
    "--num_train_epochs=2",
)


@pytest.mark.slow
def test_a_killed_run_ends_in_the_same_weights(corpus, tmp_path):
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    log = tiny_runs.start(corpus, whole, *EVERYTHING).stdout
    assert "2 forward and backward passes: about 2 times the time" in log
    flags = [*EVERYTHING, "--save_checkpoints_steps=2"]
    tiny_runs.start(corpus, killed, *flags, "--kill_after=step:11", code=-9)
    log = tiny_runs.start(corpus, killed, *flags).stdout
    assert "continuing after step 10" in log
    tiny_runs.assert_same_run(whole, killed)
    history = tiny_runs.history(whole)
    for entry in history:
        assert {"adversarial_loss", "average_macro_f1"} <= entry.keys()
    scores = tiny_runs.read_json(whole, "scores.json")
    best = max(max(e["micro_f1"], e["average_micro_f1"]) for e in history)
    assert scores["micro"]["f1"] == best
    card = (whole / "README.md").read_text()
    said = "The weights are the exponential average of the weights" in card
    assert said == ("average" in scores)
    # What is kept is what was scored.
    dev = list(formats.read(str(corpus / "dev.jsonl")))
    found = list(Predictor.from_directory(str(whole)).predict(dev))
    kept = list(formats.read(str(whole / "predictions.jsonl")))
    for one, other in zip(found, kept, strict=True):
        assert {(s.start, s.end, s.label) for s in one.spans} == {
            (s.start, s.end, s.label) for s in other.spans
        }


@pytest.mark.slow
def test_replicas_move_and_average_as_one(corpus, tmp_path):
    """Without a dev set, the average is kept, and the card says so."""
    config = tiny.encoder_config(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    path = tmp_path / "calm.json"
    path.write_text(json.dumps(config.to_dict()))
    flags = [
        f"--train_data={corpus / 'train.jsonl'}",
        f"--vocab_file={corpus / 'vocab.txt'}",
        f"--bert_config_file={path}",
        "--head_dropout=0",
        "--train_batch_size=30",
        "--num_buckets=1",
        "--learning_rate=1e-4",
        "--adversarial=pgd",
        "--adversarial_steps=2",
        "--average=swa",
    ]
    found = []
    for replicas in (1, 2):
        output = tmp_path / str(replicas)
        log = tiny_runs.run(output, *flags, f"--replicas={replicas}")
        assert "(average of the weights of the last steps)" in log
        card = (output / "README.md").read_text()
        assert "the average of the weights of the last steps" in card
        scores = tiny_runs.read_json(output, "scores.json")
        assert scores["average"] == "average of the weights of the last steps"
        found.append((tiny_runs.weights(output), tiny_runs.history(output)))
    (one, history), (two, other) = found
    for name in ("loss", "adversarial_loss"):
        np.testing.assert_allclose(
            [entry[name] for entry in history],
            [entry[name] for entry in other],
            rtol=1e-3,
        )
    for name, value in one.items():
        np.testing.assert_allclose(value, two[name], atol=2e-4, err_msg=name)

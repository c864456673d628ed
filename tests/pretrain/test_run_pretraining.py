"""Pretraining runs: resumable, the same on replicas, of use afterwards."""

import json
import math

import forked
import numpy as np
import pytest
import safetensors.numpy
import tiny
import tiny_pretraining

OBJECTIVES = pytest.mark.parametrize("objective", ["mlm", "electra"])


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tiny_pretraining.write_corpus(tmp_path_factory.mktemp("corpus"))


def _check(script, *arguments, code=0):
    done = forked.run(script, *arguments)
    assert done.returncode == code, (done.returncode, done.stderr)
    return done


def _pretrain(corpus, output, *flags, code=0, script=tiny_pretraining.SCRIPT):
    arguments = tiny_pretraining.arguments(corpus, output, *flags)
    return _check(script, *arguments, code=code)


def _weights(folder):
    return safetensors.numpy.load_file(folder / "model.safetensors")


def _history(folder):
    text = (folder / "history.json").read_text(encoding="utf-8")
    return json.loads(text)["evaluations"]


def _assert_same(left, right):
    first, second = _weights(left), _weights(right)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


@pytest.mark.slow
@OBJECTIVES
def test_a_killed_run_ends_as_one_that_was_not(corpus, tmp_path, objective):
    """Killed wherever something is written, and something else is not.

    Before any checkpoint; before any evaluation; in the second epoch, between
    two checkpoints; between the last one and the encoder.
    """
    flags = [f"--objective={objective}", "--gradient_accumulation=2"]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    _pretrain(corpus, whole, *flags)
    # With the checkpoint that each leaves. Encoders are written of step 16,
    # once more, and of steps 24 and 30.
    moments = {
        "kill_after=5": [],
        "kill_after=9": ["ckpt-8.index"],
        "kill_after=19": ["ckpt-16.index", "ckpt-8.index"],
        "kill_at_encoder=3": ["ckpt-24.index", "ckpt-30.index"],
    }
    for moment, left in moments.items():
        _pretrain(corpus, killed, *flags, f"--{moment}", code=-9)
        found = (killed / "checkpoints").glob("*.index")
        assert sorted(path.name for path in found) == left
    done = _pretrain(corpus, killed, *flags)
    assert "going on after step 30" in done.stdout
    _assert_same(whole, killed)
    if objective == "electra":
        _assert_same(whole / "generator", killed / "generator")
    held_out = [[e["held_out"] for e in _history(f)] for f in (whole, killed)]
    assert held_out[0] == held_out[1]
    assert [e["step"] for e in _history(whole)] == [10, 20, 30]
    # A generator of 30 steps guesses letters by their frequency, no more.
    loss = "mlm_loss" if objective == "mlm" else "discriminator_loss"
    assert held_out[0][-1][loss] < held_out[0][0][loss]
    guesses = "mlm_loss" if objective == "mlm" else "generator_loss"
    pieces = len((corpus / "vocab.txt").read_text("utf-8").splitlines())
    assert held_out[0][-1][guesses] < 0.9 * math.log(pieces)
    again = _pretrain(corpus, whole, *flags)
    assert "already pretrained" in again.stdout
    other = _pretrain(corpus, whole, *flags, "--seed=1", code=2)
    assert "differs in seed" in other.stderr


@pytest.mark.slow
def test_text_of_which_nothing_is_held_out(corpus, tmp_path):
    _check(
        "pretrain/create_pretraining_data.py",
        f"--input_file={corpus / 'text.txt'}",
        f"--vocab_file={corpus / 'vocab.txt'}",
        f"--output_dir={tmp_path / 'records'}",
        "--max_seq_length=40",
        "--document=line",
        "--held_out=0",
    )
    done = _pretrain(
        corpus,
        tmp_path / "out",
        f"--records_dir={tmp_path / 'records'}",
        "--num_train_steps=4",
        "--learning_rate=1e-6",
    )
    assert "training: mlm loss" in done.stdout
    (entry,) = _history(tmp_path / "out")
    assert entry["held_out"] == {}
    # The output layer starts by frequency, and there are eight letters.
    assert entry["training"]["mlm_loss"] == pytest.approx(np.log(8), rel=0.1)
    assert (tmp_path / "out" / "model.safetensors").exists()


@pytest.mark.slow
def test_two_replicas_learn_what_one_learns(corpus, tmp_path):
    config = tiny.encoder_config(
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    shape = tmp_path / "bert_config.json"
    shape.write_text(json.dumps(config.to_dict()))
    flags = [f"--bert_config_file={shape}", "--learning_rate=1e-3"]
    for count in (1, 2):
        _pretrain(corpus, tmp_path / str(count), *flags, f"--replicas={count}")
    one, two = (_history(tmp_path / str(count)) for count in (1, 2))
    for left, right in zip(one, two, strict=True):
        for group in ("training", "held_out"):
            assert left[group] == pytest.approx(right[group], rel=1e-3)


@pytest.mark.slow
def test_what_was_learnt_is_gone_on_from_and_fine_tuned(corpus, tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    _pretrain(corpus, first)
    start = _history(first)[-1]["held_out"]["mlm_loss"]
    done = _pretrain(
        corpus,
        second,
        f"--encoder_dir={first}",
        "--learning_rate=1e-6",
        "--num_train_steps=2",
        "--num_warmup_steps=0",
        "--eval_steps=1",
    )
    assert "mlm/" not in done.stdout.partition("missing")[2]
    after = _history(second)[0]["held_out"]["mlm_loss"]
    assert after == pytest.approx(start, rel=1e-2)

    from biaffine_tf import readers

    for name, seed in (("train", 0), ("dev", 1)):
        readers.write(
            tmp_path / f"{name}.jsonl",
            tiny.sentences(20, seed=seed),
            "span_jsonl",
        )
    done = _check(
        "run_classifier.py",
        f"--train_data={tmp_path / 'train.jsonl'}",
        f"--eval_data={tmp_path / 'dev.jsonl'}",
        f"--encoder_dir={first}",
        f"--output_dir={tmp_path / 'model'}",
        "--max_seq_length=40",
        "--num_train_epochs=1",
        "--nested",
    )
    assert (tmp_path / "model" / "weights.safetensors").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--records_dir=nowhere"], "nowhere"),
        (["--bert_config_file="], "--bert_config_file"),
        (["--masking=word"], "--words"),
        (["--generator_size=0.01", "--objective=electra"], "generator_size"),
        (["--num_warmup_steps=31"], "num_warmup_steps"),
    ],
)
def test_what_cannot_run_is_said_in_one_line(corpus, tmp_path, flags, message):
    script = "pretrain/run_pretraining.py"
    done = _pretrain(corpus, tmp_path / "o", *flags, code=2, script=script)
    assert done.stderr.count("\n") == 1
    assert message in done.stderr
    assert not (tmp_path / "o").exists()


@pytest.mark.slow
def test_random_weights_take_the_size_of_the_vocabulary(corpus, tmp_path):
    config = tiny.encoder_config(vocab_size=999).to_dict()
    (tmp_path / "c.json").write_text(json.dumps(config))
    done = _pretrain(
        corpus,
        tmp_path / "encoder",
        f"--bert_config_file={tmp_path / 'c.json'}",
        "--num_train_steps=4",
    )
    assert "vocab_size=28 as the records have, instead of 999" in done.stdout
    stored = json.loads((tmp_path / "encoder" / "config.json").read_text())
    assert stored["vocab_size"] == 28

"""Runs that diverge, learn nothing, meet another or find damaged files."""

import os
import re
import shutil

import numpy as np
import pytest
import tiny_runs

from biaffine_tf.locks import locked

pytestmark = pytest.mark.slow  # trains

STEPS = -(-tiny_runs.SENTENCES // tiny_runs.BATCH)  # of an epoch
DIVERGE = ["--learning_rate=1e30", "--max_gradient_norm=1e30"]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tiny_runs.write_corpus(tmp_path_factory.mktemp("corpus"))


def _run(corpus, output, *flags, code=0):
    done = tiny_runs.start(corpus, output, *flags, code=code)
    assert "Traceback" not in done.stderr
    return done


def _error(done):
    """The one line that a command ends with."""
    lines = done.stderr.replace("\r", "\n").splitlines()
    (line,) = [line for line in lines if line.startswith("error: ")]
    assert line == lines[-1]
    return line


def test_a_run_that_diverges_at_once_leaves_no_model(corpus, tmp_path):
    lines = []
    for _ in range(2):  # the same command again does not succeed either
        done = _run(corpus, tmp_path, *DIVERGE, code=2)
        lines.append(_error(done))
        names = set(os.listdir(tmp_path))
        assert names == {
            "config.json", "labels.txt", "vocab.txt", "records", "logs",
        }  # fmt: skip
    assert lines[0] == lines[1]
    assert re.match(
        r"error: stopped: the (loss|gradient norm) of step [2-8] is (nan|inf); "
        r"no epoch has ended, so there is no model; give a smaller "
        r"--learning_rate than 1e\+30 or a smaller --max_gradient_norm than "
        r"1e\+30, with --overwrite or another --output_dir$",
        lines[0],
    )


def test_a_run_that_diverges_later_keeps_its_best_model(corpus, tmp_path):
    flag = "--precision=mixed_bfloat16"
    done = _run(corpus, tmp_path, flag, "--poison_after=1", code=2)
    line = _error(done)
    assert f"of step {STEPS + 1} is nan" in line
    assert f"{tmp_path} keeps the model of epoch 1; " in line
    assert "--precision=float32 instead of mixed_bfloat16" in line
    assert "--max_gradient_norm" not in line  # it is 1 already
    weights = tiny_runs.weights(tmp_path)
    assert all(np.isfinite(value).all() for value in weights.values())
    assert len(tiny_runs.history(tmp_path)) == 1
    scores = tiny_runs.read_json(tmp_path, "scores.json")
    assert scores["epoch"] == 1 and not scores["complete"]
    for name in ("confidence.json", "report.html", "README.md"):
        assert not (tmp_path / name).exists()
    # The checkpoint is of before: without the poison the run goes on.
    done = _run(corpus, tmp_path, flag)
    assert f"continuing after step {STEPS} of" in done.stdout


def test_a_run_that_finds_nothing_says_so(corpus, tmp_path):
    flags = ["--learning_rate=1e-9", "--num_train_epochs=4", "--report=false"]
    done = _run(corpus, tmp_path, *flags)
    out = done.stdout
    assert "best" not in out
    assert out.count("dev micro F1 is still 0 after 2 of 4 epochs; ") == 1
    assert out.count("dev micro F1 is still 0") == 1
    last = out.splitlines()[-1]
    assert last.startswith(
        "the model finds no entity of the dev set (micro F1 0 after 4 epochs)"
    )
    for told in (
        "--learning_rate (now 1e-09)",
        "--num_train_epochs (now 4)",
        "--encoder_dir; now the encoder starts at random",
        "--tokenizer=wordpiece",
        "(now char, case kept)",
    ):
        assert told in last
    # The longest training is kept, not the first of equals.
    scores = tiny_runs.read_json(tmp_path, "scores.json")
    assert scores["epoch"] == 4 and scores["micro"]["f1"] == 0
    assert "epoch 4 of 4: no epoch found any" in (
        tmp_path / "README.md"
    ).read_text().replace("\n", " ")
    again = _run(corpus, tmp_path, *flags).stdout.splitlines()
    assert any("already trained" in line for line in again[:3])
    assert again[-1] == last


def test_a_second_run_on_a_directory_is_refused(corpus, tmp_path):
    output = tmp_path / "out"
    with locked(output):
        line = _error(_run(corpus, output, code=2))
        assert f"(pid {os.getpid()} on " in line
        assert os.listdir(output) == [".lock"]
    assert not output.exists()


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    """An undisturbed run."""
    output = tmp_path_factory.mktemp("runs") / "whole"
    _run(corpus, output)
    return output


@pytest.fixture(scope="module")
def killed(corpus, tmp_path_factory):
    """A run that was killed before its last checkpoint."""
    output = tmp_path_factory.mktemp("runs") / "killed"
    _run(corpus, output, f"--kill_after=history:{tiny_runs.EPOCHS}", code=-9)
    return output


@pytest.fixture
def copy(killed, tmp_path):
    return shutil.copytree(killed, tmp_path / "copy")


def _checkpoint(output, number, suffix):
    step = number * STEPS
    (path,) = (output / "checkpoints").glob(f"ckpt-{step}{suffix}")
    return path


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("suffix", "damage", "history"),
    [
        (".data-*", _cut, None),
        (".index", _flip, "{"),
        (".json", lambda path: path.unlink(), '{"epochs": 5}'),
        (None, None, "[]"),
    ],
)
def test_damaged_state_is_healed(corpus, whole, copy, suffix, damage, history):
    expected = 2
    if suffix is not None:
        damage(_checkpoint(copy, 2, suffix))
        expected = 1
    if history is None:
        (copy / "history.json").unlink()
    else:
        (copy / "history.json").write_text(history)
    done = _run(corpus, copy)
    assert f"continuing after step {expected * STEPS} of" in done.stdout
    assert ("; continuing from " in done.stdout) == (suffix is not None)
    tiny_runs.assert_same_weights(whole, copy)
    losses = [[e["loss"] for e in tiny_runs.history(o)] for o in (whole, copy)]
    assert losses[0] == losses[1]


def _damage_both(output):
    for number in (1, 2):
        _checkpoint(output, number, ".data-*").write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (
            lambda output: (output / "scores.json").unlink(),
            ["scores.json of the best epoch missing", "delete", "checkpoints"],
        ),
        (
            lambda output: (output / "scores.json").write_text("[]"),
            ["scores.json: not the scores of a run", "delete it"],
        ),
        (
            lambda output: _cut(output / "weights.safetensors"),
            ["weights.safetensors: not readable", "delete", "checkpoints"],
        ),
        (
            lambda output: (output / "predictions.jsonl").unlink(),
            ["predictions.jsonl of the best epoch missing", "checkpoints"],
        ),
    ],
)
def test_damage_that_cannot_be_healed_is_one_line(corpus, copy, damage, parts):
    damage(copy)
    line = _error(_run(corpus, copy, code=2))
    assert all(part in line for part in parts), line


def test_what_the_line_advises_helps(corpus, copy):
    _damage_both(copy)
    _error(_run(corpus, copy, code=2))
    shutil.rmtree(copy / "checkpoints")
    assert "continuing" not in _run(corpus, copy).stdout
    assert len(tiny_runs.history(copy)) == tiny_runs.EPOCHS

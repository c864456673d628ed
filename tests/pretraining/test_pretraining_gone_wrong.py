"""Pretraining that diverges, meets another run or finds damaged files."""

import itertools
import json
import os
import re
import shutil

import numpy as np
import pytest
import tiny_pretraining
from tiny_pretraining import check, pretrain, weights

from biaffine_tf.locks import locked
from biaffine_tf.pretraining.run import _line, _with_perplexity

SEEDS = [0, 1, 2**31 - 1, 2**31, 3_000_000_000, 2**63 - 1]


@pytest.fixture(scope="module")
def corpus():
    return tiny_pretraining.write_corpus()


def _error(done):
    """The one line that a command ends with."""
    lines = done.stderr.replace("\r", "\n").splitlines()
    (line,) = [line for line in lines if line.startswith("error: ")]
    assert line == lines[-1]
    return line


def _same(left, right):
    return all(np.array_equal(left[name], right[name]) for name in left)


@pytest.mark.slow
def test_a_run_that_diverges_at_once_leaves_no_encoder(corpus, tmp_path):
    flags = [
        "--learning_rate=1e30",
        "--max_gradient_norm=1e30",
        "--gradient_accumulation=2",
    ]
    lines = [_error(pretrain(corpus, tmp_path, *flags, code=2)) for _ in "12"]
    assert lines[0] == lines[1]
    assert re.match(
        r"error: stopped: the (loss|gradient norm) of step [2-8] is (nan|inf); "
        r"no checkpoint has been written, so there is no encoder; give a "
        r"smaller --learning_rate than 1e\+30 or a smaller --max_gradient_norm",
        lines[0],
    )
    assert set(os.listdir(tmp_path)) == {"pretraining.json", "logs"}


@pytest.mark.slow
def test_a_run_that_diverges_later_keeps_its_encoder(corpus, tmp_path):
    done = pretrain(corpus, tmp_path, "--poison_after=12", code=2)
    line = _error(done)
    assert "of step 13 is nan" in line
    assert f"{tmp_path} keeps the encoder of step 8; " in line
    assert all(np.isfinite(x).all() for x in weights(tmp_path).values())
    settings = json.loads((tmp_path / "pretraining.json").read_text())
    assert not settings["complete"]
    done = pretrain(corpus, tmp_path)
    assert "continuing after step 8 of" in done.stdout


@pytest.mark.parametrize("loss", [1.5, 100.0, 1e4, 1e30])
def test_the_perplexity_of_any_loss(loss):
    figures = _with_perplexity({"mlm_loss": loss})
    assert figures["mlm_loss"] == loss
    assert figures["mlm_perplexity"] >= np.exp(min(loss, 100)) * 0.999
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    line = _line({"held_out": figures, "step": 1, "seconds": 2.0})
    assert len(line) < 150


@pytest.mark.slow
def test_second_runs_on_a_directory_are_refused(corpus, tmp_path):
    start = tmp_path / "start"
    calls = [
        (
            "pretrain/run_pretraining.py",
            tiny_pretraining.arguments(corpus, start),
        ),
        (
            "pretrain/create_pretraining_data.py",
            tiny_pretraining.data_arguments(corpus, start),
        ),
        (
            "pretrain/create_embeddings.py",
            [
                f"--records_dir={corpus / 'records'}",
                f"--bert_config_file={corpus / 'bert_config.json'}",
                f"--output_dir={start}",
            ],
        ),
    ]
    with locked(start):
        for script, arguments in calls:
            line = _error(check(script, *arguments, code=2))
            assert f"{start}: another process writes to it (pid " in line
            assert f"(pid {os.getpid()} on " in line
        assert os.listdir(start) == [".lock"]
    # The lock file of a killed process locks nobody out.
    start.mkdir()
    (start / ".lock").write_text("")
    check(*[calls[1][0], *calls[1][1]])
    assert not (start / ".lock").exists()


@pytest.fixture(scope="module")
def whole(corpus, tmp_path_factory):
    output = tmp_path_factory.mktemp("runs") / "whole"
    pretrain(corpus, output)
    return output


@pytest.fixture(scope="module")
def killed(corpus, tmp_path_factory):
    """A run killed after the checkpoints of steps 8 and 16."""
    output = tmp_path_factory.mktemp("runs") / "killed"
    pretrain(corpus, output, "--kill_after=19", code=-9)
    return output


@pytest.fixture
def copy(killed, tmp_path):
    return shutil.copytree(killed, tmp_path / "copy")


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("damaged", "history", "step"),
    [
        ("ckpt-16.data-*", None, 8),
        ("ckpt-16.json", "[]", 8),
        (None, "{", 16),
    ],
)
def test_damaged_state_is_healed(corpus, whole, copy, damaged, history, step):
    if damaged is not None:
        (path,) = (copy / "checkpoints").glob(damaged)
        _cut(path)
    if history is None:
        (copy / "history.json").unlink()
    else:
        (copy / "history.json").write_text(history)
    done = pretrain(corpus, copy)
    assert f"continuing after step {step} of" in done.stdout
    assert _same(weights(whole), weights(copy))
    seen = [
        [
            (entry["held_out"], entry["training"])
            for entry in json.loads((o / "history.json").read_text())[
                "evaluations"
            ]
        ]
        for o in (whole, copy)
    ]
    assert seen[0] == seen[1]


@pytest.mark.slow
def test_damage_that_cannot_be_healed_is_one_line(corpus, copy):
    for path in (copy / "checkpoints").glob("*.index"):
        path.write_bytes(b"")
    line = _error(pretrain(corpus, copy, code=2))
    assert "no checkpoint of this run can be read (" in line
    assert "delete this folder to begin the run anew" in line
    for content in ("[]", "{}", '{"settings": 5, "complete": true}', ""):
        (copy / "pretraining.json").write_text(content)
        line = _error(pretrain(corpus, copy, code=2))
        assert "pretraining.json: not " in line and "(" in line


@pytest.mark.slow
def test_every_seed_is_a_run_of_its_own(corpus, tmp_path):
    flags = ["--num_train_steps=3", "--objective=electra", "--eval_steps=3"]
    runs = {}
    for seed in (SEEDS[0], SEEDS[-1]):
        output = tmp_path / str(seed)
        pretrain(corpus, output, *flags, f"--seed={seed}")
        runs[seed] = weights(output)
    for one, two in itertools.combinations(runs, 2):
        assert not _same(runs[one], runs[two]), (one, two)


@pytest.mark.slow
def test_every_seed_makes_records_and_embeddings(corpus, tmp_path):
    shards, tables = {}, {}
    for seed in SEEDS[2::3]:
        records = tmp_path / f"records{seed}"
        check(
            "pretrain/create_pretraining_data.py",
            *tiny_pretraining.data_arguments(
                corpus, records, "--dupe_factor=1", f"--seed={seed}"
            ),
        )
        shards[seed] = b"".join(
            path.read_bytes() for path in sorted(records.glob("train*"))
        )
        output = tmp_path / f"start{seed}"
        config = json.loads((corpus / "bert_config.json").read_text())
        shape = tmp_path / "narrow.json"
        shape.write_text(json.dumps(config | {"embedding_size": 4}))
        check(
            "pretrain/create_embeddings.py",
            f"--records_dir={corpus / 'records'}",
            f"--bert_config_file={shape}",
            f"--output_dir={output}",
            f"--seed={seed}",
        )
        tables[seed] = weights(output)
    for one, two in itertools.combinations(shards, 2):
        assert shards[one] != shards[two], (one, two)
        assert not _same(tables[one], tables[two]), (one, two)

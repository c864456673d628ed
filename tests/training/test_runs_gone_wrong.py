"""Runs that diverge, learn nothing, meet another or find damaged files."""

import itertools
import json
import os
import re
import shutil
from typing import NamedTuple

import forked
import numpy as np
import pytest
import tiny_pretraining
import tiny_runs

from biaffine_tf.locks import locked
from biaffine_tf.pretraining.run import _line, _with_perplexity


class Objective(NamedTuple):
    """A command that trains, and what it leaves.

    Attributes:
        runs: The module of its tiny runs.
        run: Function that runs it.
        corpus: Folder of its data.
        kept: Name of what it keeps.
        event: Name of the first moment at which it keeps it.
        step: The step of that moment, of which there is a checkpoint.
        files: Files of a run that has kept nothing.
        last: Moment of a kill soon after the second checkpoint.
    """

    runs: object
    run: object
    corpus: object
    kept: str
    event: str
    step: int
    files: set
    last: str

    def history(self, output):
        """The history but for its times."""
        if self.runs is tiny_pretraining:
            return tiny_pretraining.metrics(output)
        return [entry["loss"] for entry in tiny_runs.history(output)]


@pytest.fixture(scope="module", params=["fine-tuning", "pretraining"])
def objective(request, corpus):
    if request.param == "pretraining":
        return Objective(
            tiny_pretraining,
            tiny_pretraining.pretrain,
            tiny_pretraining.write_corpus(),
            "encoder",
            "no checkpoint has been written",
            tiny_pretraining.STEPS_PER_CHECKPOINT,
            {"pretraining.json", "logs"},
            "step:19",
        )
    return Objective(
        tiny_runs,
        tiny_runs.start,
        corpus,
        "model",
        "no epoch has ended",
        -(-tiny_runs.SENTENCES // tiny_runs.BATCH),
        {"config.json", "labels.txt", "vocab.txt", "records", "logs"},
        f"history:{tiny_runs.EPOCHS}",
    )


@pytest.fixture
def run(objective):
    """Runs the objective."""

    def start(output, *flags, code=0):
        return objective.run(objective.corpus, output, *flags, code=code)

    return start


def _error(done):
    """The one line that a command ends with."""
    lines = done.stderr.replace("\r", "\n").splitlines()
    (line,) = [line for line in lines if line.startswith("error: ")]
    assert line == lines[-1]
    return line


@pytest.mark.slow
def test_a_run_that_diverges_at_once_leaves_nothing(objective, run, tmp_path):
    flags = ["--learning_rate=1e30", "--max_gradient_norm=1e30"]
    flags.append("--gradient_accumulation=2")
    # The same command again does not succeed either.
    lines = [_error(run(tmp_path, *flags, code=2)) for _ in "12"]
    assert lines[0] == lines[1]
    assert re.match(
        r"error: stopped: the (loss|gradient norm) of step [2-8] is (nan|inf); "
        rf"{objective.event}, so there is no {objective.kept}; give a "
        r"smaller --learning_rate than 1e\+30 or a smaller --max_gradient_norm "
        r"than 1e\+30, with --overwrite or another --output_dir$",
        lines[0],
    )
    assert set(os.listdir(tmp_path)) == objective.files


@pytest.mark.slow
def test_a_run_that_diverges_later_keeps_its_best(objective, run, tmp_path):
    flag = "--precision=mixed_bfloat16"
    poison = 12 if objective.kept == "encoder" else objective.step
    done = run(tmp_path, flag, f"--poison_after={poison}", code=2)
    line = _error(done)
    assert f"of step {poison + 1} is nan" in line
    when = "epoch 1" if objective.kept == "model" else "step 8"
    assert f"{tmp_path} keeps the {objective.kept} of {when}; " in line
    assert "--precision=float32 instead of mixed_bfloat16" in line
    assert "--max_gradient_norm" not in line  # it is 1 already
    weights = objective.runs.weights(tmp_path)
    assert all(np.isfinite(value).all() for value in weights.values())
    assert len(objective.history(tmp_path)) == 1
    if objective.kept == "model":
        scores = tiny_runs.read_json(tmp_path, "scores.json")
        assert scores["epoch"] == 1 and not scores["complete"]
        for name in ("confidence.json", "report.html", "README.md"):
            assert not (tmp_path / name).exists()
    else:
        settings = json.loads((tmp_path / "pretraining.json").read_text())
        assert not settings["complete"]
    # The checkpoint is of before: without the poison the run goes on.
    done = run(tmp_path, flag)
    assert f"continuing after step {objective.step} of" in done.stdout


@pytest.mark.slow
def test_a_run_that_finds_nothing_says_so(corpus, tmp_path):
    flags = ["--learning_rate=1e-9", "--num_train_epochs=4", "--report=false"]
    out = tiny_runs.start(corpus, tmp_path, *flags).stdout
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
    again = tiny_runs.start(corpus, tmp_path, *flags).stdout.splitlines()
    assert any("already trained" in line for line in again[:3])
    assert again[-1] == last


@pytest.mark.parametrize("loss", [1.5, 100.0, 1e4, 1e30])
def test_the_perplexity_of_any_loss(loss):
    figures = _with_perplexity({"mlm_loss": loss})
    assert figures["mlm_loss"] == loss
    assert figures["mlm_perplexity"] >= np.exp(min(loss, 100)) * 0.999
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    line = _line({"held_out": figures, "step": 1, "seconds": 2.0})
    assert len(line) < 150


@pytest.mark.slow
def test_a_second_command_on_a_directory_is_refused(corpus, tmp_path):
    output = tmp_path / "out"
    texts = tiny_pretraining.write_corpus()
    make_records = [
        "pretrain/create_pretraining_data.py",
        *tiny_pretraining.data_arguments(texts, output),
    ]
    commands = [
        [tiny_runs.SCRIPT, "train", *tiny_runs.arguments(corpus, output)],
        [
            "pretrain/run_pretraining.py",
            *tiny_pretraining.arguments(texts, output),
        ],
        make_records,
        [
            "pretrain/create_embeddings.py",
            f"--records_dir={texts / 'records'}",
            f"--bert_config_file={texts / 'bert_config.json'}",
            f"--output_dir={output}",
        ],
    ]
    with locked(output):
        for command in commands:
            line = _error(forked.check(*command, code=2))
            assert f"{output}: another process writes to it (pid " in line
            assert f"(pid {os.getpid()} on " in line
        assert os.listdir(output) == [".lock"]
    assert not output.exists()
    # The lock file of a killed process locks nobody out.
    output.mkdir()
    (output / ".lock").write_text("")
    forked.check(*make_records)
    assert not (output / ".lock").exists()


@pytest.fixture(scope="module")
def runs(objective, tmp_path_factory):
    """An undisturbed run, and one killed after its second checkpoint."""
    folder = tmp_path_factory.mktemp("runs")
    objective.run(objective.corpus, folder / "whole")
    killed = folder / "killed"
    flag = f"--kill_after={objective.last}"
    objective.run(objective.corpus, killed, flag, code=-9)
    return folder


@pytest.fixture
def copy(runs, tmp_path):
    return shutil.copytree(runs / "killed", tmp_path / "copy")


def _checkpoint(copy, objective, number, suffix):
    name = f"ckpt-{number * objective.step}{suffix}"
    (path,) = (copy / "checkpoints").glob(name)
    return path


def _cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "damage", "history"),
    [
        (".data-*", _cut, None),
        (".json", os.unlink, '{"epochs": 5}'),
        (None, None, "[]"),
    ],
)
def test_damaged_state_is_healed(
    objective, run, runs, copy, suffix, damage, history
):
    if suffix is not None:
        damage(_checkpoint(copy, objective, 2, suffix))
    if history is None:
        (copy / "history.json").unlink()
    else:
        (copy / "history.json").write_text(history)
    done = run(copy)
    step = objective.step * (2 if suffix is None else 1)
    assert f"continuing after step {step} of" in done.stdout
    assert ("; continuing from " in done.stdout) == (suffix is not None)
    whole = runs / "whole"
    tiny_runs.assert_same_weights(whole, copy, read=objective.runs.weights)
    assert objective.history(whole) == objective.history(copy)


def _remove_checkpoints(copy):
    for path in (copy / "checkpoints").glob("*.index"):
        path.write_bytes(b"")


def _write(name, content):
    return lambda copy: (copy / name).write_text(content)


NO_CHECKPOINT = (
    _remove_checkpoints,
    ["no checkpoint of this run can be read (", "delete this folder to begin"],
)
BEYOND_REPAIR = {
    "model": [
        NO_CHECKPOINT,
        (
            lambda copy: (copy / "scores.json").unlink(),
            ["scores.json of the best epoch missing", "delete", "checkpoints"],
        ),
        (
            _write("scores.json", "[]"),
            ["scores.json: not the scores of a run", "delete it"],
        ),
        (
            lambda copy: _cut(copy / "weights.safetensors"),
            ["weights.safetensors: not readable", "delete", "checkpoints"],
        ),
        (
            lambda copy: (copy / "predictions.jsonl").unlink(),
            ["predictions.jsonl of the best epoch missing", "checkpoints"],
        ),
    ],
    "encoder": [
        NO_CHECKPOINT,
        *[
            (
                _write("pretraining.json", content),
                ["pretraining.json: not ", "("],
            )
            for content in ("[]", "{}", '{"settings": 5, "complete": true}', "")
        ],
    ],
}


@pytest.mark.slow
def test_damage_that_cannot_be_healed_is_one_line(
    objective, run, runs, tmp_path
):
    for number, (damage, parts) in enumerate(BEYOND_REPAIR[objective.kept]):
        copy = shutil.copytree(runs / "killed", tmp_path / str(number))
        damage(copy)
        line = _error(run(copy, code=2))
        assert all(part in line for part in parts), line
        if damage is _remove_checkpoints:  # what the line advises helps
            shutil.rmtree(copy / "checkpoints")
            assert "continuing" not in run(copy).stdout
            assert len(objective.history(copy)) == tiny_runs.EPOCHS


# Others: tests/test_seeds.py, tests/records/test_pipeline.py.
SEEDS = [0, 2**31, 2**63 - 1]


def _assert_all_differ(weights):
    for one, two in itertools.combinations(weights, 2):
        assert any(
            not np.array_equal(value, weights[two][name])
            for name, value in weights[one].items()
        ), (one, two)


@pytest.mark.slow
def test_every_seed_is_a_run_of_its_own(objective, run, tmp_path):
    flags = ["--num_train_epochs=1", "--neg_sample=0.7", "--noreport"]
    flags, seeds = [*flags, "--nocalibrate"], SEEDS
    if objective.kept == "encoder":
        flags = ["--num_train_steps=3", "--objective=electra", "--eval_steps=3"]
        seeds = SEEDS[1:]
    for seed in seeds:
        run(tmp_path / str(seed), *flags, f"--seed={seed}")
    read = objective.runs.weights
    _assert_all_differ({seed: read(tmp_path / str(seed)) for seed in seeds})
    if objective.kept == "model":
        for seed in seeds:
            scores = tiny_runs.read_json(tmp_path / str(seed), "scores.json")
            assert scores["seed"] == seed
        last = tmp_path / str(SEEDS[-1])
        run(tmp_path / "again", *flags, f"--seed={SEEDS[-1]}")
        tiny_runs.assert_same_weights(last, tmp_path / "again")


@pytest.mark.slow
def test_every_seed_makes_records_and_embeddings(tmp_path):
    corpus = tiny_pretraining.write_corpus()
    config = json.loads((corpus / "bert_config.json").read_text())
    shape = tmp_path / "narrow.json"
    shape.write_text(json.dumps(config | {"embedding_size": 4}))
    shards, tables = {}, {}
    for seed in SEEDS[1:]:
        records, output = tmp_path / f"records{seed}", tmp_path / f"start{seed}"
        flags = ["--dupe_factor=1", f"--seed={seed}"]
        forked.check(
            "pretrain/create_pretraining_data.py",
            *tiny_pretraining.data_arguments(corpus, records, *flags),
        )
        forked.check(
            "pretrain/create_embeddings.py",
            f"--records_dir={corpus / 'records'}",
            f"--bert_config_file={shape}",
            f"--output_dir={output}",
            f"--seed={seed}",
        )
        paths = sorted(records.glob("train*"))
        content = b"".join(path.read_bytes() for path in paths)
        shards[seed] = {"records": np.frombuffer(content, np.uint8)}
        tables[seed] = tiny_pretraining.weights(output)
    _assert_all_differ(shards)
    _assert_all_differ(tables)

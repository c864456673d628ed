"""Runs on several files, without a dev set, with part of the training data."""

import json
import os

import pytest
import tiny_runs
from tiny_runs import encoder_flags, read_json, run

import biaffine_tf
from biaffine_tf import formats
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    return tiny_runs.make_corpus(
        tmp_path_factory.mktemp("corpus"), one=40, two=30, dev=20, test=25
    )


def _files(path):
    return {entry.name for entry in path.iterdir()}


@pytest.fixture(scope="module")
def without_dev(corpus, tmp_path_factory):
    """A run with nothing but training data, and what it said."""
    output = tmp_path_factory.mktemp("runs") / "without_dev"
    flags = [f"--train_data={corpus / 'one.jsonl'}", *encoder_flags(corpus)]
    return output, run(output, *flags), flags


def test_a_run_without_a_dev_set(without_dev):
    output, log, _ = without_dev
    assert _files(output) == {
        "config.json",
        "labels.txt",
        "vocab.txt",
        "weights.safetensors",
        "scores.json",
        "history.json",
        "digests.json",
        "README.md",
        "logs",
        "records",
    }
    assert "no dev set: neither --eval_data nor --dev_fraction" in log
    assert "2 epochs, not scored, in" in log
    assert "F1" not in log and "best" not in log
    scores = read_json(output, "scores.json")
    assert scores["complete"] and scores["epoch"] == scores["epochs"] == 2
    assert not {"micro", "labels", "eval_counts", "test"} & scores.keys()
    entries = read_json(output, "history.json")["epochs"]
    assert len(entries) == 2
    assert not any("f1" in name for entry in entries for name in entry)
    assert "eval_data" not in read_json(output, "config.json")["data"]
    card = (output / "README.md").read_text()
    assert "trained without a dev set" in card
    assert "The quality of the model is unknown" in card
    assert "The epoch was chosen by" not in card


def test_a_model_without_a_dev_set_is_used_like_any_other(without_dev, corpus):
    output, _, flags = without_dev
    ner = biaffine_tf.load(str(output))
    for sentence in formats.read(corpus / "dev.jsonl"):
        for entity in ner(sentence.text):
            assert 0 < entity.score <= 1
    assert "already trained" in run(output, *flags)
    assert "confidence.json" not in _files(output)


def test_the_last_epoch_is_kept_and_a_kill_changes_nothing(
    without_dev, corpus, tmp_path
):
    output, _, flags = without_dev
    other = tmp_path / "killed"
    run(other, *flags, "--kill_after=weights:2", code=-9)
    assert "continuing after" in run(other, *flags)
    tiny_runs.assert_same_run(output, other)
    # The last epoch, whichever a dev set would have chosen.
    scored = tmp_path / "scored"
    run(scored, *flags, f"--eval_data={corpus / 'dev.jsonl'}")
    entries = read_json(scored, "history.json")["epochs"]
    if max(entries, key=lambda e: e["micro_f1"]) is entries[-1]:
        tiny_runs.assert_same_weights(output, scored)
    losses = [
        [e["loss"] for e in read_json(path, "history.json")["epochs"]]
        for path in (output, scored)
    ]
    assert losses[0] == losses[1]


def test_an_export_without_a_dev_set_is_asked_training_texts(
    without_dev, corpus
):
    output, _, flags = without_dev
    log = run(output, *flags, "--export")
    manifest = read_json(output, "export/export.json")
    assert manifest["parity"]["sentences"] > 40
    assert manifest["parity"]["differing"] == 0
    assert f"{manifest['parity']['sentences']} texts were compared" in log


def test_a_plan_without_a_dev_set(corpus, tmp_path):
    flags = [f"--train_data={corpus / 'one.jsonl'}", *encoder_flags(corpus)]
    log = run(tmp_path / "none", *flags, "--plan")
    assert "no dev set" in log
    (row,) = [one for one in log.splitlines() if "evaluation, an epoch" in one]
    assert " 0 s" in row
    assert not (tmp_path / "none").exists()


def test_several_files_train_like_one(corpus, tmp_path):
    """Files and globs name the same data; twice named is read once."""
    joined = tmp_path / "joined.jsonl"
    names = ("one.jsonl", "two.jsonl")
    joined.write_bytes(b"".join((corpus / n).read_bytes() for n in names))
    outputs = {}
    for name, flags in {
        "joined": [f"--train_data={joined}"],
        "comma": [
            f"--data_dir={corpus}",
            "--train_data=one.jsonl,two.jsonl,./one.jsonl",
        ],
        # Given again, a flag is replaced: recipes are changed so.
        "glob": [
            f"--train_data={corpus / 'dev.jsonl'}",
            f"--train_data={corpus / 'one.jsonl'},{corpus}/t[wx]o.jsonl",
        ],
    }.items():
        output = outputs[name] = tmp_path / name
        eval_data = f"--eval_data={corpus / 'dev.jsonl'}"
        flags += [eval_data, *encoder_flags(corpus), "--noreport"]
        log = run(output, *flags, "--nocalibrate")
        assert ("training data: 2 files: " in log) == (name != "joined")
        assert "training data: 70 sentences" in log
        tiny_runs.assert_same_weights(outputs["joined"], output)
    data = [read_json(o, "config.json")["data"] for o in outputs.values()]
    assert data[1] == data[2]
    assert data[0]["train_data"] != data[1]["train_data"]
    # The same command, by other words, is the same run.
    assert "already trained" in run(
        outputs["comma"],
        f"--train_data={corpus}/one.jsonl,{corpus}/two.jsonl",
        f"--eval_data={corpus}/d*v.jsonl",
        *encoder_flags(corpus),
    )


def test_a_fraction_is_a_dev_set(corpus, tmp_path):
    output = tmp_path / "run"
    paths = [str(corpus / "one.jsonl"), str(corpus / "two.jsonl")]
    flags = [
        f"--train_data={','.join(paths)}",
        "--dev_fraction=0.2",
        *encoder_flags(corpus),
    ]
    log = run(output, *flags)
    expected = split(Corpus(tuple(paths)), fraction=0.2, seed=42)
    for line in expected.lines:
        assert line in log
    dev = list(expected.dev.read())
    scores = read_json(output, "scores.json")
    assert scores["sentences"] == scores["eval_counts"]["sentences"] == len(dev)
    assert scores["training_counts"]["sentences"] == 70 - len(dev)
    predicted = formats.read(output / "predictions.jsonl")
    assert [one.text for one in predicted] == [one.text for one in dev]
    assert {"confidence.json", "report.html"} <= _files(output)
    data = read_json(output, "config.json")["data"]
    assert data["dev_fraction"] == "0.2" and "eval_data" not in data
    assert "0.2 of the training file" in (output / "README.md").read_text()
    assert "already trained" in run(output, *flags)
    # It is part of what makes a run, and its records.
    other = run(output, *flags, "--dev_fraction=0.3", code=2)
    assert "differs in data.dev_fraction" in other
    elsewhere = tmp_path / "other"
    run(elsewhere, *flags, "--seed=1", f"--records_dir={output / 'records'}")
    assert len(list((output / "records").iterdir())) == 2


def test_test_data_is_scored_once_at_the_end(corpus, tmp_path):
    output = tmp_path / "run"
    flags = [
        f"--train_data={corpus / 'one.jsonl'}",
        f"--eval_data={corpus / 'dev.jsonl'}",
        "--num_train_epochs=12",
        "--learning_rate=1e-2",
        *encoder_flags(corpus),
    ]
    test = f"--test_data={corpus / 'test.jsonl'}"
    log = run(output, *flags)
    assert "test data" not in log
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "Test scores" not in page
    # It is no other experiment with it.
    log = run(output, *flags, test)
    assert "already trained" in log
    assert "test data: 25 sentences, micro F1 0." in log
    known = read_json(output, "scores.json")
    _assert_test_scores(output, corpus / "test.jsonl", known["test"])
    page = (output / "report.html").read_text(encoding="utf-8")
    assert "Test scores" in page
    card = (output / "README.md").read_text()
    assert "## Test scores\n\nOn 25 sentences" in card
    assert f"{known['test']['micro']['f1']:.4f} (" in card
    # Not again, with the flag or without.
    stamp = os.stat(output / "scores.json").st_mtime_ns
    for again in (flags, [*flags, test]):
        assert "test data:" not in run(output, *again)
        assert os.stat(output / "scores.json").st_mtime_ns == stamp
    assert (output / "README.md").read_text() == card
    assert (output / "report.html").read_text(encoding="utf-8") == page
    # Other thresholds make another model, other data other scores.
    aim = "--threshold_objective=f1"
    assert "test data: 25 sentences" in run(output, *flags, test, aim)
    found = read_json(output, "scores.json")["test"]
    assert found["of"]["model"] != known["test"]["of"]["model"]
    assert found["of"]["test_data"] == known["test"]["of"]["test_data"]
    _assert_test_scores(output, corpus / "test.jsonl", found)
    both = f"--test_data={corpus / 'test.jsonl'},{corpus / 'two.jsonl'}"
    assert "test data: 55 sentences" in run(output, *flags, both, aim)
    # Thresholds change, and nothing says what to score: gone, and said.
    assert "test scores: removed" in run(output, *flags)
    assert "test" not in read_json(output, "scores.json")
    assert "Test scores" not in (output / "README.md").read_text()


def _assert_test_scores(output, path, found):
    """They are those of what users load."""
    from biaffine_tf import evaluation

    gold = list(formats.read(path))
    predicted = biaffine_tf.load(str(output)).predict(gold)
    scores = evaluation.score(zip(gold, predicted, strict=True)).to_json()
    scores = json.loads(json.dumps(scores))
    assert {name: found[name] for name in scores} == scores
    low_high = found["intervals"]["micro"]["f1"]
    assert low_high["low"] <= found["micro"]["f1"] <= low_high["high"]


def test_test_data_without_a_dev_set(without_dev, corpus, tmp_path):
    output = tmp_path / "run"
    *flags, test = *without_dev[2], f"--test_data={corpus / 'test.jsonl'}"
    log = run(output, *flags, test)
    assert "test data: 25 sentences" in log
    found = read_json(output, "scores.json")["test"]
    _assert_test_scores(output, corpus / "test.jsonl", found)
    card = (output / "README.md").read_text()
    assert "Test scores" in card and "is unknown" not in card
    assert "report.html" not in _files(output)
    assert "test data:" not in run(output, *flags, test)

"""Runs that go on from a trained model, head included."""

import json
import shutil

import numpy as np
import pytest
import tiny
import tiny_runs
from tiny_runs import encoder_flags, read_json, run, weights

from biaffine_tf import formats
from biaffine_tf.heads.biaffine.initialization import init_new_labels

pytestmark = pytest.mark.slow

STILL = "--learning_rate=1e-12"  # what does not move shows where it started


def _relabelled(sentences, names):
    return [
        one.replace_spans(
            span._replace(label=names.get(span.label, span.label))
            for span in one.spans
        )
        for one in sentences
    ]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    tiny_runs.make_corpus(folder, train=60, dev=20)
    # "both" is gone; two others are new, one of them first in the alphabet.
    for name, count in (("train", 50), ("dev", 15)):
        sentences = _relabelled(tiny.sentences(count, seed=77), {"both": "air"})
        sentences += _relabelled(tiny.sentences(2, seed=78), {"both": "zebra"})
        formats.write(folder / f"new_{name}.jsonl", sentences, "span_jsonl")
    return folder


@pytest.fixture(scope="module")
def model(corpus, tmp_path_factory):
    output = tmp_path_factory.mktemp("models") / "model"
    run(
        output,
        f"--train_data={corpus / 'train.jsonl'}",
        f"--eval_data={corpus / 'dev.jsonl'}",
        "--projection_size=10",
        "--context_tokens=2",
        "--num_train_epochs=50",
        "--learning_rate=1e-2",
        *encoder_flags(corpus),
    )
    return output


def _flags(corpus, model, prefix=""):
    return [
        f"--train_data={corpus / f'{prefix}train.jsonl'}",
        f"--eval_data={corpus / f'{prefix}dev.jsonl'}",
        f"--init_model={model}",
    ]


# Nothing of the model is given: it says all of it itself.
FEW = ("--train_batch_size=8", "--num_buckets=2", "--num_train_epochs=1")


@pytest.fixture(scope="module")
def still(corpus, model, tmp_path_factory):
    """A run on the same data that moves nothing, and what it said."""
    output = tmp_path_factory.mktemp("runs") / "still"
    return output, run(output, *_flags(corpus, model), STILL, settings=FEW)


@pytest.fixture(scope="module")
def relabelled(corpus, model, tmp_path_factory):
    """The same on data with new labels."""
    output = tmp_path_factory.mktemp("runs") / "relabelled"
    flags = _flags(corpus, model, "new_")
    return output, run(output, *flags, STILL, settings=FEW)


def test_the_same_data_goes_on_where_it_was(corpus, model, still):
    """One epoch that moves nothing finds what the model finds."""
    output, log = still
    for name, value in weights(model).items():
        np.testing.assert_allclose(weights(output)[name], value, atol=1e-6)
    scores = [read_json(o, "scores.json")["micro"] for o in (model, output)]
    assert scores[0] == scores[1] and scores[0]["f1"] > 0.3
    assert f"from {model}" in log
    for choice in ("max_seq_length=40", "context_tokens=2", "nested"):
        assert f"--{choice} (as {model})" in log
    configs = [read_json(o, "config.json") for o in (model, output)]
    assert configs[0]["model"] == configs[1]["model"]
    assert configs[0]["decoding"] == configs[1]["decoding"]
    assert configs[1]["data"]["init_model"]
    assert "init_checkpoint" not in configs[1]["data"]
    assert (
        "a trained model, head included" in (output / "README.md").read_text()
    )
    assert "already trained" in run(
        output, *_flags(corpus, model), STILL, settings=FEW
    )


def test_new_labels_come_behind_those_of_the_model(
    corpus, model, relabelled, tmp_path
):
    output, log = relabelled
    labels = (output / "labels.txt").read_text().split()
    assert (model / "labels.txt").read_text().split() == labels[:3]
    assert labels[3:] == ["air", "zebra"]
    assert "labels that --init_model lacks: air, zebra; added" in log
    assert "that the training data lacks: both; they stay" in log
    old, new = (weights(o)["biaffine/bilinear"] for o in (model, output))
    assert new.shape == (11, 6, 11)
    np.testing.assert_allclose(new[:, :4], old, atol=1e-6)
    # A second time it says so again, from records that were there.
    again = run(
        tmp_path / "again",
        *_flags(corpus, model, "new_"),
        STILL,
        f"--records_dir={output / 'records'}",
        settings=FEW,
    )
    assert "air, zebra; added" in again and "both; they stay" in again


def test_what_was_known_is_kept_and_what_is_new_is_learnt(
    corpus, model, tmp_path
):
    output = tmp_path / "run"
    flags = _flags(corpus, model, "new_")
    settings = (*FEW, "--num_train_epochs=20", "--learning_rate=1e-2")
    run(output, *flags, settings=settings)
    scores = read_json(output, "scores.json")
    assert scores["micro"]["f1"] > 0.15
    assert scores["labels"]["air"]["correct"] > 0
    first = [
        read_json(one, "history.json")["epochs"][0]["loss"]
        for one in (model, output)
    ]
    assert first[1] < first[0]


def test_a_killed_run_continues_from_its_checkpoint(corpus, model, tmp_path):
    flags = _flags(corpus, model, "new_")
    settings = (*FEW, "--num_train_epochs=3")
    run(tmp_path / "whole", *flags, settings=settings)
    killed = tmp_path / "killed"
    run(killed, *flags, "--kill_after=history:2", settings=settings, code=-9)
    log = run(killed, *flags, settings=settings)
    assert "continuing after step" in log
    tiny_runs.assert_same_weights(tmp_path / "whole", killed)


def test_flags_change_what_they_can(corpus, model, tmp_path):
    output = tmp_path / "run"
    run(
        output,
        *_flags(corpus, model),
        "--max_seq_length=30",
        "--long_text=window",
        "--head_dropout=0.3",
        "--max_span_width=4",
        "--context_tokens=0",
        "--nonested",
        "--decoder=greedy",
        settings=FEW,
    )
    config = read_json(output, "config.json")
    assert config["model"]["max_seq_length"] == 30
    assert config["model"]["long_text"] == "window"
    assert config["model"]["context_tokens"] == 0
    head = config["model"]["head"]
    assert (head["dropout"], head["max_span_width"]) == (0.3, 4)
    assert head["projection_size"] == 10
    assert config["decoding"]["decoder"] == "greedy"
    assert not config["decoding"]["nested"]


def test_models_of_the_first_version_are_gone_on_from(corpus, model, tmp_path):
    old = shutil.copytree(model, tmp_path / "old")
    config = json.loads((old / "config.json").read_text())
    config["version"] = 1
    del config["written_by"], config["decoding"]["decoder"]
    (old / "config.json").write_text(json.dumps(config))
    (old / "digests.json").unlink()  # there were none
    output = tmp_path / "run"
    run(output, *_flags(corpus, old), STILL, settings=FEW)
    assert read_json(output, "config.json")["decoding"]["decoder"] == "greedy"
    for name, value in weights(old).items():
        np.testing.assert_allclose(weights(output)[name], value, atol=1e-6)


def test_the_model_is_part_of_what_makes_a_run(corpus, still, tmp_path):
    output, _ = still
    second = tmp_path / "second"
    run(second, *_flags(corpus, output), settings=FEW)
    refused = run(output, *_flags(corpus, second), STILL, settings=FEW, code=2)
    assert "differs in data.init_model" in refused


@pytest.mark.parametrize("has_priors", [True, False])
def test_new_slices_are_those_of_a_new_head(has_priors):
    rng = np.random.default_rng(0)
    fresh, known = (rng.normal(size=(4, n, 4)) for n in (5, 3))
    fresh[-1, 0, -1] = 0  # "none", which priors are against
    found = init_new_labels(fresh, known, has_priors=has_priors)
    np.testing.assert_array_equal(found[:, :3], known)
    against_none = found[-1, 3:, -1] - has_priors * found[-1, 0, -1]
    np.testing.assert_allclose(against_none, fresh[-1, 3:, -1])
    found[-1, 3:, -1] = fresh[-1, 3:, -1]
    np.testing.assert_array_equal(found[:, 3:], fresh[:, 3:])


def test_new_labels_start_as_rare_as_they_are(
    corpus, model, relabelled, tmp_path
):
    """Not as likely as "none", whatever that was trained to."""
    flags = [*_flags(corpus, model, "new_"), STILL, "--head_start=zero"]
    run(tmp_path / "zero", *flags, settings=FEW)
    prior, zero = (
        read_json(output, "history.json")["epochs"][0]["loss"]
        for output in (relabelled[0], tmp_path / "zero")
    )
    assert prior < zero

"""The ONNX form of a model directory, and which engine predicts."""

import concurrent.futures
import json
import logging
import pathlib
import pickle
import random
import shutil
import subprocess
import sys

import hostile
import numpy as np
import pytest

import biaffine_tf
from biaffine_tf import formats, machine, model_directory
from biaffine_tf.commands.check_model import main as check_model
from biaffine_tf.config import HeadConfig, TrainingConfig
from biaffine_tf.errors import ConfigError
from biaffine_tf.export.model_form import update_form
from biaffine_tf.inference import engines, loading
from biaffine_tf.inference.onnx import OnnxPredictor
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.model_directory import Ensemble, EnsembleMember, Rule
from biaffine_tf.spans import Sentence

rng = random.Random(3)
SENTENCES = [
    Sentence("".join(rng.choices(hostile.FRAGMENTS, k=rng.randint(1, 30))))
    for _ in range(40)
]
TEXTS = [one.text for one in SENTENCES] + hostile.HOSTILE


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A model directory with dev predictions, a form and digests."""
    path = str(tmp_path_factory.mktemp("engines") / "model")
    hostile.write_model(path, hostile.model("char"))
    with Predictor.from_directory(path) as predictor:
        predicted = list(predictor.predict(SENTENCES))
    assert sum(len(one.spans) for one in predicted) > 40
    formats.write(
        f"{path}/predictions.jsonl", predicted, "span_jsonl", with_scores=True
    )
    update_form(path, SENTENCES, list)
    model_directory.seal(path)
    return path


@pytest.fixture
def copy(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "copy")


@pytest.fixture(autouse=True)
def no_gpu(monkeypatch):
    monkeypatch.setattr(machine, "has_gpu", lambda: False)


def chosen(directory, **options):
    source = loading.inspect(str(directory), options)
    (choice,) = source.engines
    return str(choice)


def rewrite(directory, **changes):
    """Replaces the config of a model directory, and accepts it."""
    description = model_directory.read_description(str(directory))
    config = description.config
    model_directory.write_description(
        str(directory),
        type(config)(**{**vars(config), **changes}),
        description.labels,
        description.tokenizer.vocabulary,
    )
    model_directory.seal(str(directory))


@pytest.mark.slow
def test_both_engines_find_the_same(trained):
    with (
        biaffine_tf.load(trained) as ours,
        biaffine_tf.load(trained, engine="tensorflow") as theirs,
    ):
        assert isinstance(ours, OnnxPredictor)
        assert isinstance(theirs, Predictor)
        assert repr(ours) == f"OnnxPredictor({trained!r}, engine=onnx)"
        assert repr(theirs) == f"Predictor({trained!r}, engine=tensorflow)"
        for settings in ({}, {"nested": True}, {"decoder": "exact"}):
            want, got = theirs(TEXTS, **settings), ours(TEXTS, **settings)
            assert [[e[:4] for e in one] for one in got] == [
                [e[:4] for e in one] for one in want
            ]
            scores = [
                [e.score for one in side for e in one] for side in (want, got)
            ]
            np.testing.assert_allclose(*scores, atol=1e-5)
    with biaffine_tf.load(trained) as ours:
        other = pickle.loads(pickle.dumps(ours))
        assert isinstance(other, OnnxPredictor)
        other.close()


def test_what_was_compared_is_stored(trained):
    form = json.loads(pathlib.Path(trained, "onnx/form.json").read_text())
    assert form["parity"]["sentences"] == len(SENTENCES)
    assert form["parity"]["entities"] > 40
    assert form["parity"]["differing"] == 0
    assert form["source"] == model_directory.model_fingerprints(trained)


def test_a_form_is_written_once(copy, capsys):
    path = copy / "onnx" / "model.onnx"
    before = path.stat().st_mtime_ns
    update_form(str(copy), SENTENCES, list)
    assert path.stat().st_mtime_ns == before
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("left", ["model.onnx", "form.json"])
def test_what_a_kill_leaves_is_not_used_and_completed(copy, left, capsys):
    for path in (copy / "onnx").iterdir():
        if path.name != left:
            path.unlink()
    assert chosen(copy).startswith("tensorflow (")
    update_form(str(copy), SENTENCES, list)
    assert (
        "predicts as the model on 40 dev sentences" in capsys.readouterr().out
    )
    assert chosen(copy) == "onnx"


def test_a_form_that_finds_something_else_is_not_kept(copy, capsys):
    shutil.rmtree(copy / "onnx")
    path = copy / "predictions.jsonl"
    predicted = list(formats.read(path))
    number = next(i for i, one in enumerate(predicted) if one.spans)
    predicted[number] = predicted[number].replace_spans(
        predicted[number].spans[1:]
    )
    formats.write(path, predicted, "span_jsonl", with_scores=True)
    update_form(str(copy), SENTENCES, list)
    said = capsys.readouterr().out
    assert said.startswith("no ONNX form") and "1 of" in said
    assert said.count("\n") == 1
    assert not (copy / "onnx").exists()
    assert chosen(copy) == ("tensorflow (the model directory has no ONNX form)")


@pytest.mark.slow
def test_without_a_dev_set_training_sentences_are_compared(copy, capsys):
    shutil.rmtree(copy / "onnx")
    update_form(str(copy), None, lambda: iter(SENTENCES[:7]))
    assert "the model on 7 training sentences" in capsys.readouterr().out
    assert chosen(copy) == "onnx"


@pytest.mark.slow
def test_new_thresholds_are_followed(copy):
    model_directory.write_confidence(
        str(copy), {"confidence": {"temperature": 2.0, "thresholds": {}}}
    )
    model_directory.seal(str(copy))
    with (
        biaffine_tf.load(copy) as ours,
        biaffine_tf.load(copy, engine="tensorflow") as theirs,
    ):
        assert isinstance(ours, OnnxPredictor)
        scores = [
            [e.score for one in side(TEXTS) for e in one]
            for side in (ours, theirs)
        ]
    np.testing.assert_allclose(*scores, atol=1e-5)


def _other_weights(copy):
    model_directory.save_weights(str(copy), hostile.model("char", seed=6))
    model_directory.seal(str(copy))


FALLS_BACK = {
    "no form": (lambda copy: shutil.rmtree(copy / "onnx"), {}, "has no ONNX"),
    "other weights": (_other_weights, {}, "another weights.safetensors"),
    "not sealed": (
        lambda copy: model_directory.save_weights(
            str(copy), hostile.model("char", seed=6)
        ),
        {},
        "another weights.safetensors",
    ),
    "other config": (
        lambda copy: rewrite(copy, data={"x": "y"}),
        {},
        "another config.json",
    ),
    "version": (
        lambda copy: (copy / "onnx" / "form.json").write_text(
            (copy / "onnx" / "form.json")
            .read_text()
            .replace('"version": 1', '"version": 2')
        ),
        {},
        "of version 2",
    ),
    "xla": (lambda copy: None, {"xla": True}, "XLA is asked for"),
    "precision": (
        lambda copy: None,
        {"precision": "mixed_bfloat16"},
        "precision=mixed_bfloat16 is asked for",
    ),
}


@pytest.mark.parametrize("case", FALLS_BACK)
def test_auto_falls_back_and_onnx_refuses(copy, case):
    change, options, reason = FALLS_BACK[case]
    change(copy)
    assert reason in chosen(copy, **options)
    assert chosen(copy, **options).startswith("tensorflow (")
    assert chosen(copy, engine="tensorflow", **options) == "tensorflow"
    for check in (loading.inspect, loading.load):
        with pytest.raises(ConfigError, match=reason):
            check(str(copy), {"engine": "onnx", **options})


def test_the_precision_of_the_dev_scores_counts(copy):
    rewrite(
        copy, training=TrainingConfig(evaluation_precision="mixed_bfloat16")
    )
    assert "dev scores are of mixed_bfloat16" in chosen(copy)


def test_a_gpu_and_what_is_installed_count(trained, monkeypatch):
    monkeypatch.setattr(machine, "has_gpu", lambda: True)
    assert chosen(trained) == "tensorflow (there is a GPU)"
    assert chosen(trained, engine="onnx") == "onnx"
    missing = {"tensorflow"}
    monkeypatch.setattr(
        engines, "_is_installed", lambda name: name not in missing
    )
    assert chosen(trained) == "onnx"
    missing |= {"onnxruntime"}
    assert chosen(trained) == "tensorflow (onnxruntime is not installed)"
    with pytest.raises(ConfigError, match="onnxruntime is not installed"):
        loading.load(trained, {"engine": "onnx"})


def test_threads_are_of_onnx(copy):
    with (
        biaffine_tf.load(copy, threads=1) as one,
        biaffine_tf.load(copy) as ner,
    ):
        want, got = ner(TEXTS), one(TEXTS)
    assert [[e[:3] for e in x] for x in got] == [
        [e[:3] for e in x] for x in want
    ]
    shutil.rmtree(copy / "onnx")
    with pytest.raises(ConfigError, match=r"no ONNX form\); leave it out"):
        loading.inspect(str(copy), {"threads": 1})


@pytest.mark.slow
def test_damage_of_a_form_is_noticed(copy, capsys):
    assert check_model([str(copy)]) == 0
    path = copy / "onnx" / "model.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"model\.onnx: changed since"):
        biaffine_tf.load(copy)
    assert check_model([str(copy)]) == 2
    said = capsys.readouterr()
    assert "model.onnx: changed since" in said.out + said.err
    with biaffine_tf.load(copy, engine="tensorflow"):
        pass


def test_the_log_says_which(trained, caplog):
    with caplog.at_level(logging.INFO, logger="biaffine_tf"):
        biaffine_tf.load(trained).close()
    assert "engine=onnx" in caplog.text


def test_threads_that_share_a_predictor_get_their_own_answers(trained):
    with biaffine_tf.load(trained) as ner:
        want = [ner(text) for text in TEXTS]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(ner, TEXTS * 4))
    for number, entities in enumerate(got):
        expected = want[number % len(TEXTS)]
        assert [e[:4] for e in entities] == [e[:4] for e in expected]


def test_no_tensorflow_is_loaded(trained, root):
    code = (
        "import sys\n"
        "for name in ('tensorflow', 'tf_keras', 'keras', 'official', 'onnx',\n"
        "             'sklearn', 'torch'): sys.modules[name] = None\n"
        "import biaffine_tf\n"
        "ner = biaffine_tf.load(sys.argv[1])\n"
        "print(len(ner(sys.argv[2])), ner)\n"
    )
    text = max(TEXTS, key=len)
    done = subprocess.run(
        [sys.executable, "-c", code, trained, text],
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    with biaffine_tf.load(trained) as ner:
        assert done.stdout == f"{len(ner(text))} {ner!r}\n"


@pytest.mark.slow
def test_an_ensemble_has_an_engine_for_each_member(copy, tmp_path):
    tagger = str(tmp_path / "tagger")
    changed = hostile.config("char", head=HeadConfig(name="crf"))
    hostile.write_model(tagger, hostile.random_model(changed))
    update_form(tagger, None, lambda: SENTENCES[:5])
    members = [str(copy), tagger]
    directory = tmp_path / "ensemble"
    directory.mkdir()
    model_directory.write_ensemble(
        str(directory),
        Ensemble(
            members=tuple(
                EnsembleMember(
                    directory=one,
                    fingerprints=model_directory.model_fingerprints(one),
                )
                for one in members
            ),
            labels=tuple(hostile.LABELS),
            rule=Rule.VOTES,
        ),
    )
    source = loading.inspect(str(directory), {})
    first, second = map(str, source.engines)
    # The form gives the best label of a pair alone.
    assert first.startswith("tensorflow (members propose every label")
    assert second == "onnx"
    assert source.settings["engine"] == "tensorflow,onnx"
    with (
        biaffine_tf.load(directory, threads=1) as ours,
        biaffine_tf.load(directory, engine="tensorflow") as theirs,
    ):
        assert "engine=onnx" in repr(ours) and "onnx" not in repr(theirs)
        want, got = theirs(TEXTS), ours(TEXTS)
    assert sum(map(len, want)) > 20
    assert [[e[:4] for e in one] for one in got] == [
        [e[:4] for e in one] for one in want
    ]

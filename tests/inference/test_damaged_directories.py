"""Damaged and mixed directories of models are refused, each in one line.

None of them may answer, as it would answer otherwise.
"""

import json
import random
import shutil

import numpy as np
import pytest
import safetensors.numpy
import tiny

import biaffine_tf
from biaffine_tf import model_directory
from biaffine_tf.commands import completion
from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    ExportFormat,
    ExportPrecision,
    LongText,
    WordBoundaries,
)
from biaffine_tf.errors import BiaffineError, ConfigError
from biaffine_tf.export.model import ServingModel
from biaffine_tf.export.onnx_export import write_onnx
from biaffine_tf.inference import loading
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import LabelMap

pytestmark = pytest.mark.slow  # builds models and saves one

TEXTS = [sentence.text for sentence in tiny.sentences(20)]
MODEL_FILES = [
    *("config.json", "labels.txt", "vocab.txt", "confidence.json"),
    "weights.safetensors",
]


def write_model(path, folder, *, seed, labels=tiny.LABELS):
    tokenizer = tiny.tokenizer(folder)
    config = ExperimentConfig(
        model=tiny.model_config(),
        decoding=DecodingConfig(nested=bool(seed % 2)),
        data={"tokenizer": tokenizer.fingerprint},
    )
    path = tiny.write_model(path, config, model_seed=seed, labels=labels)
    thresholds = dict.fromkeys(labels, 0.01 * seed)
    model_directory.write_confidence(
        path, {"confidence": {"temperature": 1.5, "thresholds": thresholds}}
    )
    model_directory.seal(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two models and exports of the first."""
    base = tmp_path_factory.mktemp("damaged")
    write_model(base / "model", base, seed=5)
    other = LabelMap(list(tiny.LABELS)[::-1])
    write_model(base / "other", base, seed=6, labels=other)
    for name, prefix in (("model", ""), ("other", "other_")):
        loaded = Predictor.from_directory(base / name)
        onnx, saved = str(base / f"{prefix}onnx"), str(base / f"{prefix}saved")
        write_onnx(
            onnx,
            model=loaded.model,
            config=model_directory.read_config(str(base / name)),
            labels=loaded.labels,
            tokenizer=loaded.tokenizer,
            decoding=loaded.decoding,
            windowing=loaded.windowing,
            confidence=loaded.confidence,
        )
        model_directory.seal(onnx)
        ServingModel(
            loaded.model,
            loaded.tokenizer,
            loaded.labels,
            decoding=loaded.decoding,
            confidence=loaded.confidence,
            windowing=loaded.windowing,
        ).save(saved)
        model_directory.Manifest(
            format=ExportFormat.SAVED_MODEL,
            precision=ExportPrecision.FLOAT32,
            xla=False,
            labels=loaded.labels.names,
            decoding=loaded.decoding,
            long_text=LongText.WINDOW,
            max_tokens=38,
            source={},
            parity={},
        ).write(saved)
        model_directory.seal(saved)
    return base


@pytest.fixture
def copy(folder, tmp_path):
    """Copies a directory, to be damaged."""

    def make(name):
        return shutil.copytree(folder / name, tmp_path / name)

    return make


def flip(name, seed):
    """Flips a bit anywhere in a file."""

    def damage(path, other):
        content = bytearray((path / name).read_bytes())
        rng = random.Random(seed)
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (path / name).write_bytes(content)
        return name

    return damage


def cut(name, share):
    def damage(path, other):
        content = (path / name).read_bytes()
        (path / name).write_bytes(content[: int(len(content) * share)])
        return name

    return damage


def remove(name):
    def damage(path, other):
        (path / name).unlink()
        return name

    return damage


def write(name, content):
    def damage(path, other):
        (path / name).write_text(content, encoding="utf-8")
        return name

    return damage


def take(*names):
    """Files of another model in place of one's own."""

    def damage(path, other):
        for name in names:
            shutil.copy(other / name, path / name)
        return sorted(names)[0]

    return damage


def edit_lines(name, edit):
    def damage(path, other):
        lines = (path / name).read_text(encoding="utf-8").splitlines()
        edit(lines)
        (path / name).write_text(
            "".join(f"{line}\n" for line in lines), encoding="utf-8"
        )
        return name

    return damage


def swap(i, j):
    def edit(lines):
        lines[i], lines[j] = lines[j], lines[i]

    return edit


def edit_json(name, place, value):
    def damage(path, other):
        values = json.loads((path / name).read_text(encoding="utf-8"))
        *parents, last = place.split(".")
        inner = values
        for key in parents:
            inner = inner[key]
        inner[last] = value
        (path / name).write_text(json.dumps(values), encoding="utf-8")
        return name

    return damage


def edit_weights(edit):
    def damage(path, other):
        file = path / "weights.safetensors"
        stored = safetensors.numpy.load_file(file)
        edit(stored)
        safetensors.numpy.save_file(stored, file)
        return file.name

    return damage


def put(value):
    def edit(stored):
        stored["biaffine/bilinear"][-1, 1, -1] = value

    return edit


def half(stored):
    for name in stored:
        stored[name] = stored[name].astype(np.float16)


LABELS, VOCABULARY, CONFIG = "labels.txt", "vocab.txt", "config.json"
WEIGHTS, CONFIDENCE = "weights.safetensors", "confidence.json"
# Messages about changed files; test_digests.py has all ways to change one.
DAMAGES = {
    **{f"bit in {name}": flip(name, 1) for name in MODEL_FILES},
    **{f"{name} removed": remove(name) for name in MODEL_FILES},
    **{
        f"{name} of another model": take(name)
        for name in MODEL_FILES
        if name != VOCABULARY
    },
    "enormous": edit_json(CONFIG, "model.encoder.hidden_size", 1 << 40),
    "digests of another": take("digests.json"),
}
# Damage that is noticed without digests, too.
NOTICED = {
    "NaN": edit_weights(put(np.nan)),
    "infinity": edit_weights(put(np.inf)),
    "half precision": edit_weights(half),
    "a label more": edit_lines(LABELS, lambda a: a.append("x")),
    "tokens in another order": edit_lines(VOCABULARY, swap(6, 7)),
    "a token more": edit_lines(VOCABULARY, lambda a: a.append("x")),
    "no confidence": write(CONFIDENCE, "null"),
    "a list of confidence": write(CONFIDENCE, "[]"),
    "empty confidence": write(CONFIDENCE, "{}"),
    "a list of thresholds": edit_json(CONFIDENCE, "confidence.thresholds", []),
    "nested is no": edit_json(CONFIG, "decoding.nested", "no"),
    "lower case": edit_json(CONFIG, "model.tokenizer.do_lower_case", True),
    **{f"{name} cut": cut(name, 0.6) for name in (WEIGHTS, CONFIG)},
    **{f"{name} empty": cut(name, 0) for name in (VOCABULARY, LABELS)},
}


def refused(path, name=None, **options):
    """The one line that a directory is refused in; it names a file."""
    with pytest.raises(BiaffineError) as caught:
        biaffine_tf.load(str(path), **options)
    line = str(caught.value)
    assert "\n" not in line and len(line) < 900
    assert str(path) in line and (name is None or name in line), line
    assert caught.value.remedy
    return line


def test_whole_directories_answer_alike(folder, copy):
    want = biaffine_tf.load(str(folder / "model"))(TEXTS)
    assert any(want)
    assert biaffine_tf.load(str(folder / "model"), verify=False)(TEXTS) == want
    without = copy("model")
    (without / "digests.json").unlink()
    assert biaffine_tf.load(str(without))(TEXTS) == want
    keys = [[one[:3] for one in found] for found in want]
    for name in ("onnx", "saved"):
        with biaffine_tf.load(str(folder / name)) as ner:
            assert [[one[:3] for one in found] for found in ner(TEXTS)] == keys


ONNX_FILES = [CONFIG, LABELS, VOCABULARY, CONFIDENCE, "model.onnx"]
ONNX_DAMAGES = {
    **{f"bit of {name}": flip(name, 0) for name in ONNX_FILES},
    **{
        f"{name} of another model": take(name)
        for name in ONNX_FILES
        if name != VOCABULARY
    },
    "confidence removed": remove(CONFIDENCE),
}


DATA = "variables/variables.data-00000-of-00001"
SAVED_FILES = [
    "saved_model.pb",
    "export.json",
    DATA,
    "variables/variables.index",
]
SAVED_DAMAGES = {
    **{f"bit of {name}": flip(name, 0) for name in SAVED_FILES},
    **{
        f"{name} of another model": take(name)
        for name in SAVED_FILES
        if not name.endswith("index")
    },
}


ALL_DAMAGES = {
    **{("model", what): damage for what, damage in DAMAGES.items()},
    **{("onnx", what): damage for what, damage in ONNX_DAMAGES.items()},
    **{("saved", what): damage for what, damage in SAVED_DAMAGES.items()},
}


@pytest.mark.parametrize(("kind", "what"), ALL_DAMAGES)
def test_nothing_damaged_answers(folder, copy, kind, what):
    path = copy(kind)
    other = folder / ("other" if kind == "model" else f"other_{kind}")
    name = ALL_DAMAGES[kind, what](path, other)
    if what == "digests of another":
        name = None  # each file that differs
    assert "--reseal" in refused(path, name)


def test_digests_of_weights_can_be_left_out(copy):
    path = copy("model")
    edit_weights(put(3.0))(path, None)
    assert biaffine_tf.load(str(path), verify=False)(TEXTS) is not None
    edit_weights(put(np.nan))(path, None)
    assert "not finite" in refused(path, WEIGHTS, verify=False)
    (path / LABELS).write_text("both\nsky\nletter\n")
    assert "--reseal" in refused(path, LABELS, verify=False)
    with pytest.raises(ConfigError, match=r"^verify must be true or false"):
        biaffine_tf.load(str(path), verify="no")


@pytest.mark.parametrize("what", NOTICED)
def test_what_is_noticed_without_digests(folder, copy, what):
    path = copy("model")
    (path / "digests.json").unlink()
    name = NOTICED[what](path, folder / "other")
    refused(path, None if name == LABELS else name)  # weights do not fit them


@pytest.mark.parametrize(
    ("place", "value"),
    [
        *[("xla", "no"), ("labels", "sky"), ("labels", [1]), ("parity", [])],
        *[("decoding.nested", "no"), ("decoding", []), ("max_tokens", "9")],
        *[("version", "1"), ("long_text", "lines"), ("source", None)],
    ],
)
def test_descriptions_of_exports_are_checked(copy, place, value):
    path = copy("saved")
    (path / "digests.json").unlink()
    edit_json("export.json", place, value)(path, None)
    line = refused(path, "export.json")
    assert "export the model again" in line


def test_what_is_changed_on_purpose_is_accepted(copy):
    path = copy("model")
    edit_json(CONFIDENCE, "confidence.thresholds", {"sky": 0.9})(path, None)
    refused(path, CONFIDENCE)
    model_directory.seal(str(path))
    assert biaffine_tf.load(str(path)).confidence.thresholds == {"sky": 0.9}


def test_small_files_are_checked_before_anything_is_loaded(copy):
    path = copy("model")
    (path / LABELS).write_text("both\nsky\nletter\n")
    with pytest.raises(ConfigError, match=r"labels\.txt: changed since"):
        loading.inspect(str(path), {})


def complete(path, **options):
    sentences = tiny.sentences(30, seed=3)
    options = {"calibrate": True, "objective": None, "report": False} | options
    completion.complete(str(path), sentences, lambda: sentences[:9], **options)


def test_a_run_ends_with_digests(copy, monkeypatch):
    """Also one that was killed before it had any."""
    path = copy("model")
    (path / CONFIDENCE).unlink()
    (path / "digests.json").unlink()

    def die(directory):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(model_directory, "seal", die)
        with pytest.raises(KeyboardInterrupt):
            complete(path)
    assert (path / CONFIDENCE).exists()
    biaffine_tf.load(str(path)).close()
    complete(path)
    stored = (path / "digests.json").read_bytes()
    model_directory.check_digests(path)
    complete(path)
    assert (path / "digests.json").read_bytes() == stored


def test_no_run_goes_on_from_damage(copy):
    path = copy("model")
    complete(path)
    flip(WEIGHTS, 3)(path, None)
    before = (path / "digests.json").read_bytes()
    with pytest.raises(
        ConfigError, match=r"weights\.safetensors: changed since"
    ):
        complete(path)
    assert (path / "digests.json").read_bytes() == before


def test_confidence_that_was_deleted_is_fitted_again(copy):
    path = copy("model")
    (path / CONFIDENCE).unlink()
    refused(path, CONFIDENCE)
    with pytest.raises(ConfigError, match=r"confidence\.json: missing"):
        complete(path, calibrate=False)
    complete(path)
    assert (path / CONFIDENCE).exists()
    biaffine_tf.load(str(path)).close()
    (path / CONFIDENCE).unlink()
    flip(LABELS, 1)(path, None)
    with pytest.raises(ConfigError, match=r"labels\.txt: changed since"):
        complete(path)


@pytest.mark.parametrize("name", ["scores.json", "history.json"])
@pytest.mark.parametrize("content", ["{}", "[]", "null", "3", '"x"', "{"])
def test_figures_of_another_kind_are_one_line(copy, name, content):
    path = copy("model")
    (path / "scores.json").write_text('{"complete": true, "epochs": 1}')
    (path / name).write_text(content)
    with pytest.raises(ConfigError, match=name) as caught:
        complete(path, report=True)
    assert "\n" not in str(caught.value) and "delete it" in str(caught.value)


def test_the_word_boundaries_of_a_config_are_one_of_ours(copy):
    path = copy("model")
    (path / "digests.json").unlink()
    edit_json(CONFIG, "decoding.word_boundaries", "word")(path, None)
    line = refused(path, CONFIG)
    assert f"one of {', '.join(WordBoundaries)}, got" in line

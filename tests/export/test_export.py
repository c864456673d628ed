"""Exports: written behind the gate, loaded again, and never half."""

import itertools
import json
import os
import pathlib
import re
import shutil
import threading
import time

import hostile
import pytest
import tensorflow as tf
from hostile import LABELS

import biaffine_tf
from biaffine_tf import model_directory
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    ExportFormat,
    ExportPrecision,
    LongText,
    TokenizerKind,
    WordBoundaries,
)
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.export import export, int8, parity
from biaffine_tf.heads.biaffine import onnx
from biaffine_tf.inference import device_lock
from biaffine_tf.model_directory.manifest import MANIFEST, Manifest
from biaffine_tf.spans import Sentence

pytestmark = [
    pytest.mark.slow,  # saves models
    pytest.mark.usefixtures("answered_in_copies"),
]
RUN_PROGRAM = export.run_program

TEXTS = [*hostile.HOSTILE, "天地ab the cat，" * 3, "ab天" * 9]


def write_model(folder, kind=TokenizerKind.CHAR, seed=5, **changes):
    decoding = changes.pop("decoding", DecodingConfig(nested=True))
    made = hostile.model(kind, seed=seed, **changes)
    path = hostile.write_model(folder, made, decoding=decoding)
    model_directory.write_confidence(
        path,
        {"confidence": {"temperature": 1.5, "thresholds": {"sky": 0.7}}},
    )
    return path


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    return write_model(tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def gold(model_dir):
    """Most of what the model finds."""
    found = biaffine_tf.load(model_dir).predict(map(Sentence, TEXTS))
    return [one.replace_spans(one.spans[::-2]) for one in found]


@pytest.fixture(scope="module")
def module_patch():
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def exports(
    model_dir, gold, tmp_path_factory, module_patch, answered_in_copies
):
    """An export of each precision, and one compiled by XLA."""
    folder = tmp_path_factory.mktemp("exports")
    made = {}
    # A random model is undecided on many of its entities.
    lenient = {"tolerance": parity.Tolerance(score=0.3, share=0.5)}
    module_patch.setattr(int8, "_MIN_VALUES", 100)  # of so small a model
    for name, settings in {
        "float32": {},
        "bfloat16": {"precision": ExportPrecision.BFLOAT16, **lenient},
        "int8": {"precision": ExportPrecision.INT8, **lenient},
        "xla": {"xla": True},
        "onnx": {"format": ExportFormat.ONNX},
    }.items():
        path = str(folder / name)
        export.export(model_dir, path, gold=gold, **settings)
        made[name] = path
    return made


def flat(lists):
    return list(itertools.chain.from_iterable(lists))


def ranges(entities):
    return [(one.start, one.end, one.label) for one in entities]


@pytest.mark.parametrize("name", ["float32", "xla", "onnx"])
def test_loaded_it_answers_as_the_model(model_dir, exports, name):
    want = biaffine_tf.load(model_dir)(TEXTS)
    with biaffine_tf.load(exports[name], batch_size=3) as ner:
        found = ner(TEXTS)
        assert list(map(ranges, found)) == list(map(ranges, want))
        for one, other in zip(flat(found), flat(want), strict=True):
            assert one.text == other.text
            assert one.score == pytest.approx(other.score, abs=1e-5)
        assert ner.decoding == DecodingConfig(nested=True)
        own = biaffine_tf.load(model_dir)
        assert ranges(ner("\ud800ab")) == ranges(own("\ufffdab"))
        if name != "onnx":
            with pytest.raises(ConfigError, match="nested=False: the model"):
                ner("ab", nested=False)
    assert sum(map(len, want)) > 30


def test_it_answers_in_a_process_of_its_own(model_dir, exports, monkeypatch):
    monkeypatch.setattr(export, "run_program", RUN_PROGRAM)
    texts = TEXTS[-3:]
    found = export.answers(exports["float32"], [one.encode() for one in texts])
    want = biaffine_tf.load(model_dir)(texts)
    assert [[one[:3] for one in row] for row in found] == list(
        map(ranges, want)
    )
    assert any(found)


@pytest.mark.parametrize("format", list(ExportFormat))
def test_exports_tell_words_by_the_rule(tmp_path, format):
    """ONNX models see what sentences came in, too; a graph sees strings."""
    decoding = DecodingConfig(
        decoder=Decoder.FREE,
        word_boundaries=WordBoundaries.WORDS,
        word_rule="aa a0 0a 00",
    )
    source = write_model(tmp_path / "model", decoding=decoding)
    folder = str(tmp_path / "export")
    export.export(source, folder, format=format)
    plain = [Sentence(text) for text in [*TEXTS, "thecat ab ba"]]
    words = [Sentence("abba ab", words=((0, 2), (2, 4), (5, 7)))]
    own, ner = biaffine_tf.load(source), biaffine_tf.load(folder)

    def found(predictor, sentences, **settings):
        predicted = predictor.predict(sentences, **settings)
        return [[span.key for span in one.spans] for one in predicted]

    assert found(ner, plain) == found(own, plain)
    assert found(own, plain) != found(own, plain, word_boundaries="free")
    by_rule = found(own, [Sentence("abba ab")])
    assert by_rule != found(own, words)
    is_onnx = format is ExportFormat.ONNX
    assert found(ner, words) == (found(own, words) if is_onnx else by_rule)
    if not is_onnx:
        guide = (tmp_path / "export" / "SERVING.md").read_text()
        assert "one of the pairs `00`, `0a`, `a0`, `aa` (a: any " in guide
        with pytest.raises(ConfigError, match="word_boundaries=free: the"):
            found(ner, plain, word_boundaries="free")


class Overlaps:
    """Calls a function, slowly, and notes how many calls there were at once."""

    def __init__(self, function):
        self._function = function
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __call__(self, *args, **kwargs):
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        time.sleep(0.05)
        try:
            return self._function(*args, **kwargs)
        finally:
            with self._lock:
                self._now -= 1


@pytest.mark.parametrize("kind", ["model", "float32"])
@pytest.mark.parametrize("has_gpu", [False, True])
def test_on_a_gpu_threads_take_turns(
    model_dir, exports, kind, has_gpu, monkeypatch
):
    """TensorFlow mixes up what threads ask of a GPU."""
    monkeypatch.setattr(device_lock, "_has_gpu", lambda: has_gpu)
    path, call = {
        "model": (model_dir, "_network"),
        "float32": (exports["float32"], "_serve"),
    }[kind]
    with biaffine_tf.load(path, batch_size=3) as ner:
        want = ner(TEXTS)
        overlaps = Overlaps(getattr(ner, call))
        monkeypatch.setattr(ner, call, overlaps)
        assert ner(TEXTS) == want
    assert (overlaps.most == 1) == has_gpu


def test_what_it_says_of_itself(exports):
    for name, path in exports.items():
        manifest = Manifest.read(path)
        assert manifest.labels == tuple(LABELS.names)
        assert manifest.xla == (name == "xla")
        figures = manifest.parity
        assert figures["sentences"] == len(TEXTS) + len(parity.HOSTILE)
        assert figures["entities"] > 60
        if name in ("float32", "xla", "onnx"):
            assert figures["differing"] == 0 and manifest.cost is None
            assert figures["score_difference"] < 1e-5
        else:
            assert manifest.precision == name
            assert 1e-5 < figures["score_difference"] < 0.2
            assert 0 < manifest.cost["model"] < 1
            assert manifest.cost["export"] == pytest.approx(
                manifest.cost["model"], abs=0.1
            )
        page = pathlib.Path(path, "SERVING.md").read_text(encoding="utf-8")
        if name == "onnx":
            assert all(f"`{one}`" in page for one in onnx.FORM.OUTPUTS)
            continue
        assert "row_lengths" in page and "letter" in page
        assert '"signature_name": "batched", "instances": [' in page
        has_flag = "--xla_cpu_compilation_enabled=true" in page
        assert has_flag == (name == "xla")


def test_the_programs_of_an_onnx_guide(exports, monkeypatch, capsys):
    """Both find the same: by our code, and by nothing but onnxruntime."""
    monkeypatch.chdir(pathlib.Path(exports["onnx"]).parent)
    page = pathlib.Path(exports["onnx"], "SERVING.md").read_text("utf-8")
    ours, plain = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    exec(ours, found := {})
    text = re.search(r"ner\((.*)\)\)", ours)[1]
    entities = found["ner"](json.loads(text), decoder="free")
    assert entities
    capsys.readouterr()
    exec(plain, {})
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    pairs = {(int(a), int(b), LABELS.names[int(c) - 1]) for a, b, c, _ in rows}
    kept = {(one.start, one.end, one.label) for one in entities}
    assert kept <= pairs  # thresholds keep back the others
    assert all(0 < float(score) < 1 for *_, score in rows)


def test_int8_is_smaller(exports):
    """By what its large weights are; this model has few of them."""

    def size(name):
        folder = os.path.join(exports[name], "variables")
        return sum(
            os.path.getsize(os.path.join(folder, file))
            for file in os.listdir(folder)
        )

    assert size("int8") < size("float32")


@pytest.mark.parametrize("signature", ["serving_default", "batched"])
def test_another_answer_is_not_written(
    signature, model_dir, tmp_path, monkeypatch, gold
):
    real = export.answers_by_signature

    def other(folder, texts):
        answered = real(folder, texts)
        rows_of_texts = answered[signature]
        return answered | {signature: [rows[1:] for rows in rows_of_texts]}

    monkeypatch.setattr(export, "answers_by_signature", other)
    with pytest.raises(parity.ParityError, match=r"entities differ.*lacks"):
        export.export(model_dir, str(tmp_path / "e"), gold=gold)
    assert os.listdir(tmp_path) == []


def test_a_folder_with_something_in_it_is_left_alone(model_dir, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(ConfigError, match="not an empty folder"):
        export.export(model_dir, str(tmp_path))
    assert os.listdir(tmp_path) == ["mine"]


def test_long_texts_that_are_errors(tmp_path):
    model = write_model(tmp_path / "m", long_text=LongText.ERROR)
    export.export(model, str(tmp_path / "e"))
    ner = biaffine_tf.load(str(tmp_path / "e"))
    with pytest.raises(DataError, match="more tokens than 18"):
        ner(["ab", hostile.LONG])
    with pytest.raises(DataError, match="more tokens than 18"):
        ner.check(Sentence(hostile.LONG, line=7))
    ner.check(Sentence("ab" * 4))
    assert len(ner("ab")) == len(biaffine_tf.load(model)("ab"))


def test_a_model_that_reads_context_reads_texts_alone(tmp_path):
    model = write_model(tmp_path / "m", context_tokens=4)
    export.export(model, str(tmp_path / "e"))
    ner, own = (biaffine_tf.load(str(tmp_path / n)) for n in "em")
    for text in TEXTS:
        assert ranges(ner(text)) == ranges(own(text))
    together = biaffine_tf.load(str(tmp_path / "e"))(TEXTS)
    assert list(map(ranges, together)) == [ranges(own(t)) for t in TEXTS]


def test_exports_of_before_have_no_batched_signature(
    model_dir, exports, tmp_path
):
    """They load, and answer as they did."""
    loaded = tf.saved_model.load(exports["float32"])
    names = ("serving_default", "score_pieces")
    signatures = {name: loaded.signatures[name] for name in names}
    tf.saved_model.save(loaded, str(tmp_path), signatures=signatures)
    shutil.copy(pathlib.Path(exports["float32"], MANIFEST), tmp_path)
    own, ner = biaffine_tf.load(model_dir), biaffine_tf.load(str(tmp_path))
    assert list(map(ranges, ner(TEXTS))) == list(map(ranges, own(TEXTS)))


def test_digests_come_with_it(exports):
    for name, path in exports.items():
        text = pathlib.Path(path, "digests.json").read_text()
        weights = "variables/variables.data-00000-of-00001"
        weights = "model.onnx" if name == "onnx" else weights
        files = json.loads(text)["files"]
        assert {"labels.txt", "vocab.txt", MANIFEST, weights} < files.keys()
        model_directory.check_digests(path)


def test_a_damaged_export_says_so(exports, tmp_path):
    with pytest.raises(ConfigError, match="not an export of ours"):
        (tmp_path / "saved_model.pb").write_bytes(b"x")
        biaffine_tf.load(str(tmp_path))
    manifest = pathlib.Path(exports["float32"], MANIFEST).read_text()
    (tmp_path / MANIFEST).write_text(manifest)
    with pytest.raises(ConfigError, match="cannot be loaded"):
        biaffine_tf.load(str(tmp_path))
    newer = manifest.replace('"version": 1', '"version": 9')
    (tmp_path / MANIFEST).write_text(newer)
    with pytest.raises(ConfigError, match="written by version"):
        biaffine_tf.load(str(tmp_path))

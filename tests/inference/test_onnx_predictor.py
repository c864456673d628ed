"""The predictor of ONNX models against that of model directories."""

import concurrent.futures
import json
import random
import shutil
import subprocess
import sys

import hostile
import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings

import biaffine_tf
from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import (
    ExperimentConfig,
    ExportPrecision,
    HeadConfig,
    LongText,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.export.export import answers
from biaffine_tf.export.onnx_export import write_onnx
from biaffine_tf.inference import onnx as onnx_predictors
from biaffine_tf.inference.onnx import OnnxPredictor
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.spans import Sentence

pytestmark = pytest.mark.slow  # exports models, and traces them

TEXTS = [
    *hostile.HOSTILE,
    *[
        "\x00",
        "a\x00b",
        "𠮷a天",
        "👩‍👩‍👧ab",
        "\U0010ffff",
        "İstanbul",
        "\ud800a",
    ],
    "天" * 300,
    "the cat\n" * 30,
]
NARROW = {"head": HeadConfig(projection_size=8, max_span_width=4)}
MODELS = {
    "char": ("char", {}),
    "wordpiece": ("wordpiece", {}),
    "band": ("char", NARROW),
    "context": ("wordpiece", {"context_tokens": 6}),
}
PRECISIONS = {
    "char": [ExportPrecision.FLOAT32, ExportPrecision.INT8],
    "wordpiece": [ExportPrecision.FLOAT32, ExportPrecision.INT8],
    "band": [ExportPrecision.FLOAT32],
    "context": [ExportPrecision.FLOAT32],
}
BLOCKED = [
    *["tensorflow", "tf_keras", "keras", "official", "safetensors", "tqdm"],
    *["rich", "jinja2", "scipy", "sklearn", "absl", "onnx", "torch"],
]


def random_texts(count, seed=0):
    rng = random.Random(seed)
    return [
        "".join(rng.choices(hostile.FRAGMENTS, k=rng.randint(0, 40)))
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Of each model the model directory and its exports."""
    made = {}
    for name, (kind, changes) in MODELS.items():
        base = tmp_path_factory.mktemp(name.replace(" ", "_"))
        model = hostile.model(kind, **changes)
        config = ExperimentConfig(model=model.config)
        own = hostile.write_model(base / "own", model)
        trained = Predictor.from_directory(own)
        made[name] = {"own": own}
        for precision in PRECISIONS[name]:
            made[name][precision] = str(base / precision)
            write_onnx(
                made[name][precision],
                model=trained.model,
                config=config,
                labels=trained.labels,
                tokenizer=trained.tokenizer,
                decoding=trained.decoding,
                windowing=trained.windowing,
                confidence=trained.confidence,
                precision=precision,
            )
    return made


@pytest.fixture(scope="module")
def pair(folders):
    """(model, options) -> the predictors of both, kept for the next test."""
    known = {}

    def load(name, **options):
        key = name, *sorted(options.items())
        if key not in known:
            known[key] = (
                Predictor.from_directory(folders[name]["own"], **options),
                OnnxPredictor.from_directory(
                    folders[name][ExportPrecision.FLOAT32], **options
                ),
            )
        return known[key]

    return load


@pytest.fixture
def export(folders, tmp_path):
    """A copy of an export, to be damaged."""
    source = folders["char"][ExportPrecision.FLOAT32]
    return shutil.copytree(source, tmp_path / "export")


def entities(predictor, texts, **decoding):
    sentences = [Sentence(text, document="one") for text in texts]
    return [one.spans for one in predictor.predict(sentences, **decoding)]


def assert_same(want, got):
    """The same spans and scores; returns how many."""
    assert [[s.key for s in spans] for spans in got] == [
        [s.key for s in spans] for spans in want
    ]
    scores = [
        [s.score for spans in side for s in spans] for side in (want, got)
    ]
    np.testing.assert_allclose(scores[1], scores[0], atol=1e-4)
    return len(scores[0])


@pytest.mark.parametrize("name", MODELS)
def test_finds_what_the_model_directory_finds(pair, name):
    texts = TEXTS + random_texts(20)
    own, export = predictors = pair(name)
    for nested in (False, True):
        want, got = (entities(one, texts, nested=nested) for one in predictors)
        assert assert_same(want, got) > 50
    assert own.windowed_sentences == export.windowed_sentences > 0
    free = got
    want, got = (
        entities(one, texts, nested=True)
        for one in pair(name, force_one_entity=True)
    )
    assert_same(want, got)
    forced = [one for one, two in zip(got, free, strict=True) if not two]
    assert sum(map(len, forced)) > 1


@pytest.mark.parametrize("name", ["char", "wordpiece", "band"])
@settings(max_examples=20)
@given(text=hostile.TEXTS)
def test_finds_the_same_in_any_text(pair, name, text):
    for force in (False, True):
        want, got = (
            entities(one, [text, "天"], nested=True)
            for one in pair(name, force_one_entity=force)
        )
        assert_same(want, got)


@pytest.mark.parametrize("long_text", [LongText.LINE, LongText.TRUNCATE])
def test_long_texts_as_told(pair, long_text):
    want, got = (
        entities(one, TEXTS)
        for one in pair("char", long_text=long_text, window_overlap=3)
    )
    assert assert_same(want, got) > 20


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("shape", [(0, 7), (0, 2), (2, 2)])
def test_no_sentences_and_none_with_tokens(folders, name, shape):
    """Inputs of the model may be empty, as others use it."""
    if name == "context" and shape == (2, 2):
        pytest.skip("a model of context has at least one place for tokens")
    for precision in PRECISIONS[name]:
        session = onnxruntime.InferenceSession(
            f"{folders[name][precision]}/model.onnx"
        )
        inputs = {"input_ids": np.zeros(shape, np.int32)}
        inputs["min_margin"] = np.array(-np.inf, np.float32)
        for one in session.run(None, inputs):
            assert one.shape == (0,)
    ner = OnnxPredictor.from_directory(folders[name][precision])
    assert ner([]) == [] and list(ner(iter([]))) == [] and ner([""]) == [[]]


def test_neighbours_are_read_by_a_model_of_context(pair):
    texts = random_texts(30, seed=3)
    for one in pair("context"):
        alone = [ner for text in texts for ner in entities(one, [text])]
        assert alone != entities(one, texts)


def test_the_gate_asks_for_each_text_alone(folders, pair):
    texts = random_texts(12, seed=3)
    own, _ = pair("context")
    folder = folders["context"][ExportPrecision.FLOAT32]
    found = answers(folder, [text.encode() for text in texts])
    want = [spans for text in texts for spans in entities(own, [text])]
    assert [[tuple(one[:3]) for one in spans] for spans in found] == [
        [one.key for one in spans] for spans in want
    ]


def test_candidates_of_every_score(pair):
    want, got = (
        list(one.candidates(map(Sentence, TEXTS), min_score=1e-12))
        for one in pair("wordpiece")
    )
    for ours, theirs in zip(want, got, strict=True):
        ours, theirs = (
            sorted(one, key=lambda c: (c.start, c.end, c.label, -c.logit))
            for one in (ours, theirs)
        )
        assert [c[:3] for c in ours] == [c[:3] for c in theirs]
        for column in ("margin", "logit", "score"):
            np.testing.assert_allclose(
                [getattr(c, column) for c in theirs],
                [getattr(c, column) for c in ours],
                atol=2e-4,
            )
    assert sum(map(len, want)) > 3000


def test_thresholds_and_calibration(folders, export):
    own = Predictor.from_directory(folders["char"]["own"])
    confidence = Confidence(
        temperature=1.7, bias=-0.3, thresholds={"sky": 0.2, "both": 0.9}
    )
    model_directory.write_confidence(
        export, {"confidence": confidence.to_json()}
    )
    texts = random_texts(40, seed=5)
    found = []
    for calibrated, thresholds in ((1, 1), (1, 0), (0, 1)):
        ner = OnnxPredictor.from_directory(
            export, calibrated=bool(calibrated), thresholds=bool(thresholds)
        )
        own.confidence = ner.confidence
        got = entities(ner, texts)
        assert_same(entities(own, texts), got)
        found.append(got)
    assert found[0] != found[1] != found[2]
    assert ner.confidence == Confidence()


@pytest.mark.parametrize("name", ["char", "context"])
def test_slices_of_a_batch_change_nothing(pair, name, monkeypatch):
    texts = random_texts(30, seed=1)
    _, ner = pair(name, force_one_entity=True)
    want = entities(ner, texts)
    run, shapes = ner._session.run, []

    def counted(inputs):
        shapes.append(inputs["input_ids"].shape)
        return run(inputs)

    monkeypatch.setattr(ner._session, "run", counted)
    entities(ner, texts)
    assert max(size for size, _ in shapes) > 6
    for most in (1, 6000):
        monkeypatch.setattr(onnx_predictors, "_MAX_FLOATS", most)
        shapes.clear()
        assert_same(want, entities(ner, texts))
        for size, width in shapes:
            length = width - 2
            floats = size * length * 4 * (length + 9)  # 4 classes, D + 1 = 9
            assert size == 1 or floats <= most
    assert max(size for size, _ in shapes) > 1


def test_int8_answers_do_not_depend_on_the_batch(folders):
    folder = folders["char"][ExportPrecision.INT8]
    texts = random_texts(40, seed=4)
    want = entities(OnnxPredictor.from_directory(folder), texts)
    alone = OnnxPredictor.from_directory(folder, batch_size=1)
    assert_same(want, entities(alone, texts))


def test_threads_agree(folders):
    folder = folders["wordpiece"][ExportPrecision.FLOAT32]
    texts = random_texts(60, seed=6)
    want = entities(OnnxPredictor.from_directory(folder), texts)
    for threads in (1, 2):
        ner = OnnxPredictor.from_directory(
            folder, threads=threads, batch_size=4
        )
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            for found in pool.map(
                lambda _, n=ner: entities(n, texts), range(4)
            ):
                assert_same(want, found)


def test_load_takes_what_the_directory_holds(folders):
    text = "天地ab the cat"
    with biaffine_tf.load(folders["char"][ExportPrecision.FLOAT32]) as ner:
        assert isinstance(ner, OnnxPredictor)
        found = ner(text)
        assert found == ner([text])[0] == next(ner(iter([text])))
    with pytest.raises(ValueError, match="closed"):
        ner(text)
    ner.close()
    own = biaffine_tf.load(folders["char"]["own"])
    assert isinstance(own, Predictor)
    assert [one[:4] for one in own(text)] == [one[:4] for one in found]
    assert found


def _write(name, edit):
    """Damage to the bytes of a file."""

    def damage(export):
        path = export / name
        path.write_bytes(edit(path.read_bytes()))

    return damage


def _foreign(export):
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [1])
    node = helper.make_node("Identity", ["x"], ["y"])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, [1])
    graph = helper.make_graph([node], "g", [x], [y])
    opset = [helper.make_opsetid("", 20)]
    model = helper.make_model(graph, ir_version=9, opset_imports=opset)
    (export / "model.onnx").write_bytes(model.SerializeToString())


def _newer(export):
    import onnx

    path = export / "model.onnx"
    model = onnx.load(path)
    for one in model.metadata_props:
        if one.key == "biaffine_tf.version":
            one.value = "99"
    onnx.save(model, path)


def _swap_last(content):
    *rest, one, other = content.splitlines(keepends=True)
    return b"".join([*rest, other, one])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (
            _write("model.onnx", lambda content: content[:-1000]),
            r"model\.onnx: not readable as a model.*export the model",
        ),
        (
            _write("model.onnx", lambda content: b""),
            r"model\.onnx: not readable as a model",
        ),
        (_foreign, r"model\.onnx: not an export of ours"),
        (_newer, r"model\.onnx: of version 99"),
        (
            _write("labels.txt", _swap_last),
            r"of another model than the labels\.txt beside it",
        ),
        (
            _write("vocab.txt", _swap_last),
            r"of another model than the vocab\.txt beside it",
        ),
        (lambda export: (export / "vocab.txt").unlink(), r"vocab\.txt"),
        (
            _write("confidence.json", lambda content: b"{"),
            r"confidence\.json: not JSON",
        ),
    ],
)
def test_damaged_folders_say_what_is_wrong(export, damage, message):
    damage(export)
    with pytest.raises(ConfigError, match=message) as caught:
        biaffine_tf.load(export)
    assert "\n" not in str(caught.value)


def test_folders_without_a_model_say_so(export):
    (export / "model.onnx").unlink()
    with pytest.raises(ConfigError, match=r"model\.onnx: no such file"):
        OnnxPredictor.from_directory(export)


def test_without_onnxruntime_it_says_what_to_install(export, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(ConfigError, match="pip install onnxruntime"):
        biaffine_tf.load(export)


def test_needs_onnxruntime_tokenizers_and_numpy_alone(folders, root):
    folder = folders["wordpiece"][ExportPrecision.FLOAT32]
    code = (
        "import sys, json\n"
        f"for name in {BLOCKED!r}: sys.modules[name] = None\n"
        "import biaffine_tf\n"
        "ner = biaffine_tf.load(sys.argv[1], nested=True)\n"
        "print(json.dumps(ner(json.loads(sys.stdin.read()))))\n"
    )
    texts = [*random_texts(20, seed=9), "", "天" * 100]
    done = subprocess.run(
        [sys.executable, "-c", code, folder],
        input=json.dumps(texts),
        capture_output=True,
        text=True,
        cwd=root,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    want = biaffine_tf.load(folder, nested=True)(texts)
    got = json.loads(done.stdout)
    assert sum(map(len, want)) > 20
    for ours, theirs in zip(want, got, strict=True):
        assert [list(one[:4]) for one in ours] == [one[:4] for one in theirs]
        np.testing.assert_allclose(
            [one.score for one in ours], [one[4] for one in theirs], atol=1e-5
        )

"""ONNX networks against the models that they are made from."""

import dataclasses
import json
import sys

import hostile
import numpy as np
import onnx
import onnxruntime
import pytest
import tensorflow as tf
import tiny

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import (
    Decoder,
    DecodingConfig,
    ExperimentConfig,
    ExportPrecision,
    LongText,
    Position,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.export import onnx_graph
from biaffine_tf.export.onnx_export import write_onnx
from biaffine_tf.export.onnx_graph import OnnxGraph
from biaffine_tf.export.onnx_network import build_network
from biaffine_tf.heads.span_model import SpanModel, split_context
from biaffine_tf.tokenization import Windowing, make_tokenizer

OUTPUTS = ["labels", "logits", "margins", "log_odds"]
COLUMNS = ["sentences", "starts", "ends", "labels"]
COLUMNS += ["margins", "logits", "log_odds"]
VARIANTS = {
    "plain": {},
    "band": {"max_span_width": 3},
    "context": {"context_tokens": 5, "position": Position.JOINED},
    "context band": {"context_tokens": 5, "max_span_width": 2},
    "ELECTRA": {
        "encoder": {"embedding_size": 8, "hidden_act": "gelu_new"},
        "position": Position.JOINED,
    },
    "ALBERT": {
        "encoder": {
            "embedding_size": 8,
            "num_hidden_groups": 1,
            "hidden_act": "relu",
        },
    },
    "neck": {"lstm_size": 5, "layer_mix": "learned"},
    "neck and context": {
        "lstm_size": 3,
        "layer_mix": "first_last",
        "context_tokens": 5,
        "position": Position.JOINED,
    },
    "BiLSTM": {
        "encoder": {"kind": "bilstm", "num_hidden_layers": 2},
        "context_tokens": 5,
    },
    "n-grams": {
        "encoder": {"kind": "bilstm", "ngram_size": 3, "num_ngram_rows": 97}
    },
    "odd": {
        "encoder": {
            "embedding_size": 24,
            "hidden_act": "tanh",
            "layer_norm_eps": 0.1,
            "hidden_size": 24,
            "num_attention_heads": 4,
        },
    },
}
PAD = 3


def weights_of(model):
    return {name: one.numpy() for name, one in model.saved_weights().items()}


def session_of(content):
    return onnxruntime.InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )


def network(model, **options):
    content = build_network(
        weights_of(model),
        model.config,
        pad_id=model.pad_id,
        properties={"key": "value"},
        **options,
    )
    return session_of(content)


def made(seed=0, **changes):
    model = SpanModel(
        tiny.model_config(**changes),
        num_classes=tiny.LABELS.num_classes,
        pad_id=PAD,
    )
    model.build_weights()
    rng = np.random.default_rng(seed)
    for name, weight in model.saved_weights().items():
        value = rng.normal(size=weight.shape) * 0.3
        if "embeddings" in name or "gamma" in name:
            value = 3 * value + ("gamma" in name)
        weight.assign(value)
    # Else one label would be the best of all pairs.
    bilinear = model.head.bilinear.numpy()
    ids, _ = batch(context=model.config.context_tokens > 0)
    logits = model(*split_context(tf.constant(ids)), training=False).numpy()
    bilinear[-1, :, -1] -= logits.mean(axis=(0, 1, 2))
    model.head.bilinear.assign(bilinear)
    return model


def batch(*, context, seed=1):
    """Sentences of several lengths; with context, some have a lot of it."""
    rng = np.random.default_rng(seed)
    counts, width = [7, 1, 4, 9], 15 if context else 11
    ids = np.full([len(counts), width], PAD, np.int32)
    for row, count in zip(ids, counts, strict=True):
        left, right = rng.integers(0, 3, 2) if context else (0, 0)
        inner = rng.integers(4, 28, left + count + right)
        inner[:left] = -1 - inner[:left]
        inner[left + count :] = -1 - inner[left + count :]
        row[: len(inner) + 2] = [1, *inner, 2]
    return ids, counts


def truth(logits, counts, *, width=None):
    """Outputs, pair for pair, of logits `[B, L, L or W, C]`."""
    rows, length = logits.shape[:2]
    want = {name: np.zeros([rows, length, length]) for name in OUTPUTS}
    want["margins"] -= np.inf
    for row, count in enumerate(counts):
        for first in range(count):
            reach = count if width is None else min(count, first + width)
            for last in range(first, reach):
                column = last if width is None else last - first
                cell = logits[row, first, column].astype(np.float64)
                label = 1 + int(np.argmax(cell[1:]))
                others = np.exp(np.delete(cell, label))
                at = row, first, last
                want["labels"][at] = label
                want["logits"][at] = cell[label]
                want["margins"][at] = cell[label] - cell[0]
                want["log_odds"][at] = cell[label] - np.log(others.sum())
    return want


def answers(session, ids, least=-np.inf):
    """The candidates above a margin, as `truth` gives pairs."""
    least = np.array(least, np.float32)
    found = session.run(None, {"input_ids": ids, "min_margin": least})
    length = max(((ids >= 0) & (ids != PAD)).sum(axis=1)) - 2
    got = {name: np.zeros([len(ids), length, length]) for name in OUTPUTS}
    got["margins"] -= np.inf
    columns = dict(zip(COLUMNS, found, strict=True))
    assert (np.diff(columns["sentences"]) >= 0).all()
    at = columns["sentences"], columns["starts"], columns["ends"] - 1
    for name in OUTPUTS:
        got[name][at] = columns[name]
    assert np.isfinite(got["margins"]).sum() == len(at[0])
    return got


@pytest.mark.parametrize("variant", VARIANTS)
def test_outputs_are_those_of_the_model(variant):
    changes = VARIANTS[variant]
    model = made(**changes)
    ids, counts = batch(context="context_tokens" in changes)
    got = answers(network(model), ids)
    logits = model(*split_context(tf.constant(ids)), training=False).numpy()
    want = truth(logits, counts, width=changes.get("max_span_width"))
    is_span = np.isfinite(want["margins"])
    assert len(np.unique(want["labels"][is_span])) > 1
    assert (got["margins"][~is_span] == -np.inf).all()
    for name in OUTPUTS:
        np.testing.assert_allclose(
            got[name][is_span], want[name][is_span], rtol=1e-4, atol=1e-4
        )


def test_candidates_are_those_above_the_least_margin():
    session, (ids, _) = network(made()), batch(context=False)
    every = answers(session, ids)["margins"]
    finite = np.sort(every[np.isfinite(every)])
    for least in (finite[0], finite[len(finite) // 2], finite[-1]):
        above = answers(session, ids, least)["margins"]
        want = np.where(every > least, every, -np.inf)
        np.testing.assert_array_equal(above, want)


def test_a_model_that_reads_context_does_without():
    model = made(**VARIANTS["context"])
    ids, counts = batch(context=False)
    got = answers(network(model), ids)
    want = truth(
        model(*split_context(tf.constant(ids)), training=False).numpy(), counts
    )
    is_span = np.isfinite(want["margins"])
    np.testing.assert_allclose(
        got["margins"][is_span], want["margins"][is_span], atol=1e-4
    )


def test_extreme_logits_keep_finite_log_odds():
    model = made()
    model.head.bilinear.assign(model.head.bilinear * 1e4)
    ids, counts = batch(context=False)
    got = answers(network(model), ids)
    is_span = np.isfinite(got["margins"])
    assert is_span.sum() == sum(n * (n + 1) // 2 for n in counts)
    assert np.abs(got["logits"][is_span]).max() > 1e3
    assert np.isfinite(got["log_odds"]).all()
    certain = is_span & (got["margins"] > 1e3)
    assert certain.any() and got["log_odds"][certain].max() > 1e3


def dense_alone(x, kernel, bias, *, int8):
    """`OnnxGraph.dense` run by itself."""
    graph = OnnxGraph(int8=int8)
    graph("Identity", graph.dense("x", kernel, bias), name="y")
    axes = [f"a{axis}" for axis in range(x.ndim)]
    content = graph.to_model(
        {"x": (np.float32, axes)}, {"y": (np.float32, [*axes[:-1], "b"])}, {}
    )
    (found,) = session_of(content).run(["y"], {"x": x})
    return found


@pytest.fixture(scope="module")
def product():
    rng = np.random.default_rng(4)
    x = rng.normal(size=[3, 5, 64]).astype(np.float32)
    x *= np.exp(3 * rng.normal(size=[3, 5, 1])).astype(np.float32)
    x[1, 2] = 0  # padding
    kernel = rng.normal(size=[64, 24]).astype(np.float32)
    kernel *= np.exp(rng.normal(size=24)).astype(np.float32)
    kernel[:, 7] = 0
    return x, kernel, rng.normal(size=24).astype(np.float32)


def test_a_product_in_eight_bits_is_one_of_whole_numbers(product):
    x, kernel, bias = product
    want = np.zeros([3, 5, 24])
    for place in np.ndindex(3, 5):
        scale = max(np.abs(x[place]).max() / np.float32(127), 1e-30)
        whole = np.rint(x[place] / scale).astype(int)
        assert np.abs(whole).max() in (0, 127)
        for column in range(24):
            size = max(np.abs(kernel[:, column]).max() / 63, 1e-30)
            weights = np.rint(kernel[:, column] / size).astype(int)
            exact = sum(
                int(a) * int(b) for a, b in zip(whole, weights, strict=True)
            )
            want[*place, column] = exact * float(scale) * float(size)
    got = dense_alone(x, kernel, bias, int8=True)
    sizes = np.abs(want) + np.abs(bias)
    # A value half way between two whole numbers may go either way.
    is_equal = np.abs(got - (want + bias)) <= 1e-5 * sizes + 1e-6
    assert is_equal.mean() > 0.98
    error = np.abs(got - (x @ kernel + bias))
    norms = np.linalg.norm(x, axis=-1, keepdims=True)
    assert (error <= 0.05 * norms * np.linalg.norm(kernel, axis=0) + 1e-6).all()
    assert error.max() > 0


def test_the_largest_numbers_do_not_overflow():
    """Where two products of bytes are added in 16 bits, as on old machines."""
    x, kernel = np.ones([2, 512], np.float32), np.ones([512, 8], np.float32)
    x[1] = -1
    got = dense_alone(x, kernel, np.zeros(8, np.float32), int8=True)
    np.testing.assert_allclose(got, x @ kernel, rtol=1e-5)


def test_vectors_do_not_depend_on_their_neighbours(product):
    x, kernel, bias = product
    together = dense_alone(x, kernel, bias, int8=True)
    for place in np.ndindex(3, 5):
        alone = dense_alone(x[place][None, None], kernel, bias, int8=True)
        np.testing.assert_allclose(alone[0, 0], together[place], rtol=1e-6)


def test_rows_of_tables_in_eight_bits():
    rng = np.random.default_rng(0)
    table = rng.normal(size=[9, 16]).astype(np.float32)
    table *= np.exp(rng.normal(size=[9, 1]) * 3).astype(np.float32)
    table[4] = 0
    graph = OnnxGraph(int8=True)
    graph("Identity", graph.rows(table, "i"), name="y")
    content = graph.to_model(
        {"i": (np.int32, ["n", "m"])}, {"y": (np.float32, ["n", "m", "e"])}, {}
    )
    ids = rng.integers(0, 9, [2, 30]).astype(np.int32)
    (got,) = session_of(content).run(["y"], {"i": ids})
    most = np.abs(table[ids]).max(axis=-1, keepdims=True)
    assert (np.abs(got - table[ids]) <= most / 127 / 2 * 1.001).all()
    assert (got[ids == 4] == 0).all()


def test_int8_is_close_to_the_model():
    model = made()
    ids, _ = batch(context=False)
    exact, rough = (
        answers(network(model, int8=int8), ids) for int8 in (False, True)
    )
    is_span = np.isfinite(exact["margins"])
    assert (np.isfinite(rough["margins"]) == is_span).all()
    exact, rough = (one["margins"][is_span] for one in (exact, rough))
    deviation = np.sqrt(np.mean((exact - rough) ** 2))
    assert 0 < deviation < 0.2 * exact.std()


@pytest.mark.slow
def test_sizes_and_shared_layers():
    """Layers that share their weights are stored once."""

    def size(layers, *, int8=False, **encoder):
        model = made(encoder={"num_hidden_layers": layers, **encoder})
        content = build_network(
            weights_of(model),
            model.config,
            pad_id=PAD,
            properties={},
            int8=int8,
        )
        parsed = onnx.load_model_from_string(content)
        return sum(len(one.raw_data) for one in parsed.graph.initializer)

    four = size(4)
    assert size(4, num_hidden_groups=1) == size(1) < four / 2
    assert size(4, int8=True) < four / 2


def test_a_model_larger_than_a_file_is_refused(monkeypatch):
    monkeypatch.setattr(onnx_graph, "_MAX_BYTES", 10_000)
    with pytest.raises(ConfigError, match=r"GiB of weights.*export it in int8"):
        network(made())


def export(directory, **changes):
    model = hostile.model("char")
    tokenizer = make_tokenizer("char", hostile.VOCABULARY, do_lower_case=True)
    options = {
        "model": model,
        "config": ExperimentConfig(model=model.config),
        "labels": hostile.LABELS,
        "tokenizer": tokenizer,
        "decoding": DecodingConfig(nested=True, decoder=Decoder.GREEDY),
        "windowing": Windowing(
            max_tokens=18, window_overlap=7, long_text=LongText.LINE
        ),
        "confidence": Confidence(temperature=2.0, thresholds={"sky": 0.25}),
    }
    write_onnx(str(directory), **(options | changes))
    return options


def test_the_folder_is_a_model_directory(tmp_path):
    options = export(tmp_path)
    assert sorted(one.name for one in tmp_path.iterdir()) == [
        *["confidence.json", "config.json", "labels.txt", "model.onnx"],
        "vocab.txt",
    ]
    onnx.checker.check_model(str(tmp_path / "model.onnx"), full_check=True)
    config, labels, tokenizer = model_directory.read_description(str(tmp_path))
    assert config.decoding == options["decoding"]
    assert Windowing.of(config.model) == options["windowing"]
    assert list(labels) == list(hostile.LABELS)
    assert tokenizer.fingerprint == options["tokenizer"].fingerprint
    found = model_directory.read_confidence(str(tmp_path))
    assert found == options["confidence"]
    want = dataclasses.replace(
        options["config"], model=config.model, decoding=config.decoding
    )
    assert json.loads((tmp_path / "config.json").read_text()) == want.to_dict()


def test_there_is_no_bfloat16(tmp_path):
    with pytest.raises(ConfigError, match="not in bfloat16"):
        export(tmp_path / "e", precision=ExportPrecision.BFLOAT16)
    assert not (tmp_path / "e").exists()


def test_without_onnx_it_says_what_to_install(tmp_path, monkeypatch):
    for name in [*sys.modules]:
        if name.startswith("biaffine_tf.export.onnx_"):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ConfigError, match="pip install onnx onnxruntime"):
        export(tmp_path / "e")
    assert not (tmp_path / "e").exists()

"""What a directory is predicted with, found out before it is loaded."""

import dataclasses
import inspect
import tarfile
import zipfile

import numpy as np
import pytest
import safetensors.numpy
import tiny

from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    ExportFormat,
    ExportPrecision,
    LongText,
    Precision,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference import loading
from biaffine_tf.inference.ensemble import EnsemblePredictor
from biaffine_tf.inference.loading import Kind
from biaffine_tf.inference.onnx import OnnxPredictor
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.inference.saved_model import SavedModelPredictor
from biaffine_tf.model_directory import Manifest

PREDICTORS = {
    Kind.MODEL: Predictor,
    Kind.ENSEMBLE: EnsemblePredictor,
    Kind.SAVED_MODEL: SavedModelPredictor,
    Kind.ONNX: OnnxPredictor,
}


@pytest.mark.parametrize("kind", Kind)
def test_options_are_those_of_the_predictor(kind):
    signature = inspect.signature(PREDICTORS[kind].from_directory)
    wanted = {
        one.name: one.default
        for one in signature.parameters.values()
        if one.kind is one.KEYWORD_ONLY
    }
    assert loading.OPTIONS[kind] == wanted


@pytest.fixture
def model_dir(tmp_path):
    decoding = DecodingConfig(nested=True)
    config = ExperimentConfig(model=tiny.model_config(), decoding=decoding)
    path = tiny.write_model(tmp_path, config)
    (tmp_path / "weights.safetensors").unlink()
    return path


def test_a_model_needs_weights_and_an_onnx_model_none(model_dir, tmp_path):
    with pytest.raises(ConfigError, match="no epoch of this run has ended"):
        loading.inspect(model_dir, {})
    (tmp_path / "model.onnx").touch()
    found = loading.inspect(
        model_dir,
        {"batch_size": 3, "long_text": LongText.TRUNCATE, "nested": None},
    )
    assert found.kind is Kind.ONNX
    assert found.options["batch_size"] == 3
    assert found.options["threads"] is None
    assert found.windowing.long_text is LongText.TRUNCATE
    assert found.decoding == DecodingConfig(nested=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"nested": "false"}, "nested must be true or false, got 'false'"),
        ({"decoder": "best"}, "decoder must be one of .*exact.*, got 'best'"),
        ({"thresholds": "no"}, "thresholds must be true or false, got 'no'"),
        ({"calibrated": None}, "calibrated must be true or false, got None"),
        ({"xla": 1}, "xla must be true or false, got 1"),
        (
            {"long_text": "lines"},
            "long_text must be one of window, line, truncate, error, got 'line",
        ),
        (
            {"precision": "float64"},
            "precision must be one of float32, mixed_bfloat16, mixed_float16",
        ),
        ({"batch_size": 2.5}, "batch_size must be an integer, got 2.5"),
        ({"batch_size": 0}, "batch_size must be a positive integer, got 0"),
        ({"window_overlap": 1.0}, "window_overlap must be an integer"),
        ({"window_overlap": 99}, "window_overlap must be"),
    ],
)
def test_wrong_values_are_said_at_once(
    model_dir, monkeypatch, options, message
):
    monkeypatch.setattr(loading, "_predictor", None)  # before it is imported
    for check in (loading.inspect, loading.load):
        if options == {"window_overlap": 99} and check is loading.load:
            continue  # the directory alone knows
        with pytest.raises(ConfigError, match=message):
            check(model_dir, options)


def test_names_of_enums_are_taken_for_them(model_dir, tmp_path):
    (tmp_path / "weights.safetensors").write_bytes(
        safetensors.numpy.save({"x": np.zeros(1)})
    )
    found = loading.inspect(
        model_dir,
        {"long_text": "line", "precision": "mixed_bfloat16", "batch_size": 3},
    )
    assert found.options["long_text"] is LongText.LINE
    assert found.windowing.long_text is LongText.LINE
    assert found.options["precision"] is Precision.BFLOAT16
    found = loading.inspect(model_dir, {"batch_size": np.int64(3)})
    assert type(found.options["batch_size"]) is int


def test_threads_of_an_onnx_model(model_dir, tmp_path):
    for wrong, message in (
        ({"threads": 1}, r"is for ONNX Runtime, but the engine is tensorflow"),
        ({"nestd": True}, r"without 'nestd'.* nested"),
    ):
        with pytest.raises(ConfigError, match=message):
            loading.inspect(model_dir, wrong)
    (tmp_path / "model.onnx").touch()
    with pytest.raises(ConfigError, match="model is loaded without 'xla'"):
        loading.inspect(model_dir, {"xla": True})
    for wrong in (0, 1.5, "2", False):
        with pytest.raises(ConfigError, match=r"threads must be an? .*integer"):
            loading.inspect(model_dir, {"threads": wrong})
    assert (
        loading.inspect(model_dir, {"threads": None}).options["threads"] is None
    )


def test_what_is_no_directory_is_named(tmp_path):
    archive, file = tmp_path / "model.zip", tmp_path / "weights.safetensors"
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("config.json", "{}")
    with tarfile.open(tmp_path / "model.tgz", "w:gz") as packed:
        packed.add(archive)
    file.write_bytes(b"123")
    for path, message in (
        (tmp_path / "none", r"none: no such directory; give the directory of"),
        (archive, r"model\.zip: a ZIP file, not a directory; unpack it"),
        (tmp_path / "model.tgz", r"model\.tgz: a tar archive, not a directory"),
        (file, r"weights\.safetensors: a file, not a directory"),
        ("", "'': no such directory"),
    ):
        for check in (loading.inspect, loading.load):
            with pytest.raises(ConfigError, match=message):
                check(path, {})


def test_a_saved_model_says_what_it_does(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    Manifest(
        format=ExportFormat.SAVED_MODEL,
        precision=ExportPrecision.FLOAT32,
        xla=False,
        labels=("x",),
        decoding=DecodingConfig(nested=True),
        long_text=LongText.WINDOW,
        max_tokens=9,
        source={},
        parity={},
    ).write(str(tmp_path))
    none_given = dict.fromkeys(
        field.name for field in dataclasses.fields(DecodingConfig)
    )
    found = loading.inspect(str(tmp_path), {**none_given, "nested": True})
    assert found.kind is Kind.SAVED_MODEL and found.windowing is None
    assert found.decoding == DecodingConfig(nested=True)
    assert found.options == {"batch_size": 512}
    with pytest.raises(ConfigError, match=r"^nested=False: the model was"):
        loading.inspect(str(tmp_path), {**none_given, "nested": False})
    with pytest.raises(ConfigError, match="loaded without 'long_text'"):
        loading.inspect(str(tmp_path), {"long_text": LongText.WINDOW})

"""What a directory is predicted with, found out before it is loaded."""

import dataclasses
import inspect

import pytest
import tiny

from biaffine_tf import model_directory
from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    ExportFormat,
    ExportPrecision,
    LongText,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference import loading
from biaffine_tf.inference.loading import Kind
from biaffine_tf.inference.onnx import OnnxPredictor
from biaffine_tf.inference.predictor import Predictor
from biaffine_tf.inference.saved_model import SavedModelPredictor
from biaffine_tf.model_directory import Manifest

PREDICTORS = {
    Kind.MODEL: Predictor,
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
    path = str(tmp_path)
    model_directory.write_description(
        path,
        ExperimentConfig(
            model=tiny.model_config(), decoding=DecodingConfig(nested=True)
        ),
        tiny.LABELS,
        tiny.tokenizer(tmp_path).vocabulary,
    )
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


def test_a_saved_model_says_what_it_does(tmp_path):
    (tmp_path / "saved_model.pb").touch()
    Manifest(
        format=ExportFormat.SAVED_MODEL,
        precision=ExportPrecision.FLOAT32,
        xla=False,
        labels=("x",),
        decoding=DecodingConfig(nested=True),
        long_text=LongText.WINDOW,
        max_pieces=9,
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

"""Writes model directories for onnxruntime, which `inference.onnx` reads."""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import (
    DecodingConfig,
    ExperimentConfig,
    ExportPrecision,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import atomic_write
from biaffine_tf.model_directory import onnx_model
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Windowing

if TYPE_CHECKING:
    from biaffine_tf.heads.span_model import SpanModel


def write_onnx(
    directory: str,
    *,
    model: SpanModel,
    config: ExperimentConfig,
    labels: LabelMap,
    tokenizer: Tokenizer,
    decoding: DecodingConfig,
    windowing: Windowing,
    confidence: Confidence,
    precision: ExportPrecision = ExportPrecision.FLOAT32,
) -> None:
    """Writes the files for prediction without TensorFlow.

    Args:
        directory: New or empty folder.
        model: Model with its weights.
        config: Settings of the run.
        labels: Labels of the model.
        tokenizer: Tokenizer of the model.
        decoding: Settings of decoding; like the next two, replaces the
            settings of `config`.
        windowing: Treatment of long texts.
        confidence: Calibration and thresholds.
        precision: Precision of the encoder's weights and products.

    Raises:
        ConfigError: If ONNX lacks the precision or an ONNX form of the head,
            the model is too large for a file, or onnx is not installed.
    """
    if precision is ExportPrecision.BFLOAT16:
        raise ConfigError(
            "ONNX models are not in bfloat16", remedy="use float32 or int8"
        )
    try:
        from biaffine_tf.export.onnx_network import build_network
    except ModuleNotFoundError as error:
        if error.name != "onnx":
            raise
        raise ConfigError(
            "onnx is not installed", remedy="pip install onnx onnxruntime"
        ) from error
    content = build_network(
        {name: one.numpy() for name, one in model.saved_weights().items()},
        model.config,
        pad_id=model.pad_id,
        properties=onnx_model.properties(labels, tokenizer),
        int8=precision is ExportPrecision.INT8,
    )
    model_directory.write_description(
        directory,
        _effective(config, decoding, windowing),
        labels,
        tokenizer.vocabulary,
    )
    model_directory.write_confidence(
        directory, {"confidence": confidence.to_json()}
    )
    path = os.path.join(directory, onnx_model.ONNX_MODEL)
    with atomic_write(path, "wb") as file:
        file.write(content)


def _effective(
    config: ExperimentConfig, decoding: DecodingConfig, windowing: Windowing
) -> ExperimentConfig:
    return dataclasses.replace(
        config,
        decoding=decoding,
        model=dataclasses.replace(
            config.model,
            long_text=windowing.long_text,
            window_overlap=windowing.window_overlap,
        ),
    )

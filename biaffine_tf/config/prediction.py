"""Settings of prediction and export."""

from __future__ import annotations

import dataclasses
import enum

from biaffine_tf.config.fields import same_setting, setting
from biaffine_tf.config.model import LongText, ModelConfig
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.training import (
    PREDICTION_PRECISION,
    Precision,
    TrainingConfig,
)


class ExportFormat(enum.StrEnum):
    """Format of an export.

    - `saved_model`: strings in, entities out, for TensorFlow and its servers.
    - `onnx`: the network alone, which `biaffine_tf.load` runs without
      TensorFlow.
    """

    SAVED_MODEL = "saved_model"
    ONNX = "onnx"


class ExportPrecision(enum.StrEnum):
    """Numeric precision of an export.

    - `float32`: as the model.
    - `bfloat16`: matrix products in bfloat16. Not for ONNX.
    - `int8`: weights in 8 bits.
    """

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


class Engine(enum.StrEnum):
    """Program that computes the predictions of a model directory.

    - `auto`: ONNX Runtime on a CPU, if the directory has an ONNX form of these
      weights and nothing is asked that it does not know; else TensorFlow.
    - `onnx`: ONNX Runtime, on the CPU.
    - `tensorflow`: TensorFlow, on a GPU if there is one.
    """

    AUTO = "auto"
    ONNX = "onnx"
    TENSORFLOW = "tensorflow"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictionConfig(Settings):
    """Settings of loading a model for prediction, except `DecodingConfig`."""

    engine: Engine = setting(
        Engine.AUTO,
        help="ONNX Runtime or TensorFlow. auto takes ONNX Runtime where there "
        "is no GPU, if the model directory has an ONNX form that predicts as "
        "asked.",
    )

    calibrated: bool = setting(
        True, help="Calibrate scores, if the model has a calibration."
    )
    thresholds: bool = setting(
        True, help="Use the thresholds of the model, if it has any."
    )
    long_text: LongText | None = same_setting(
        ModelConfig, "long_text", default=None, unset="as in training"
    )
    window_overlap: int | None = same_setting(
        ModelConfig, "window_overlap", unset="as in training"
    )
    batch_size: int = setting(
        64,
        minimum=1,
        help="Maximum number of sentences per batch, or per request of a "
        "SavedModel (default there: 512).",
    )
    precision: Precision = same_setting(
        TrainingConfig, "precision", default=PREDICTION_PRECISION
    )
    xla: bool = same_setting(TrainingConfig, "xla")
    threads: int | None = setting(
        None,
        minimum=1,
        help="Maximum number of cores of ONNX Runtime.",
        unset="the cores that this process may use",
    )


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Settings):
    """Settings of an export."""

    format: ExportFormat = setting(
        ExportFormat.SAVED_MODEL,
        flag="export_format",
        help="SavedModel from strings to entities, for TensorFlow and its "
        "servers; or ONNX, which biaffine_tf.load runs without TensorFlow.",
    )
    precision: ExportPrecision = setting(
        ExportPrecision.FLOAT32,
        flag="export_precision",
        help="Precision of the export: float32; matrix products in bfloat16 "
        "(not for ONNX); or weights in 8 bits.",
    )

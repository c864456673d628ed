"""How a trained model is loaded to predict, and exported."""

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
    """What a model is exported as.

    - `saved_model`: strings in, entities out, for TensorFlow and its servers.
    - `onnx`: the network alone; `biaffine_tf.load` does the rest without
      TensorFlow.
    """

    SAVED_MODEL = "saved_model"
    ONNX = "onnx"


class ExportPrecision(enum.StrEnum):
    """How exact an export is.

    - `float32`: as the model.
    - `bfloat16`: matrix products in half the bits. Not of ONNX.
    - `int8`: weights in a quarter of the bits.
    """

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PredictionConfig(Settings):
    """How a model is loaded, but for `DecodingConfig`.

    Attributes:
        threads: Of ONNX; None as onnxruntime decides.
    """

    calibrated: bool = setting(
        True, help="Calibrate scores, if the model directory says how."
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
        help="Maximum number of sentences in a batch; in a request of a "
        "SavedModel, whose default is 512.",
    )
    precision: Precision = same_setting(
        TrainingConfig, "precision", default=PREDICTION_PRECISION
    )
    xla: bool = same_setting(TrainingConfig, "xla")
    threads: int | None = setting(None, minimum=1)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportConfig(Settings):
    """What a model is exported as."""

    format: ExportFormat = setting(
        ExportFormat.SAVED_MODEL,
        flag="export_format",
        help="Strings in, entities out, for TensorFlow and its servers; or "
        "ONNX, which biaffine_tf.load runs without TensorFlow.",
    )
    precision: ExportPrecision = setting(
        ExportPrecision.FLOAT32,
        flag="export_precision",
        help="Precision of the export: as the model; products in bfloat16 (not "
        "of ONNX); or weights in eight bits.",
    )

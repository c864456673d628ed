"""Predictor of model directories, on TensorFlow."""

from __future__ import annotations

import contextlib
import os
from typing import Any, ClassVar, Self

import numpy as np
import tensorflow as tf

from biaffine_tf import model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import (
    PREDICTION_PRECISION,
    DecodingConfig,
    LongText,
    Precision,
)
from biaffine_tf.decoding import Candidates
from biaffine_tf.heads.span_model import SpanModel
from biaffine_tf.inference.device_lock import device_lock
from biaffine_tf.inference.network import Network
from biaffine_tf.inference.tensorflow_process import (
    acquire_process,
    free_graphs,
)
from biaffine_tf.inference.windowed import (
    WindowedPredictor,
    confidence_of,
)
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Windowing


class Predictor(WindowedPredictor):
    """Finds the entities of texts with a trained model.

    Example:
        >>> predictor = Predictor.from_directory("model_dir")
        >>> predictor("小明在北京上学")
        [Entity(start=0, end=2, label='name', text='小明', score=0.98), ...]
        >>> predictor(["one text", "another"])
        [[...], [...]]

    Args:
        model: Model with its weights.
        tokenizer: Tokenizer of the model.
        labels: Labels of the model.
        decoding: Settings of decoding.
        confidence: Calibration and thresholds.
        windowing: Treatment of long texts; None for that of the model.
        batch_size: Maximum number of sentences or windows per batch.
        precision: Precision of matrix products; None for that of the model.

    Raises:
        ConfigError: If the batch size is not positive.
    """

    _every_label: ClassVar[bool] = False  # see `Network`

    def __init__(
        self,
        model: SpanModel,
        tokenizer: Tokenizer,
        labels: LabelMap,
        *,
        decoding: DecodingConfig | None = None,
        confidence: Confidence | None = None,
        windowing: Windowing | None = None,
        batch_size: int = 64,
        precision: Precision | None = None,
    ) -> None:
        acquire_process()
        super().__init__(
            tokenizer,
            labels,
            windowing or Windowing.of(model.config),
            decoding=decoding,
            confidence=confidence,
            context_tokens=model.config.context_tokens,
            batch_size=batch_size,
            head=model.config.head.name,
        )
        self.model = model
        in_precision: contextlib.AbstractContextManager[None] = (
            contextlib.nullcontext()
            if precision is None
            else model.computing_in(precision)
        )
        with in_precision:
            self._network = Network(
                model,
                force_one_entity=self.decoding.force_one_entity,
                every_label=self._every_label,
            )

    @classmethod
    def from_directory(
        cls,
        directory: str | os.PathLike[str],
        *,
        calibrated: bool = True,
        thresholds: bool = True,
        long_text: LongText | None = None,
        window_overlap: int | None = None,
        batch_size: int = 64,
        precision: Precision = PREDICTION_PRECISION,
        xla: bool = False,
        **decoding: Any,
    ) -> Self:
        """Loads a model directory.

        Args:
            directory: Written by `run_classifier.py`.
            calibrated: Whether to calibrate scores, if the directory has a
                calibration.
            thresholds: Whether to apply the thresholds of the directory, if it
                has any.
            long_text: How to read texts above the maximum number of tokens;
                None as in training.
            window_overlap: Minimum number of tokens shared by neighbouring
                windows; None as in training.
            batch_size: Maximum number of sentences or windows per batch.
            precision: Precision of matrix products, independent of training.
            xla: Whether to compile the encoder with XLA, once per shape.
            **decoding: Fields of `DecodingConfig`, such as `nested=True`; None
                and those not given as in training.

        Raises:
            ConfigError: If the model directory is incomplete, or a setting is
                unknown or out of range.
        """
        acquire_process()
        directory = os.fspath(directory)
        config, labels, tokenizer = model_directory.read_description(directory)
        windowing = Windowing.of(
            config.model, long_text=long_text, window_overlap=window_overlap
        )
        settings = config.decoding.replace_given(**decoding)
        confidence = confidence_of(
            directory, calibrated=calibrated, thresholds=thresholds
        )
        model_directory.check_weights(directory)
        model = SpanModel(
            config.model,
            num_classes=labels.num_classes,
            pad_id=tokenizer.pad_id,
            random_weights=False,
            xla=xla,
            dtype=str(precision),
            # TensorFlow keeps memory for each new name of a variable.
            name="span_model",
        )
        model.build_weights()
        model_directory.load_weights(directory, model)
        return cls(
            model,
            tokenizer,
            labels,
            decoding=settings,
            confidence=confidence,
            windowing=windowing,
            batch_size=batch_size,
        )

    def _check_open(self) -> None:
        acquire_process()
        super()._check_open()

    def _release(self) -> None:
        del self.model, self._network
        free_graphs()

    def _find_candidates(
        self, input_ids: np.ndarray, context: np.ndarray, min_margin: float
    ) -> Candidates:
        with device_lock():
            candidates = self._network(
                tf.constant(input_ids), tf.constant(context), min_margin
            )
            return candidates.map(lambda column: column.numpy())

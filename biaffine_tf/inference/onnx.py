"""Predictor of ONNX models on onnxruntime; no TensorFlow.

Loads only onnxruntime, tokenizers and numpy.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from biaffine_tf import machine, model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.config import DecodingConfig, LongText, ModelConfig
from biaffine_tf.decoding import Candidates
from biaffine_tf.heads import onnx_form
from biaffine_tf.inference.batches import make_batches
from biaffine_tf.inference.onnx_sessions import OnnxSessions
from biaffine_tf.inference.windowed import (
    WindowedPredictor,
    confidence_of,
)
from biaffine_tf.inference.windowed_text import TextWindow
from biaffine_tf.model_directory import onnx_model
from biaffine_tf.model_directory.onnx_form import model_path
from biaffine_tf.spans import LabelMap
from biaffine_tf.tokenization import Tokenizer, Windowing, mark

# Maximum number of encoder positions in a batch: about what the caches hold.
# Where a core has 512 KiB of cache, four times as many take 1.03 (256 wide) to
# 1.4 (768 wide) times as long: benchmarks/results/batches.json.
_TOKENS_PER_BATCH = 1 << 9
# Maximum number of floats in the head's outputs, of which onnxruntime holds a
# few copies. Larger batches are divided; a single window may exceed it.
_MAX_FLOATS = 1 << 24


class OnnxPredictor(WindowedPredictor):
    """Finds the entities of texts with an ONNX export or form.

    Args:
        session: The model.
        config: Settings of the model.
        tokenizer: Tokenizer of the model.
        labels: Labels of the model.
        decoding: Settings of decoding.
        confidence: Calibration and thresholds.
        windowing: Treatment of long texts; None for that of the config.
        batch_size: Maximum number of sentences or windows per batch.

    Raises:
        ConfigError: If the batch size is not positive.
    """

    def __init__(
        self,
        session: OnnxSessions,
        config: ModelConfig,
        tokenizer: Tokenizer,
        labels: LabelMap,
        *,
        decoding: DecodingConfig | None = None,
        confidence: Confidence | None = None,
        windowing: Windowing | None = None,
        batch_size: int = 64,
    ) -> None:
        super().__init__(
            tokenizer,
            labels,
            windowing or Windowing.of(config),
            decoding=decoding,
            confidence=confidence,
            context_tokens=config.context_tokens,
            batch_size=batch_size,
            head=config.head.name,
        )
        self._session = session
        self._head_config = config.head
        self._head = onnx_form(
            config.head.name,
            multi_label=config.head.multi_label,
            is_earlier=onnx_model.is_earlier(session.metadata),
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
        threads: int | None = None,
        **decoding: Any,
    ) -> OnnxPredictor:
        """Loads an export, or the ONNX form of a model directory.

        Args:
            directory: Written by `run_predict.py --export_dir`, or a model
                directory with an ONNX form.
            calibrated: Whether to calibrate scores, if the directory has a
                calibration.
            thresholds: Whether to apply the thresholds of the directory, if it
                has any.
            long_text: How to read texts above the maximum number of tokens;
                None as exported.
            window_overlap: Minimum number of tokens shared by neighbouring
                windows; None as exported.
            batch_size: Maximum number of sentences or windows per batch.
            threads: Maximum number of cores to use; None for all.
            **decoding: Fields of `DecodingConfig`, such as `nested=True`; None
                and those not given as exported.

        Raises:
            ConfigError: If the export is incomplete, a setting is unknown or
                out of range, or onnxruntime is not installed.
        """
        directory = os.fspath(directory)
        config, labels, tokenizer = model_directory.read_description(directory)
        windowing = Windowing.of(
            config.model, long_text=long_text, window_overlap=window_overlap
        )
        settings = config.decoding.replace_given(**decoding)
        confidence = confidence_of(
            directory, calibrated=calibrated, thresholds=thresholds
        )
        path = model_path(directory)
        session = OnnxSessions(path, threads)
        onnx_model.check_properties(
            path,
            session.metadata,
            labels,
            tokenizer,
        )
        return cls(
            session,
            config.model,
            tokenizer,
            labels,
            decoding=settings,
            confidence=confidence,
            windowing=windowing,
            batch_size=batch_size,
        )

    def _release(self) -> None:
        del self._session
        machine.release_memory()

    def _batches(self, windows: Iterable[TextWindow]) -> list[list[TextWindow]]:
        return make_batches(
            windows,
            max_windows=self._batch_size,
            max_tokens=_TOKENS_PER_BATCH,
        )

    @contextlib.contextmanager
    def _mapping(self, batches: int) -> Iterator[Callable[..., Iterable[Any]]]:
        cores = self._session.cores
        if batches < cores or cores < 2:
            yield map  # each batch on all cores
            return
        with (
            self._session.sharing(),
            concurrent.futures.ThreadPoolExecutor(cores) as pool,
        ):
            yield pool.map

    def _find_candidates(
        self, input_ids: np.ndarray, context: np.ndarray, min_margin: float
    ) -> Candidates:
        floats_per_window = self._head.floats(
            self._head_config,
            length=input_ids.shape[1] - 2,
            num_classes=self.labels.num_classes,
        )
        size = max(1, _MAX_FLOATS // max(1, floats_per_window))
        marked = mark(input_ids, context)
        parts = []
        for start in range(0, len(marked), size):
            candidates = self._head.find(
                self._run,
                marked[start : start + size],
                min_margin=min_margin,
                force_one_entity=self.decoding.force_one_entity,
            )
            if size >= len(marked):
                return candidates
            parts.append(
                candidates._replace(sentences=candidates.sentences + start)
            )
        return parts[0].map(
            lambda *columns: np.concatenate(columns), *parts[1:]
        )

    def _run(
        self, input_ids: np.ndarray, settings: Mapping[str, Any]
    ) -> list[np.ndarray]:
        return self._session.run({onnx_model.INPUT: input_ids, **settings})

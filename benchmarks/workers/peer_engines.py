"""Engines that run BERT token classifiers fast: text in, entities out.

A classifier of 21 classes, tagging by argmax, in a loop that its user would
write for speed: texts sorted by length, batches of 32, padded to the longest.
"""

from __future__ import annotations

import abc
import concurrent.futures
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
import transformers

from benchmarks import data
from benchmarks.harness import THREADS
from benchmarks.shapes import Shape
from benchmarks.workers import measuring
from benchmarks.workers.measuring import seconds_of
from benchmarks.workers.peer_transformers import (
    BATCH_SIZE,
    bert_tokenizer,
    bias_outside,
    classifier,
    padded_batches,
)

_INPUTS = ("input_ids", "attention_mask")
_TRIAL_TEXTS = 128
_MIN_ENTITY = 1  # classes are O, then B and I of each label in turn

_Entities = list[tuple[int, int, int]]
_Batch = list[np.ndarray]  # of `_INPUTS`
_Model = transformers.BertForTokenClassification


class Tagger:
    """A token classifier in an engine.

    Args:
        engine: One of `ENGINES`.
        shape: "4x256" and the like.
        texts: What is predicted all together.
        single_texts: What is predicted one by one.
        entities_per_sentence: How many the random model is to find.
        seed: Of the weights.
    """

    def __init__(
        self,
        *,
        engine: str,
        shape: str,
        texts: Sequence[str],
        single_texts: Sequence[str],
        entities_per_sentence: float,
        seed: int,
    ) -> None:
        self._texts, self._single_texts = list(texts), single_texts
        self._tokenizer = bert_tokenizer().backend_tokenizer
        self._tokenizer.no_truncation()
        model = classifier(Shape.parse(shape), seed).eval()
        input_ids = bert_tokenizer()(self._texts)["input_ids"]
        trial = data.spread(
            list(padded_batches(input_ids)), _TRIAL_TEXTS // BATCH_SIZE
        )
        bias_outside(model, trial, entities_per_sentence)
        arrays = [[batch[name].numpy() for name in _INPUTS] for batch in trial]
        with tempfile.TemporaryDirectory() as folder:
            self._engine = ENGINES[engine](model, folder, arrays)
        self.about: dict[str, Any] = {
            "settings": self._engine.settings,
            "first_pass_seconds": self()["seconds"],
        }
        self(one_by_one=True)

    def __call__(self, *, one_by_one: bool = False) -> dict[str, Any]:
        """Predicts; units are sentences."""
        return measuring.prediction(
            self._predict,
            self._single_texts if one_by_one else self._texts,
            one_by_one=one_by_one,
        )

    def _predict(self, texts: Sequence[str]) -> list[_Entities]:
        encoded = self._tokenizer.encode_batch_fast(texts)
        encoded = [(one.ids, one.offsets) for one in encoded]
        order = sorted(range(len(texts)), key=lambda i: -len(encoded[i][0]))
        groups = [
            order[begin : begin + BATCH_SIZE]
            for begin in range(0, len(order), BATCH_SIZE)
        ]
        batches = [_pad([encoded[i][0] for i in group]) for group in groups]
        found: list[_Entities] = [[]] * len(texts)
        for group, logits in zip(
            groups, self._engine.run(batches), strict=True
        ):
            tags = logits.argmax(axis=-1)
            for i, row in zip(group, tags, strict=True):
                ids, offsets = encoded[i]
                found[i] = _entities(row[1 : len(ids) - 1], offsets)
        return found


def _pad(rows: Sequence[Sequence[int]]) -> _Batch:
    """The arrays of `_INPUTS`; rows of the batch are in descending length."""
    ids = np.zeros([len(rows), len(rows[0])], np.int64)
    mask = np.zeros_like(ids)
    for row, marks, values in zip(ids, mask, rows, strict=True):
        row[: len(values)] = values
        marks[: len(values)] = 1
    return [ids, mask]


def _entities(
    tags: np.ndarray, offsets: Sequence[tuple[int, int]]
) -> _Entities:
    """Characters and label of the runs of B and I; [CLS] has an offset too."""
    found: _Entities = []
    (places,) = np.nonzero(tags)
    last = -2
    for place, tag in zip(places.tolist(), tags[places].tolist(), strict=True):
        label, is_inside = divmod(tag - _MIN_ENTITY, 2)
        start, end = offsets[place + 1]
        if is_inside and place == last + 1 and found[-1][2] == label:
            found[-1] = (found[-1][0], end, label)
        else:
            found.append((start, end, label))
        last = place
    return found


class _Engine(abc.ABC):
    """Runs the model.

    Args:
        model: The model.
        folder: For files that are not needed afterwards.
        trial: Batches to choose settings by.

    Attributes:
        settings: What was chosen.
    """

    settings: str = ""

    @abc.abstractmethod
    def __init__(
        self, model: _Model, folder: str, trial: Sequence[_Batch]
    ) -> None: ...

    @abc.abstractmethod
    def run(self, batches: Sequence[_Batch]) -> list[np.ndarray]:
        """Logits `[B, N, 21]` of each batch."""


class _Torch(_Engine):
    def __init__(
        self, model: _Model, folder: str, trial: Sequence[_Batch]
    ) -> None:
        self._model = model

    @torch.inference_mode()
    def run(self, batches: Sequence[_Batch]) -> list[np.ndarray]:
        return [
            self._model(*map(torch.from_numpy, batch)).logits.numpy()
            for batch in batches
        ]


class _Compiled(_Torch):
    settings = "torch.compile(dynamic=True), frozen"

    def __init__(
        self, model: _Model, folder: str, trial: Sequence[_Batch]
    ) -> None:
        from torch._inductor import config

        config.freezing = True
        self._model = torch.compile(model, dynamic=True)


class _OnnxRuntime(_Engine):
    """Fused by ONNX Runtime's own optimizer, or left to its session.

    Batches get all cores in turn, or one core each.
    """

    def __init__(
        self, model: _Model, folder: str, trial: Sequence[_Batch]
    ) -> None:
        seconds = {}
        for fused, path in self._files(model, folder):
            in_turn, each = _session(path, THREADS), _session(path, 1)
            for workers, session in ((1, in_turn), (THREADS, each)):
                self._choice = in_turn, session, workers
                self.run(trial)
                took = seconds_of(lambda: self.run(trial), repeats=3)
                what = f"{fused}, {workers} batches at a time"
                seconds[took] = what, self._choice
        self.settings, self._choice = seconds[min(seconds)]

    def _files(self, model: _Model, folder: str) -> Iterator[tuple[str, str]]:
        plain = _export(model, folder)
        yield "the session's own fusions", plain
        yield "onnxruntime.transformers.optimizer", _fused(plain, model)

    def run(self, batches: Sequence[_Batch]) -> list[np.ndarray]:
        alone, session, workers = self._choice
        if len(batches) == 1 or workers == 1:
            return [_answer(alone, batch) for batch in batches]
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            return list(pool.map(lambda one: _answer(session, one), batches))


class _OnnxRuntimeInt8(_OnnxRuntime):
    def _files(self, model: _Model, folder: str) -> Iterator[tuple[str, str]]:
        from onnxruntime import quantization

        plain = _export(model, folder)
        kinds = {"session's fusions": plain, "optimizer": _fused(plain, model)}
        for name, path in kinds.items():
            for per_channel in (False, True):
                target = f"{path}.{per_channel}.onnx"
                quantization.quantize_dynamic(
                    path,
                    target,
                    per_channel=per_channel,
                    weight_type=quantization.QuantType.QInt8,
                    extra_options={"DefaultTensorType": 1},
                )
                each = "channel" if per_channel else "tensor"
                yield f"quantize_dynamic per {each}, {name}", target


class _OpenVino(_Engine):
    """Compiled for throughput, with two requests in flight, or for latency."""

    def __init__(
        self, model: _Model, folder: str, trial: Sequence[_Batch]
    ) -> None:
        import openvino

        core = openvino.Core()
        # A file, not the model: tracing by OpenVINO is of fixed lengths.
        network = core.read_model(_export(model, folder))
        common = {
            "INFERENCE_NUM_THREADS": THREADS,
            "INFERENCE_PRECISION_HINT": "f32",
        }
        self._one = core.compile_model(
            network, "CPU", {**common, "PERFORMANCE_HINT": "LATENCY"}
        )
        many = core.compile_model(
            network, "CPU", {**common, "PERFORMANCE_HINT": "THROUGHPUT"}
        )
        self._queue = openvino.AsyncInferQueue(many, THREADS)
        seconds = {}
        runs: dict[str, Callable[..., Any]] = {
            "LATENCY": self._in_turn,
            "THROUGHPUT": self._in_flight,
        }
        for name, run in runs.items():
            run(trial)
            seconds[name] = seconds_of(lambda r=run: r(trial), repeats=3)
        self.settings = min(seconds, key=seconds.__getitem__)
        self._many = runs[self.settings]

    def run(self, batches: Sequence[_Batch]) -> list[np.ndarray]:
        return (self._many if len(batches) > 1 else self._in_turn)(batches)

    def _in_turn(self, batches: Sequence[_Batch]) -> list[np.ndarray]:
        return [self._one(batch)[0] for batch in batches]

    def _in_flight(self, batches: Sequence[_Batch]) -> list[np.ndarray]:
        found = [np.empty(0)] * len(batches)

        def keep(request: Any, index: int) -> None:
            found[index] = request.get_output_tensor().data.copy()

        self._queue.set_callback(keep)
        for index, batch in enumerate(batches):
            self._queue.start_async(batch, index)
        self._queue.wait_all()
        return found


def _export(model: _Model, folder: str) -> str:
    """Writes the model as ONNX, with any number and length of texts."""
    path = os.path.join(folder, "model.onnx")
    example = torch.ones([2, 8], dtype=torch.int64)
    eager = transformers.BertForTokenClassification(model.config)
    eager.load_state_dict(model.state_dict())
    torch.onnx.export(
        eager.eval(),
        (example, example),
        path,
        input_names=list(_INPUTS),
        output_names=["logits"],
        dynamic_axes={name: {0: "texts", 1: "places"} for name in _INPUTS},
        opset_version=17,
        dynamo=False,
    )
    return path


def _fused(path: str, model: _Model) -> str:
    """Joins attention, norms and GELU, as ONNX Runtime's optimizer does."""
    from onnxruntime.transformers import optimizer

    target = f"{path}.fused.onnx"
    config = model.config
    optimizer.optimize_model(
        path,
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=0,
    ).save_model_to_file(target)
    return target


def _session(path: str, threads: int) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(
        path, options, providers=["CPUExecutionProvider"]
    )


def _answer(session: Any, batch: _Batch) -> np.ndarray:
    return session.run(None, dict(zip(_INPUTS, batch, strict=True)))[0]


ENGINES: dict[str, Callable[..., _Engine]] = {
    "torch": _Torch,
    "torch, compiled": _Compiled,
    "onnxruntime": _OnnxRuntime,
    "onnxruntime, int8": _OnnxRuntimeInt8,
    "OpenVINO": _OpenVino,
}

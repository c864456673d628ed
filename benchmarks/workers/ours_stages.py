"""Processor time of our prediction, by stage."""

from __future__ import annotations

import collections
import contextlib
import os
import pathlib
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import tensorflow as tf

import biaffine_tf
from benchmarks import data
from benchmarks.shapes import Shape
from benchmarks.workers import ours
from benchmarks.workers.calibration import random_model_directory
from biaffine_tf import formats
from biaffine_tf.inference import base, onnx_sessions, windowed, windowed_text
from biaffine_tf.inference.postprocessing import Postprocessor

_REPEATS = 3  # of which the quickest counts


class Stages:
    """A predictor, and stopwatches on what it is made of.

    Args:
        shape: "4x256" and the like.
        kind: "tensorflow", "onnx" or "int8".
        texts: What is predicted all together.
        single_texts: What is predicted one by one.
        entities_per_sentence: How many the random model is to find.
        seed: Of the weights.
    """

    def __init__(
        self,
        *,
        shape: str,
        kind: str,
        texts: Sequence[str],
        single_texts: Sequence[str],
        entities_per_sentence: float,
        seed: int,
    ) -> None:
        self._texts, self._single_texts = list(texts), list(single_texts)
        self._seconds: collections.Counter[str] = collections.Counter()
        self._inputs: list[Any] = []
        with tempfile.TemporaryDirectory() as name:
            model = random_model_directory(
                pathlib.Path(name),
                Shape.parse(shape),
                entities_per_sentence=entities_per_sentence,
                seed=seed,
            )
            if kind == "tensorflow":
                self._parts = self._open_tensorflow(name)
            else:
                self._parts = self._open_onnx(name, int8=kind == "int8")
        self._watch(self._predictor.tokenizer, "encode_batch", "tokenization")
        self._watch(windowed, "pad", "windows and batches")
        self._watch(windowed, "read_texts", "windows and batches", each=True)
        self._watch(windowed_text.WindowedText, "add", "candidates")
        self._watch(Postprocessor, "__call__", "decoding")
        self._watch(base, "_entity", "entities")
        self.about: dict[str, Any] = {"model": model}
        for one_by_one in (False, True):
            self(one_by_one=one_by_one)

    def __call__(self, *, one_by_one: bool = False) -> dict[str, Any]:
        """Predicts; the `stages` are in milliseconds a sentence."""
        texts = self._single_texts if one_by_one else self._texts
        rounds = [self._round(texts, one_by_one) for _ in range(_REPEATS)]
        # Differences of the quickest times: the least difference is noise.
        least = {
            stage: min(found[stage] for found in rounds) for stage in rounds[0]
        }
        before = 0.0
        for stage in [*self._parts, "search"]:
            until = least[stage]
            least[stage] = max(0.0, until - before)
            before = max(before, until)
        whole = sum(least.values())
        stages = {k: 1000 * v / len(texts) for k, v in least.items()}
        return {"seconds": whole, "units": len(texts), "stages": stages}

    def _round(self, texts: list[str], one_by_one: bool) -> dict[str, float]:
        """Measures once; parts of the network last until their end."""
        self._seconds.clear()
        self._inputs.clear()
        found = {}
        if not one_by_one:
            begun = time.process_time()
            read = sum(1 for _ in formats.read(data.CLUENER / "dev.json"))
            took = time.process_time() - begun
            found["reading"] = took * len(texts) / read
        begun = time.process_time()
        if one_by_one:
            for text in texts:
                self._predictor(text)
        else:
            self._predictor(texts)
        whole = time.process_time() - begun
        network = self._seconds.pop("network")
        # Nested, as stages of their own would be: tokenization is within.
        self._seconds["windows and batches"] -= self._seconds["tokenization"]
        inputs = list(self._inputs)
        for stage, run in self._parts.items():
            begun = time.process_time()
            for one in inputs:
                run(one)
            found[stage] = time.process_time() - begun
        found["search"] = network
        found |= self._seconds
        found["other"] = whole - network - sum(self._seconds.values())
        return found

    def _open_onnx(
        self, name: str, *, int8: bool
    ) -> dict[str, Callable[[Any], Any]]:
        folder = os.path.join(name, "export")
        precision = "int8" if int8 else "float32"
        ours.export_whatever_it_answers(name, folder, "onnx", precision)
        self._predictor = biaffine_tf.load(folder, threads=1)
        run = onnx_sessions.OnnxSessions.run

        def watched(sessions: Any, inputs: Any) -> Any:
            self._inputs.append(inputs["input_ids"])
            begun = time.process_time()
            answer = run(sessions, inputs)
            self._seconds["network"] += time.process_time() - begun
            return answer

        onnx_sessions.OnnxSessions.run = watched  # type: ignore[method-assign]
        parts: dict[str, Callable[[Any], Any]] = {}
        for stage, content in ours.onnx_parts(name, int8=int8).items():
            path = os.path.join(name, f"{stage}.onnx")
            pathlib.Path(path).write_bytes(content)
            session = onnx_sessions.open_session(path, 1)
            parts[stage] = lambda ids, s=session: s.run(
                None, {"input_ids": ids}
            )
        return parts

    def _open_tensorflow(self, name: str) -> dict[str, Callable[[Any], Any]]:
        self._predictor = predictor = biaffine_tf.load(
            name, engine="tensorflow"
        )
        network = predictor._network

        def watched(ids: Any, *others: Any) -> Any:
            self._inputs.append(ids)
            begun = time.process_time()
            answer = network(ids, *others)
            self._seconds["network"] += time.process_time() - begun
            return answer

        predictor._network = watched
        predictor._mapping = _one_after_another  # for the stopwatches
        model = predictor.model

        @tf.function(
            input_signature=[tf.TensorSpec([None, None], tf.int32)],
            autograph=False,
        )
        def encode(ids: tf.Tensor) -> tf.Tensor:
            return tf.reduce_sum(model.encode(ids, training=False))

        return {"encoder": encode}

    def _watch(
        self, owner: Any, name: str, stage: str, *, each: bool = False
    ) -> None:
        """Times a function, or the steps of the iterator that it returns."""
        function = getattr(owner, name)

        def timed(*given: Any, **named: Any) -> Any:
            begun = time.process_time()
            answer = function(*given, **named)
            self._seconds[stage] += time.process_time() - begun
            return self._steps(answer, stage) if each else answer

        setattr(owner, name, timed)

    def _steps(self, items: Iterator[Any], stage: str) -> Iterator[Any]:
        while True:
            begun = time.process_time()
            one = next(items, None)
            self._seconds[stage] += time.process_time() - begun
            if one is None:
                return
            yield one


@contextlib.contextmanager
def _one_after_another(batches: int) -> Iterator[Callable[..., Any]]:
    yield map

"""Stages of a corpus's way, for corpora of any size."""

from __future__ import annotations

import pathlib
import shutil
from collections.abc import Callable
from typing import Any

from benchmarks import data
from benchmarks.shapes import Shape
from benchmarks.workers import ours
from benchmarks.workers.calibration import random_model_directory
from benchmarks.workers.measuring import peak_above_start, seconds_of


class TinyModel:
    """Writes the model directory that prediction is measured with.

    Args:
        folder: Becomes the model directory.
        entities_per_sentence: How many the model is to find.
        seed: Of its weights.
    """

    def __init__(
        self, *, folder: str, entities_per_sentence: float, seed: int
    ) -> None:
        self.about: dict[str, Any] = random_model_directory(
            pathlib.Path(folder),
            Shape(1, 64),
            entities_per_sentence=entities_per_sentence,
            seed=seed,
        )

    def __call__(self) -> dict[str, Any]:
        """There is nothing to ask."""
        return {}


class Stage:
    """One stage for one corpus; a request runs it.

    Args:
        stage: "records", "training input" (of records that are there) or
            "prediction".
        corpus: A labelled file.
        sentences: How many it has.
        folder: For its records.
        model: Model directory.
        seed: Of the order of the training input.
    """

    def __init__(
        self,
        *,
        stage: str,
        corpus: str,
        sentences: int,
        folder: str,
        model: str,
        seed: int,
    ) -> None:
        self._corpus = pathlib.Path(corpus)
        self._folder = pathlib.Path(folder)
        self._sentences = sentences
        self._run: Callable[[], None]
        match stage:
            case "records":
                shutil.rmtree(self._folder, ignore_errors=True)
                self._run = self._write_records
            case "training input":
                self._records = ours.write_records(self._corpus, self._folder)
                if self._records.built:
                    raise ValueError(f"{folder} held no records of {corpus}")
                self._seed = seed
                self._run = self._iterate
            case "prediction":
                self._predictor = ours.Predictor.from_directory(model)
                self._predictor(data.spread(data.texts("dev"), 64))  # traces
                self._run = self._predict
            case _:
                raise ValueError(f"no stage is called {stage!r}")
        self.about: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        """Runs the stage; units are sentences."""
        seconds = 0.0

        def run() -> None:
            nonlocal seconds
            seconds = seconds_of(self._run)

        peak = peak_above_start(run)
        return {
            "seconds": seconds,
            "units": self._sentences,
            "peak_bytes": peak,
        }

    def _write_records(self) -> None:
        ours.write_records(self._corpus, self._folder)

    def _iterate(self) -> None:
        seen = 0
        for batch in ours.epoch_batches(self._records, seed=self._seed):
            seen += len(batch["input_ids"])
        if seen != self._sentences:
            raise ValueError(f"{seen} of {self._sentences} sentences came")

    def _predict(self) -> None:
        target = self._corpus.with_suffix(".found.jsonl")
        ours.predict_file(self._predictor, self._corpus, target)
        target.unlink()

"""Our training step on our pipeline."""

from __future__ import annotations

import pathlib
import tempfile
from typing import Any

from benchmarks.shapes import Shape
from benchmarks.workers import ours
from benchmarks.workers.measuring import seconds_of


class TrainingSteps:
    """Passes over a sample of CLUENER; a request is one pass.

    Args:
        shape: "4x256" and the like.
        batches: Batches of 32, of one length bucket each.
        **settings: Of `ours.experiment`.
    """

    def __init__(self, *, shape: str, batches: int, **settings: Any) -> None:
        self._folder = tempfile.TemporaryDirectory()
        self._run = ours.TrainingRun(
            ours.experiment(Shape.parse(shape), **settings),
            batches=batches,
            folder=pathlib.Path(self._folder.name),
        )
        sentences = self._run.input_ids
        real = sum(map(len, sentences))
        self.about: dict[str, Any] = {
            "input_ids": sentences,
            "batches": self._run.batches,
            "padding": 1 - real / self._run.padded_positions,
            "first_pass_seconds": self()["seconds"],
        }

    def __call__(self) -> dict[str, Any]:
        """Trains one pass; units are sentences."""
        seconds = seconds_of(self._run.fit)
        return {"seconds": seconds, "units": len(self._run.input_ids)}

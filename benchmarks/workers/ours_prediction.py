"""Our prediction: texts in, entities out."""

from __future__ import annotations

import os
import pathlib
import tempfile
from collections.abc import Sequence
from typing import Any

import biaffine_tf
from benchmarks.harness import THREADS
from benchmarks.shapes import Shape
from benchmarks.workers import measuring, ours
from benchmarks.workers.calibration import random_model_directory


class Predictions:
    """A predictor, loaded from a model directory as users load it.

    Args:
        shape: "4x256" and the like.
        texts: What is predicted all together.
        single_texts: What is predicted one by one.
        entities_per_sentence: How many the random model is to find.
        seed: Of the weights.
        export: Format and precision of an export that predicts in the model's
            place, whatever it answers: a random model is undecided on much.
        engine: What predicts with the model directory, "onnx" by the form that
            training leaves there.
    """

    def __init__(
        self,
        *,
        shape: str,
        texts: Sequence[str],
        single_texts: Sequence[str],
        entities_per_sentence: float,
        seed: int,
        export: tuple[str, str] | None = None,
        engine: str = "onnx",
    ) -> None:
        self._texts = texts
        self._single_texts = single_texts
        with tempfile.TemporaryDirectory() as name:
            model = random_model_directory(
                pathlib.Path(name),
                Shape.parse(shape),
                entities_per_sentence=entities_per_sentence,
                seed=seed,
            )
            options: dict[str, Any] = {}
            folder = name
            if export is not None:
                folder = os.path.join(name, "export")
                ours.export_whatever_it_answers(name, folder, *export)
                engine = export[0]
            else:
                options["engine"] = engine
                if engine == "onnx":
                    ours.write_form_whatever_it_answers(name)
            if engine == "onnx":
                options["threads"] = THREADS
            self._predictor = biaffine_tf.load(folder, **options)
            # Whatever is loaded when it is needed is loaded now.
            first = self()
        self.about: dict[str, Any] = {
            "model": model,
            "first_pass_seconds": first["seconds"],
        }
        self(one_by_one=True)

    def __call__(self, *, one_by_one: bool = False) -> dict[str, Any]:
        """Predicts; units are sentences."""
        return measuring.prediction(
            self._predictor,
            self._single_texts if one_by_one else self._texts,
            one_by_one=one_by_one,
        )

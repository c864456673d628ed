"""How fast matrix products are, and how fast our encoder does them."""

from __future__ import annotations

import math
import pathlib
import tempfile
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from benchmarks.shapes import Shape, encoder_operations
from benchmarks.workers import ours
from benchmarks.workers.calibration import random_model_directory
from benchmarks.workers.measuring import seconds_of
from benchmarks.workers.ours_head import encoder_step
from benchmarks.workers.profiling import profile

_BATCH_SIZE = 64  # of prediction, as the predictor's
_BATCHES = 4  # of training, in a pass
_PRODUCT_SECONDS = 0.3


class Products:
    """float32 matrix products of one shape; a request is some of them.

    Args:
        rows: Of the left factor.
        inner: Its columns, and the rows of the right factor.
        columns: Of the right factor.
    """

    def __init__(self, *, rows: int, inner: int, columns: int) -> None:
        self._multiply = tf.function(tf.matmul)
        self._factors = (
            tf.random.normal([rows, inner]),
            tf.random.normal([inner, columns]),
        )
        self._operations = 2 * rows * inner * columns
        self()
        once = seconds_of(self)
        self._repeats = math.ceil(_PRODUCT_SECONDS / once)

    def __call__(self) -> None:
        """One product."""
        self._multiply(*self._factors)

    def measure(self) -> dict[str, float]:
        """Units are floating-point operations."""
        seconds = seconds_of(self, repeats=self._repeats)
        return {
            "seconds": seconds,
            "units": self._repeats * self._operations,
        }


class Utilisation:
    """Matrix products, the encoder and all around it, in one process.

    Units are the operations of the encoder's matrix products over real
    positions, whatever else a part does.

    Args:
        shape: "12x768" and the like.
        texts: What is predicted.
        products: Rows, inner size and columns of plain products, by name.
        entities_per_sentence: How many the random model is to find.
        seed: Of everything.

    Attributes:
        about: `parts`, names that can be asked for.
    """

    def __init__(
        self,
        *,
        shape: str,
        texts: Sequence[str],
        products: dict[str, tuple[int, int, int]],
        entities_per_sentence: float,
        seed: int,
    ) -> None:
        self._folder = tempfile.TemporaryDirectory()
        folder = pathlib.Path(self._folder.name)
        encoder = Shape.parse(shape)
        self._products = {
            name: Products(rows=rows, inner=inner, columns=columns)
            for name, (rows, inner, columns) in products.items()
        }
        random_model_directory(
            folder / "model",
            encoder,
            entities_per_sentence=entities_per_sentence,
            seed=seed,
        )
        self._predictor = ours.Predictor.from_directory(folder / "model")
        self._run = ours.TrainingRun(
            ours.experiment(encoder, seed=seed),
            batches=_BATCHES,
            folder=folder,
        )
        self._texts = texts
        self._batches = [
            batch["input_ids"] for batch in self._run.batches_of(range(1))
        ]
        texts_ids = ours.token_ids(texts)
        self._text_batches = _text_batches(texts_ids)
        ids = tf.TensorSpec([None, None], tf.int32)
        self._step = tf.function(
            encoder_step(self._run.model), input_signature=[ids]
        )
        self._encode = tf.function(self._forward, input_signature=[ids])
        # A step has the gradients of both factors of each product besides.
        training = 3 * encoder_operations(
            encoder, map(len, self._run.input_ids)
        )
        prediction = encoder_operations(encoder, map(len, texts_ids))
        self._parts: dict[str, tuple[Callable[[], None], int]] = {
            "training, encoder": (self._train_encoder, training),
            "training, whole": (self._train, training),
            "prediction, encoder": (self._predict_encoder, prediction),
            "prediction, whole": (self._predict, prediction),
        }
        for function, _ in self._parts.values():
            function()
        self.about: dict[str, Any] = {
            "parts": list(self._parts),
            "products": list(self._products),
        }

    def __call__(self, *, part: str, profiled: bool = False) -> dict[str, Any]:
        """Measures a part or a product, or profiles a part."""
        if part in self._products:
            return self._products[part].measure()
        function, operations = self._parts[part]
        if profiled:
            return {"operations": profile(function)}
        return {"seconds": seconds_of(function), "units": operations}

    def _forward(self, input_ids: tf.Tensor) -> tf.Tensor:
        return ours.encode(self._run.model, input_ids, training=False)

    def _train_encoder(self) -> None:
        for batch in self._batches:
            self._step(batch)

    def _train(self) -> None:
        self._run.fit()

    def _predict_encoder(self) -> None:
        for batch in self._text_batches:
            self._encode(batch)

    def _predict(self) -> None:
        self._predictor(self._texts)


def _text_batches(input_ids: Sequence[list[int]]) -> list[tf.Tensor]:
    """Padded batches of similar length, as the predictor makes them."""
    ordered = sorted(input_ids, key=len, reverse=True)
    return [
        tf.ragged.constant(
            ordered[begin : begin + _BATCH_SIZE], tf.int32
        ).to_tensor()
        for begin in range(0, len(ordered), _BATCH_SIZE)
    ]

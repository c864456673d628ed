"""SpanMarker: text in, entities out."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from span_marker import SpanMarkerModel

from benchmarks import data
from benchmarks.shapes import Shape
from benchmarks.workers.measuring import seconds_of
from benchmarks.workers.peer_transformers import (
    BATCH_SIZE,
    bert_config,
    bert_tokenizer,
)


class Predictions:
    """SpanMarker with a random encoder and its own default settings.

    Its class "outside" is biased such that it finds nothing, which spares it
    the work of putting entities together.

    Args:
        shape: "4x256" and the like.
        texts: What is predicted; characters are its words.
        seed: Of the weights.
    """

    def __init__(self, *, shape: str, texts: Sequence[str], seed: int) -> None:
        self._words = [
            [character for character in text if not character.isspace()]
            for text in texts
        ]
        torch.manual_seed(seed)
        with tempfile.TemporaryDirectory() as folder:
            encoder = transformers.BertModel(bert_config(Shape.parse(shape)))
            encoder.save_pretrained(folder)
            bert_tokenizer().save_pretrained(folder)
            self._model = SpanMarkerModel.from_pretrained(
                folder, labels=["O", *data.label_names()]
            )
        self._model.classifier.bias.data[0] = 100.0
        self.about: dict[str, Any] = {"first_pass_seconds": self()["seconds"]}

    def __call__(self) -> dict[str, Any]:
        """Predicts; units are sentences."""
        seconds = seconds_of(
            lambda: self._model.predict(self._words, batch_size=BATCH_SIZE)
        )
        return {"seconds": seconds, "units": len(self._words)}

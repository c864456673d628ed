"""Compact record of a model's predictions on many sentences.

Takes some 25 bytes a sentence and 20 an entity; texts are not kept.
"""

from __future__ import annotations

import array
import collections
from collections.abc import Sequence
from typing import Any

import numpy as np

from biaffine_tf.inference.base import Judgement
from biaffine_tf.selection.uncertainty import measure
from biaffine_tf.spans import Sentence, Span

CERTAIN = -1  # number of the label of sentences that the model is certain of


class Survey:
    """Uncertainty, length and entities of sentences, by their number.

    Attributes:
        labels: Labels that were seen, in order of first occurrence.
    """

    def __init__(self) -> None:
        self.labels: dict[str, int] = {}
        self._bits = array.array("d")
        self._lengths = array.array("q")
        self._doubts = array.array("h")
        self._ends = array.array("q")  # of the entities of each sentence
        self._places = array.array("q")  # start, end, label of each entity
        self._scores = array.array("d")

    def __len__(self) -> int:
        return len(self._bits)

    def add(self, sentence: Sentence, judgement: Judgement) -> None:
        """Adds the next sentence."""
        found = measure(judgement.candidates)
        self._bits.append(found.bits)
        self._lengths.append(len(sentence.text))
        self._doubts.append(
            CERTAIN if found.label is None else self._number(found.label)
        )
        for span in judgement.entities:
            label = self._number(span.label)
            self._places.extend((span.start, span.end, label))
            self._scores.append(span.score or 0.0)
        self._ends.append(len(self._scores))

    def _number(self, label: str) -> int:
        return self.labels.setdefault(label, len(self.labels))

    @property
    def lengths(self) -> np.ndarray:
        """Length of each sentence in characters, int `[N]`."""
        return np.array(self._lengths, np.int64)

    @property
    def doubts(self) -> np.ndarray:
        """Number of the most uncertain label, or CERTAIN, int `[N]`."""
        return np.array(self._doubts, np.int64)

    @property
    def uncertainty(self) -> np.ndarray:
        """Uncertainty of each sentence in bits a character, float `[N]`."""
        return np.array(self._bits) / np.maximum(self.lengths, 1)

    def entities(self, number: int) -> tuple[Span, ...]:
        """Returns the predicted entities of a sentence."""
        names = list(self.labels)
        first = self._ends[number - 1] if number else 0
        spans = []
        for one in range(first, self._ends[number]):
            start, end, label = self._places[3 * one : 3 * one + 3]
            spans.append(Span(start, end, names[label], self._scores[one]))
        return tuple(spans)

    def reason(self, number: int) -> dict[str, Any]:
        """Returns the uncertainty of a sentence, and its label, as JSON."""
        length = max(self._lengths[number], 1)
        doubt = self._doubts[number]
        return {
            "uncertainty": round(self._bits[number] / length, 6),
            "label": None if doubt == CERTAIN else list(self.labels)[doubt],
        }

    def count_labels(
        self, numbers: Sequence[int] | None = None
    ) -> collections.Counter[str]:
        """Counts predicted entities by label.

        Args:
            numbers: Sentences to count in; None for all.
        """
        if numbers is not None:
            return collections.Counter(
                span.label for one in numbers for span in self.entities(one)
            )
        labels = np.array(self._places, np.int64)[2::3]
        counts = np.bincount(labels, minlength=len(self.labels))
        return collections.Counter(
            dict(zip(self.labels, counts.tolist(), strict=True))
        )

"""Our decoders on candidates that are given."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.workers.measuring import seconds_of
from biaffine_tf.decoding import Candidate, Decoder, decode

SORTING = "sorting"  # in place of a decoder: what sorting by position takes


class Decodings:
    """Decodes all its sentences; a request is some times all of them.

    Args:
        sentences: The fields of each candidate of each sentence.
        nested: Whether entities may nest.
    """

    def __init__(
        self, *, sentences: Sequence[Sequence[Sequence[Any]]], nested: bool
    ) -> None:
        self._sentences = [
            [Candidate(*fields) for fields in sentence]
            for sentence in sentences
        ]
        self._nested = nested
        self.about: dict[str, Any] = {
            "kept": {str(decoder): self._kept(decoder) for decoder in Decoder}
        }

    def __call__(self, *, decoder: str, repeats: int = 1) -> dict[str, Any]:
        """Units are times that all sentences were decoded.

        `processor_seconds` are the seconds less those of waiting for a core.
        """
        once = _sorting if decoder == SORTING else self._decoding(decoder)

        def call() -> None:
            for sentence in self._sentences:
                once(sentence)

        before = time.process_time()
        seconds = seconds_of(call, repeats=repeats)
        return {
            "seconds": seconds,
            "units": repeats,
            "processor_seconds": time.process_time() - before,
        }

    def _decoding(self, decoder: str) -> Callable[[list[Candidate]], Any]:
        chosen = Decoder(decoder)

        def once(sentence: list[Candidate]) -> list[Candidate]:
            return decode(sentence, decoder=chosen, nested=self._nested)

        return once

    def _kept(self, decoder: str) -> int:
        return sum(map(len, map(self._decoding(decoder), self._sentences)))


def _sorting(sentence: list[Candidate]) -> None:
    sorted(sentence, key=lambda one: (one.start, -one.end))

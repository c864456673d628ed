"""How masked language models are timed: the same batches, in passes."""

from __future__ import annotations

import abc
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np

from benchmarks.workers.measuring import seconds_of

T = TypeVar("T")

BATCH_SIZE = 32
LENGTH = 128
MASKED = 19  # of each sequence: 15 %
_FIRST_ID = 106  # behind BERT's special and unused pieces
_MASK_ID = 103


class Batch(NamedTuple):
    """Sequences of full length.

    Attributes:
        input_ids: int32 `[B, L]`, masked.
        original_ids: int32 `[B, L]`.
        positions: int32 `[B, P]`, of the masks.
    """

    input_ids: np.ndarray
    original_ids: np.ndarray
    positions: np.ndarray


def make(count: int, *, vocab_size: int, seed: int) -> list[Batch]:
    """So many batches of random tokens."""
    rng = np.random.default_rng(seed)
    batches = []
    for _ in range(count):
        shape = (BATCH_SIZE, LENGTH)
        original = rng.integers(_FIRST_ID, vocab_size, size=shape)
        order = rng.permuted(
            np.tile(np.arange(LENGTH), (BATCH_SIZE, 1)), axis=1
        )
        positions = np.sort(order[:, :MASKED], axis=1)
        masked = original.copy()
        np.put_along_axis(masked, positions, _MASK_ID, axis=1)
        batches.append(
            Batch(*(a.astype(np.int32) for a in (masked, original, positions)))
        )
    return batches


class Steps(abc.ABC, Generic[T]):
    """Training steps on batches that are there; a request is a pass over them.

    Args:
        batches: As the library takes them.
    """

    def __init__(self, batches: list[T]) -> None:
        self._batches = batches
        self.about: dict[str, Any] = {"first_pass_seconds": self()["seconds"]}

    def __call__(self) -> dict[str, Any]:
        """Trains one pass; units are tokens."""
        seconds = seconds_of(lambda: self.train(self._batches))
        tokens = BATCH_SIZE * LENGTH * len(self._batches)
        return {"seconds": seconds, "units": tokens}

    @abc.abstractmethod
    def train(self, batches: list[T]) -> None:
        """One step on each batch; returns when all are done."""

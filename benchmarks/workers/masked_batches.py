"""The batches that masked language models are timed on, the same for all."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

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
    """So many batches of random pieces."""
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

"""A plain biaffine head in PyTorch, as one would write it down."""

from __future__ import annotations

from typing import Any

import torch

from benchmarks.harness import THREADS
from benchmarks.workers.measuring import peak_above_start, seconds_of

torch.set_num_threads(THREADS)
torch.set_num_interop_threads(THREADS)

_PROJECTION_SIZE = 150  # as ours
_DROPOUT = 0.1
_TINY = 8
_CELL_EVERY = 16
_IGNORED = -100


class PlainBiaffine(torch.nn.Module):
    """Two projections and one einsum over all pairs.

    Args:
        num_classes: C.
        width: H.
    """

    def __init__(self, num_classes: int, width: int) -> None:
        super().__init__()
        self._dropout = torch.nn.Dropout(_DROPOUT)
        self._start = torch.nn.Linear(width, _PROJECTION_SIZE)
        self._end = torch.nn.Linear(width, _PROJECTION_SIZE)
        size = _PROJECTION_SIZE + 1
        self._bilinear = torch.nn.Parameter(
            torch.zeros(size, num_classes, size)
        )

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Logits `[B, L, L, C]` of vectors `[B, L, H]`."""
        vectors = self._dropout(vectors)
        starts, ends = (
            torch.nn.functional.pad(
                self._dropout(projection(vectors)), (0, 1), value=1.0
            )
            for projection in (self._start, self._end)
        )
        return torch.einsum("bxi,icj,byj->bxyc", starts, self._bilinear, ends)


class HeadSteps:
    """The head alone on vectors of one length; a request is some calls.

    Args:
        length: L.
        num_classes: C.
        width: H of the vectors.
        seed: Of the vectors.
    """

    def __init__(
        self, *, length: int, num_classes: int, width: int, seed: int
    ) -> None:
        torch.manual_seed(seed)
        self._head = PlainBiaffine(num_classes, width)
        self._matrix = _matrix(_TINY, num_classes)
        self._vectors = torch.randn(1, _TINY, width, requires_grad=True)
        self._step()  # loads what is loaded at first use
        self._matrix = _matrix(length, num_classes)
        self._vectors = torch.randn(1, length, width, requires_grad=True)
        self.about: dict[str, Any] = {"peak_bytes": peak_above_start(self)}

    def __call__(
        self, *, training: bool = True, repeats: int = 1
    ) -> dict[str, Any]:
        """Logits, or loss and gradients; units are calls."""
        self._head.train(training)
        call = self._step if training else self._logits
        seconds = seconds_of(call, repeats=repeats)
        return {"seconds": seconds, "units": repeats}

    @torch.inference_mode()
    def _logits(self) -> torch.Tensor:
        return self._head(self._vectors)

    def _step(self) -> None:
        logits = self._head(self._vectors)  # [1, L, L, C]
        loss = torch.nn.functional.cross_entropy(
            logits.flatten(0, 2),
            self._matrix.flatten(),
            ignore_index=_IGNORED,
            reduction="sum",
        )
        loss.backward()
        self._vectors.grad = None
        self._head.zero_grad()


def _matrix(length: int, num_classes: int) -> torch.Tensor:
    """The span matrix `[L, L]`; what is below the diagonal is ignored."""
    matrix = torch.zeros(length, length, dtype=torch.long)
    for number, first in enumerate(range(0, length - 2, _CELL_EVERY)):
        matrix[first, first + 2] = 1 + number % (num_classes - 1)
    below = torch.ones(length, length, dtype=torch.bool).tril(-1)
    return matrix.masked_fill(below, _IGNORED)

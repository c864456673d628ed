"""From candidates to a consistent set of entities (numpy only)."""

from __future__ import annotations

import enum
from collections.abc import Iterable

from biaffine_tf.decoding.candidates import (
    Candidate,
    best_candidate,
    candidates_from_logits,
)
from biaffine_tf.decoding.greedy import greedy

__all__ = [
    "Candidate",
    "Decoder",
    "best_candidate",
    "candidates_from_logits",
    "decode",
    "greedy",
]


class Decoder(enum.StrEnum):
    """Ways to pick entities among candidates."""

    GREEDY = "greedy"


_DECODERS = {Decoder.GREEDY: greedy}


def decode(
    candidates: Iterable[Candidate],
    *,
    decoder: Decoder = Decoder.GREEDY,
    nested: bool = False,
) -> list[Candidate]:
    """Picks a consistent set of entities.

    Args:
        candidates: Candidates of one sentence, in any order.
        decoder: How to pick.
        nested: Whether entities may hold one another; they never cross.

    Returns:
        The kept candidates by position: (start, -end), outer before inner.
    """
    return _DECODERS[decoder](candidates, nested=nested)

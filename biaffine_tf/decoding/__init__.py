"""Decoding: from candidates to entities (NumPy only)."""

from __future__ import annotations

from collections.abc import Iterable

from biaffine_tf.config import Decoder
from biaffine_tf.decoding.candidates import Candidate, Candidates
from biaffine_tf.decoding.constraints import Constraints
from biaffine_tf.decoding.exact import exact
from biaffine_tf.decoding.free import free
from biaffine_tf.decoding.greedy import greedy, greedy_order

__all__ = [
    "Candidate",
    "Candidates",
    "Constraints",
    "Decoder",
    "decode",
    "exact",
    "free",
    "greedy",
]


def decode(
    candidates: Iterable[Candidate],
    *,
    decoder: Decoder = Decoder.GREEDY,
    nested: bool = False,
    one_label_per_span: bool = False,
    constraints: Constraints | None = None,
    text: str | None = None,
    keep_best: bool = False,
) -> list[Candidate]:
    """Selects the entities of a sentence among candidates.

    - `greedy` goes through candidates by descending rank and keeps those that
      conflict with none kept before. It uses margins only without logits, and
      keeps candidates with negative margins, too.
    - `exact` keeps the set without conflicts with the maximum total margin.
    - `free` keeps every candidate with a positive margin.

    Thresholds other than zero are subtracted from the margins beforehand. The
    result does not depend on the order of the candidates: ties are broken by
    positions and labels, as documented for each decoder.

    Args:
        candidates: Candidates of one sentence, in any order, none empty. Either
            all have a logit or none has.
        decoder: Decoding algorithm.
        nested: Whether entities may be nested; they never cross. Ignored by
            `free`.
        one_label_per_span: Whether nested entities of the same range must not
            have several labels; flat ones never do.
        constraints: Constraints that drop or cut candidates beforehand; needs
            positions in characters of the text.
        text: The text; required if the constraints forbid characters.
        keep_best: Whether to keep the candidate of the highest rank, if the
            constraints allow any, when nothing else is kept (rule of the
            original implementation).

    Returns:
        The kept candidates, ordered by (start, -end): outer before inner; equal
        ranges in the decoder's order of preference.
    """
    if constraints is not None:
        candidates = constraints.apply(candidates, text)
    allowed = list(candidates)
    match decoder:
        case Decoder.GREEDY:
            kept = greedy(
                allowed, nested=nested, one_label_per_span=one_label_per_span
            )
        case Decoder.EXACT:
            kept = exact(
                allowed, nested=nested, one_label_per_span=one_label_per_span
            )
        case Decoder.FREE:
            kept = free(allowed, one_label_per_span=one_label_per_span)
    if keep_best and allowed and not kept:
        return [min(allowed, key=greedy_order)]
    return kept

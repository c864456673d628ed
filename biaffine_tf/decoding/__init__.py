"""From candidates to a consistent set of entities (numpy only)."""

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
    """Picks the entities of a sentence.

    - `greedy` visits candidates from the highest rank to the lowest and keeps
      what does not clash with what it has; it reads margins only where there
      are no logits, and keeps negative ones, too.
    - `exact` keeps the set without clashes of the greatest total margin.
    - `free` keeps every candidate with a margin above zero, clash or not.

    Thresholds other than zero are subtracted from the margins beforehand.
    What is kept does not depend on the order of the candidates: where the
    model's opinions tie, positions and labels decide, as each of the three
    says.

    Args:
        candidates: Candidates of one sentence, in any order, each of at least
            one position. Either all have a logit or none has.
        decoder: How to pick.
        nested: Whether entities may hold one another; they never cross. Free
            decoding does not ask.
        one_label_per_span: Whether entities may not share a range under
            several labels; flat ones never do.
        constraints: What is dropped or cut before the decoder sees it;
            positions are then characters of the text.
        text: The text, where the constraints forbid characters.
        keep_best: The original implementation's rule that every sentence has
            an entity: where nothing would be kept, the candidate of the
            highest rank is, if the constraints allow any.

    Returns:
        The kept candidates by position: (start, -end), outer before inner; of
        equal ranges the one that the decoder prefers first.
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

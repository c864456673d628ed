"""Errors put into labels, to see whether an audit finds them."""

from __future__ import annotations

import collections
import enum
import random
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from biaffine_tf.reports.audit import audit
from biaffine_tf.reports.audit.review import reviews
from biaffine_tf.spans import Sentence, Span

REVIEWED = 0.1  # share of the sentences that are read


class Kind(enum.StrEnum):
    """Kind of an error."""

    LABEL = "wrong label"
    BORDER = "shifted border"
    DROPPED = "dropped entity"
    SPURIOUS = "spurious entity"


class Injected(NamedTuple):
    """An error in a sentence.

    Attributes:
        sentence: Index of the sentence.
        kind: Kind of the error.
    """

    sentence: int
    kind: Kind


def inject(
    sentences: Sequence[Sentence], *, share: float, seed: int
) -> tuple[list[Sentence], list[Injected]]:
    """Puts one error into a share of the entities, all kinds alike.

    A spurious entity takes the place of an error of a real one: it lies where
    its sentence has no entity, and is as wide as some entity of the data.

    Args:
        sentences: Labelled sentences.
        share: Errors as a fraction of the entities.
        seed: Random seed.

    Returns:
        The sentences with errors, and the errors.
    """
    rng = random.Random(seed)
    places = [
        (index, span)
        for index, sentence in enumerate(sentences)
        for span in sentence.spans or ()
    ]
    labels = sorted({span.label for _, span in places})
    widths = [span.end - span.start for _, span in places]
    kinds = list(Kind)
    errors = []
    changes = collections.defaultdict(list)
    for place, (index, span) in enumerate(
        rng.sample(places, round(share * len(places)))
    ):
        kind = kinds[place % len(kinds)]
        new = _change(
            kind, span, sentences[index], changes[index], rng, labels, widths
        )
        if new is not None:
            changes[index].append((kind, span, new[0]))
            errors.append(Injected(index, kind))
    return [
        _with(sentence, changes.get(index, []))
        for index, sentence in enumerate(sentences)
    ], errors


def _change(
    kind: Kind,
    span: Span,
    sentence: Sentence,
    before: Sequence[tuple[Kind, Span, Span | None]],
    rng: random.Random,
    labels: Sequence[str],
    widths: Sequence[int],
) -> tuple[Span | None] | None:
    """Returns the new span in a tuple; None if there is no room for it."""
    if kind is Kind.DROPPED:
        return (None,)
    if kind is Kind.LABEL:
        other = rng.choice([one for one in labels if one != span.label])
        return (span._replace(label=other),)
    taken = [one for one in sentence.spans or () if one != span]
    taken += [one for _, _, one in before if one is not None]
    length = len(sentence.text)
    if kind is Kind.BORDER:
        start, end = span.start, span.end
        options = [
            span._replace(start=start + left, end=end + right)
            for left, right in ((-1, 0), (1, 0), (0, -1), (0, 1))
        ]
    else:
        taken.append(span)
        width, label = rng.choice(widths), rng.choice(labels)
        options = [
            Span(start, start + width, label)
            for start in range(length - width + 1)
        ]
    free = [
        one
        for one in options
        if 0 <= one.start < one.end <= length
        and not any(o.start < one.end and one.start < o.end for o in taken)
    ]
    return (rng.choice(free),) if free else None


def _with(
    sentence: Sentence, changes: Sequence[tuple[Kind, Span, Span | None]]
) -> Sentence:
    spans = list(sentence.spans or ())
    for kind, old, new in changes:
        if kind is not Kind.SPURIOUS:
            spans.remove(old)
        if new is not None:
            spans.append(new)
    return sentence.replace_spans(sorted(spans))


def found_early(
    gold: Sequence[Sentence],
    errors: Sequence[Injected],
    predictions: Iterable[Sentence] | None = None,
) -> dict[str, Any]:
    """Reads a tenth of the sentences in the order of the audit.

    Args:
        gold: The sentences with errors.
        errors: The errors.
        predictions: Out-of-fold predictions; None for the labels alone.

    Returns:
        Shares of the errors in these sentences, all and by kind, and the number
        of sentences with findings.
    """
    number = {id(one): place for place, one in enumerate(gold)}
    order = [
        number[id(one.sentence)] for one in reviews(audit(gold, predictions))
    ]
    read = set(order[: round(REVIEWED * len(gold))])
    kinds = collections.Counter(one.kind for one in errors)
    hits = collections.Counter(
        one.kind for one in errors if one.sentence in read
    )
    return {
        "sentences with findings": len(order),
        "found": round(hits.total() / len(errors), 4),
        **{kind: round(hits[kind] / kinds[kind], 4) for kind in kinds},
    }

"""Remarks for a reviewer, which go with a sentence through annotation tools.

They are an extra key of a sentence, with JSON values:

    "review": {"file", "line", "remarks": ["..."], "suggested": [[start, end,
    label], ...], ...}

"suggested" is there if other spans than the sentence's are suggested; they are
Label Studio's predictions. Prodigy shows the remarks as "meta", brat as notes;
doccano shows the key as it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from biaffine_tf.spans import Sentence, Span

REVIEW = "review"


def is_review(key: str, value: Any) -> bool:
    """Returns whether a key of a JSON object is a review."""
    return key == REVIEW and isinstance(value, Mapping) and "remarks" in value


def review_of(extra: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns the review among the extra keys of a sentence; {} if none."""
    extra = extra or {}
    for place in (extra, extra.get("data"), extra.get("meta")):
        if isinstance(place, Mapping):
            found = place.get(REVIEW)
            if isinstance(found, Mapping):
                return dict(found)
    return {}


def suggested_spans(sentence: Sentence) -> tuple[Span, ...] | None:
    """Returns the spans that the review suggests; None if none are."""
    found = review_of(sentence.extra).get("suggested")
    if found is None:
        return None
    return tuple(Span(*one) for one in found)


def remarks(sentence: Sentence) -> list[str]:
    """Returns the remarks of the review."""
    return [str(one) for one in review_of(sentence.extra).get("remarks", ())]


def to_json(spans: Iterable[Span]) -> list[list[Any]]:
    """Returns the value of "suggested" for spans."""
    return [[*span.key] for span in spans]

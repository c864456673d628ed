"""Encodes the sentences of a report as JSON for its scripts.

    {"labels": [label, ...], "classes": [error class, ...],
     "names": [system, ...],
     "sentences": [[text, id or null, gold, [spans, errors], ...], ...]}

with, for each sentence, one `[spans, errors]` per system, and

    gold    start, end, label, start, end, label, ...
    spans   start, end, label, score, start, end, label, score, ...
    errors  [[class, [index of gold span, ...], [index of span, ...]], ...]

Labels and classes are indices, offsets count code points, scores are
thousandths or null, and duplicate spans are removed. Flat arrays make the file
half as large as objects would.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from typing import Any

from biaffine_tf.evaluation.taxonomy import Error, ErrorClass
from biaffine_tf.reports.html.content import Content
from biaffine_tf.spans import Span

_Key = tuple[int, int, str]  # `Span.key`

_CLASSES = list(ErrorClass)
# Characters that could end the script element or a line of it or change the
# writing direction in an editor, and lone surrogates.
_UNSAFE = re.compile(
    "[<>&\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ud800-\udfff]"
)


def to_json(content: Content) -> str:
    """Encodes the sentences as JSON for a script element.

    Args:
        content: Content of the page.

    Returns:
        JSON with unsafe characters escaped.
    """
    numbers = {label: index for index, label in enumerate(content.labels)}
    sides = [zip(s.pairs, s.errors, strict=True) for s in content.systems]
    rows = [_row(systems, numbers) for systems in zip(*sides, strict=True)]
    text = json.dumps(
        {
            "labels": content.labels,
            "classes": _CLASSES,
            "names": [system.name for system in content.systems],
            "sentences": rows,
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return _UNSAFE.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def _row(systems: Sequence[Any], numbers: dict[str, int]) -> list[Any]:
    """Encodes a sentence, given ((gold, predicted), errors) per system."""
    (gold, _), _ = systems[0]
    expected = _distinct(gold.spans or ())
    row: list[Any] = [gold.text, gold.id]
    row.append(_flat((s.start, s.end, numbers[s.label]) for s in expected))
    for (_, predicted), errors in systems:
        spans = _distinct(predicted.spans or ())
        flat = _flat(
            (s.start, s.end, numbers[s.label], _thousandths(s.score))
            for s in spans
        )
        sides = _positions(expected), _positions(spans)
        row.append([flat, [_error(error, *sides) for error in errors]])
    return row


def _distinct(spans: Iterable[Span]) -> list[Span]:
    """Removes duplicates, keeping the best score, and sorts the spans."""
    by_score = sorted(spans, key=lambda s: -1 if s.score is None else s.score)
    return sorted({span.key: span for span in by_score}.values())


def _flat(rows: Iterable[tuple[int | None, ...]]) -> list[int | None]:
    return [number for row in rows for number in row]


def _thousandths(score: float | None) -> int | None:
    if score is None or not math.isfinite(score):
        return None
    return round(1000 * score)


def _positions(spans: Sequence[Span]) -> dict[_Key, int]:
    return {span.key: index for index, span in enumerate(spans)}


def _error(
    error: Error, gold: dict[_Key, int], predicted: dict[_Key, int]
) -> list[Any]:
    return [
        _CLASSES.index(error.kind),
        [gold[span.key] for span in error.gold],
        [predicted[span.key] for span in error.predicted],
    ]

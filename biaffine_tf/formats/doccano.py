"""doccano: JSON lines of texts with labelled offsets, half-open.

- `{"text", "label": [[start, end, label], ...]}`, the export of a sequence
  labelling project; older versions call it "labels";
- `{"text", "annotations": [{"start_offset", "end_offset", "label"}]}`, an older
  export; "entities" beside "relations" in projects with relations, which are
  counted and left.

Reference: https://github.com/doccano/doccano
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.formats.annotated_json import (
    bad_span,
    make_sentence,
    make_span,
    objects,
    read_records,
    text_of,
)
from biaffine_tf.formats.json_head import any_record
from biaffine_tf.formats.json_values import check_score, check_type
from biaffine_tf.formats.json_writing import dump_id, dump_object
from biaffine_tf.formats.lines import Place, Source
from biaffine_tf.formats.options import Offsets, ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence, Span

_TEXT = ("text", "data")
_TRIPLES = ("label", "labels")
_OBJECTS = ("entities", "annotations")
_OWN = (*_TEXT, *_TRIPLES, *_OBJECTS, "relations", "scores")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a doccano file."""
    make = functools.partial(_sentence, options, problems)
    return read_records(source, options, problems, make, own=_OWN)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes lines with triples under "label".

    Scores are a list beside them, which doccano keeps as metadata.
    """
    for sentence in sentences:
        record: dict[str, Any] = {}
        if sentence.id is not None:
            record["id"] = dump_id(sentence.id)
        if sentence.document is not None:
            record["document"] = sentence.document
        record["text"] = sentence.text
        if sentence.spans is not None:
            spans = sentence.spans
            record["label"] = [[*span.key] for span in spans]
            if _writes_scores(spans, options):
                record["scores"] = [span.score for span in spans]
        yield dump_object(record, sentence, options, problems)


def _writes_scores(spans: tuple[Span, ...], options: WriteOptions) -> bool:
    wanted = options.with_scores or options.predicted
    return wanted and any(span.score is not None for span in spans)


def _sentence(
    options: ReadOptions,
    problems: Problems,
    record: dict[str, Any],
    place: Place,
) -> Sentence:
    text = text_of(record, place, _TEXT)
    if options.ignore_labels:
        return make_sentence(text, None, record, place)
    if record.get("relations"):
        problems.count(
            "relation left out: only spans are read",
            str(place),
            len(check_type(record["relations"], list, place, "'relations'")),
        )
    for key in _TRIPLES:
        if key in record:
            spans = _triples(text, record, key, place, options.offsets)
            return make_sentence(text, spans, record, place)
    for key in _OBJECTS:
        if key in record:
            spans = _objects(text, record[key], key, place, options.offsets)
            return make_sentence(text, spans, record, place)
    return make_sentence(text, None, record, place)


def _triples(
    text: str,
    record: dict[str, Any],
    key: str,
    place: Place,
    unit: Offsets,
) -> Iterator[Span]:
    triples = check_type(record[key], list, place, f"{key!r}")
    scores = record.get("scores", [None] * len(triples))
    if not isinstance(scores, list) or len(scores) != len(triples):
        raise place.error("'scores' must have one score per label")
    for triple, score in zip(triples, scores, strict=True):
        if not isinstance(triple, list) or len(triple) != 3:
            raise bad_span(triple, "[start, end, label]", place)
        if score is not None:
            score = check_score(score, place)
        yield make_span(
            text,
            (triple[0], triple[1]),
            triple[2],
            place,
            score=score,
            unit=unit,
        )


def _objects(
    text: str, value: Any, key: str, place: Place, unit: Offsets
) -> Iterator[Span]:
    for item in objects(value, f"{key!r}", place):
        if not {"start_offset", "end_offset", "label"} <= item.keys():
            expected = "an object of start_offset, end_offset and label"
            raise bad_span(item, expected, place)
        if type(item["label"]) is int:
            raise place.error(
                f"the label of a span is the number {item['label']}, as older "
                "versions of doccano export it",
                "export the project with text labels, or replace the numbers "
                "by the names",
            )
        offsets = (item["start_offset"], item["end_offset"])
        yield make_span(text, offsets, item["label"], place, unit=unit)


def _is_record(record: dict[str, Any]) -> bool:
    if "tokens" in record or "spans" in record:
        return False
    if not any(isinstance(record.get(key), str) for key in _TEXT):
        return False
    for key in _TRIPLES:
        value = record.get(key)
        if isinstance(value, list) and all(isinstance(v, list) for v in value):
            return True
    value = record.get("annotations")
    if isinstance(value, list) and not value:
        return True
    return any(
        isinstance(item, dict) and "start_offset" in item
        for key in _OBJECTS
        for item in record.get(key) or ()
    )


FORMAT = Format(
    "doccano",
    full_name="doccano",
    suffix=".jsonl",
    recognises=lambda source, options: any_record(source, _is_record),
    read=read,
    write=write,
    scores=True,
    keys=True,
)

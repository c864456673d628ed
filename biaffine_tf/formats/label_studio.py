"""Label Studio: an array of tasks in the JSON or the JSON-MIN export.

JSON: `{"id", "data": {"text"}, "annotations": [{"result": [{"value": {"start",
"end", "text", "labels"}}]}], "predictions": [...]}`. JSON-MIN: `{"id", "text",
"label": [{"start", "end", "text", "labels"}], "annotator"}`. Half-open, in
characters.

The first annotation that is not cancelled is read, a ground truth before
others. Predictions are read, and counted, where there is no annotation.

Reference: https://labelstud.io/guide/export
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from biaffine_tf.formats.annotated_json import (
    make_span,
    objects,
    read_records,
)
from biaffine_tf.formats.json_head import any_record
from biaffine_tf.formats.json_values import (
    check_score,
    check_type,
    get_id,
)
from biaffine_tf.formats.json_writing import dump_id
from biaffine_tf.formats.lines import Place, Source, check_encodable, shorten
from biaffine_tf.formats.options import Offsets, ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.reviews import review_of, suggested_spans
from biaffine_tf.spans import Sentence, Span

MODEL = "biaffine_tf"
# Keys of `value` that hold labels of a range of text.
_LABELS = ("labels", "hypertextlabels")
_RESULTS = ("annotations", "predictions", "completions")
# Keys of a task that Label Studio makes anew when it imports one.
_OF_TASK = ("drafts", "total_annotations", "cancelled_annotations")
_OWN = (*_RESULTS, *_OF_TASK, "total_predictions", "data")
# Keys of a task that stay beside "data".
_BESIDE = (
    *("meta", "file_upload", "created_at", "updated_at", "inner_id"),
    *("project", "updated_by", "comment_count", "unresolved_comment_count"),
    *("last_comment_updated_at", "comment_authors"),
)


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the tasks of a Label Studio export."""
    make = functools.partial(_sentence, options, problems)
    return read_records(source, options, problems, make, own=_own_keys)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes an array of tasks to import.

    Gold spans are an annotation. Those of a model, and those with a score, are
    a prediction; its score is the lowest one of its spans. So are the spans
    that a review suggests, beside the annotation.
    """
    yield "["
    for number, sentence in enumerate(sentences):
        yield "\n" if number == 0 else ",\n"
        task = _task(sentence, options, problems)
        yield json.dumps(task, ensure_ascii=False)
    yield "\n]\n"


def _task(
    sentence: Sentence, options: WriteOptions, problems: Problems
) -> dict[str, Any]:
    extra = dict(sentence.extra or {})
    data: dict[str, Any] = {"text": sentence.text}
    if sentence.id is not None:
        data["id"] = dump_id(sentence.id)
    elif options.with_lines and sentence.line is not None:
        data["line"] = sentence.line
    if sentence.document is not None:
        data["document"] = sentence.document
    inner = extra.pop("data", {})
    task = {key: extra.pop(key) for key in _BESIDE if key in extra}
    others = inner if isinstance(inner, dict) else {"data": inner}
    for key, value in {**extra, **others}.items():
        if key not in data:
            data[key] = value
        elif key != "id":  # the same, in its original spelling
            problems.count(
                f"key {shorten(key)} of the input not written: the format has "
                "one of this name",
                f"{sentence.file}:{sentence.line}",
            )
    task["data"] = data
    if sentence.spans is None:
        return task
    is_scored = any(span.score is not None for span in sentence.spans)
    if options.predicted or is_scored:
        task["predictions"] = [_prediction(sentence.spans, sentence)]
    else:
        task["annotations"] = [
            {"result": _results_of(sentence.spans, sentence)}
        ]
        suggested = suggested_spans(sentence)
        if suggested is not None:
            task["predictions"] = [_prediction(suggested, sentence)]
    return task


def _prediction(spans: Sequence[Span], sentence: Sentence) -> dict[str, Any]:
    prediction: dict[str, Any] = {
        "model_version": MODEL,
        "result": _results_of(spans, sentence),
    }
    scores = [span.score for span in spans if span.score is not None]
    if scores:
        prediction["score"] = min(scores)
    return prediction


def _results_of(
    spans: Iterable[Span], sentence: Sentence
) -> list[dict[str, Any]]:
    return [_result(*numbered, sentence) for numbered in enumerate(spans)]


def _result(number: int, span: Span, sentence: Sentence) -> dict[str, Any]:
    result: dict[str, Any] = {
        "id": f"span{number}",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "value": {
            "start": span.start,
            "end": span.end,
            "text": sentence.surface(span),
            "labels": [span.label],
        },
    }
    if span.score is not None:
        result["score"] = span.score
    return result


def _own_keys(record: dict[str, Any]) -> tuple[str, ...]:
    """Returns the keys that are read; in JSON-MIN, labels have any name."""
    labels = [key for key, value in record.items() if _is_labels(value)]
    data = record.get("data")
    if isinstance(data, dict) and "id" in data:
        labels.append("id")  # a number of the tool, beside the entry's own id
    return (*_OWN, "text", "label", *labels)


def _sentence(
    options: ReadOptions,
    problems: Problems,
    record: dict[str, Any],
    place: Place,
) -> Sentence:
    is_min = not isinstance(record.get("data"), dict)
    data = record if is_min else record["data"]
    key = _text_key(data, place)
    text = check_encodable(data[key], place, f"{key!r}")
    spans = None
    if not options.ignore_labels:
        read_spans = _of_min if is_min else _of_task
        found = read_spans(record, text, problems, place, options.offsets)
        spans = None if found is None else tuple(found)
    return Sentence(
        text,
        spans,
        get_id(data if "id" in data else record, place),
        file=place.file,
        line=place.line,
        document=get_id(data, place, ("document",)),
        extra=_extra(record, data, key, is_min),
    )


def _extra(
    record: dict[str, Any], data: dict[str, Any], key: str, is_min: bool
) -> dict[str, Any] | None:
    if is_min:
        return None
    known = (key, "id", "document", "text")
    others = {k: v for k, v in data.items() if k not in known}
    return {"data": others} if others else None


def _text_key(data: dict[str, Any], place: Place) -> str:
    """Returns the key of the text: "text", or that of the only string."""
    if isinstance(data.get("text"), str):
        return "text"
    strings = [
        key
        for key, value in data.items()
        if isinstance(value, str) and key not in _BESIDE
    ]
    if len(strings) == 1:
        return strings[0]
    raise place.error(
        "the task has no 'text' in its data; it has "
        f"{', '.join(map(repr, data)) or 'no keys'}",
        "rename the key of the text to 'text'",
    )


def _of_min(
    record: dict[str, Any],
    text: str,
    problems: Problems,
    place: Place,
    unit: Offsets,
) -> list[Span] | None:
    found: list[Span] | None = [] if "annotation_id" in record else None
    for key, value in record.items():
        if _is_labels(value):
            found = found or []
            for item in value:
                found += _spans(item, item, text, place, unit)
        elif key == "label" and isinstance(value, list) and not value:
            found = found or []
    return found


def _of_task(
    record: dict[str, Any],
    text: str,
    problems: Problems,
    place: Place,
    unit: Offsets,
) -> list[Span] | None:
    annotations = [
        one
        for key in ("annotations", "completions")
        for one in objects(record.get(key) or [], f"{key!r}", place)
    ]
    kept = [one for one in annotations if not one.get("was_cancelled")]
    if len(kept) < len(annotations):
        problems.count(
            "cancelled annotation left out",
            str(place),
            len(annotations) - len(kept),
        )
    if kept:
        kept.sort(key=lambda one: not one.get("ground_truth"))
        _count_others(kept, "annotation", problems, place)
        return _results(kept[0], text, problems, place, unit)
    predictions = objects(record.get("predictions") or [], "each", place)
    # Suggestions to a reviewer who left no annotation are no labels.
    if not predictions or review_of(record.get("data")):
        return None
    problems.count(
        "prediction read as labels: the task has no annotation", str(place)
    )
    _count_others(predictions, "prediction", problems, place)
    return _results(predictions[0], text, problems, place, unit)


def _count_others(
    several: list[dict[str, Any]], what: str, problems: Problems, place: Place
) -> None:
    if len(several) > 1:
        problems.count(
            f"further {what} of a task left out: the first one is read",
            str(place),
            len(several) - 1,
        )


def _results(
    annotation: dict[str, Any],
    text: str,
    problems: Problems,
    place: Place,
    unit: Offsets,
) -> list[Span]:
    spans: list[Span] = []
    for item in objects(annotation.get("result") or [], "'result'", place):
        value = item.get("value")
        if isinstance(value, dict) and _is_range(value):
            spans += _spans(value, item, text, place, unit)
        else:
            kind = item.get("type", "result")
            problems.count(
                f"{kind} left out: only labels of ranges are read",
                f"{place}: {shorten(item)}",
            )
    return spans


def _spans(
    value: dict[str, Any],
    item: dict[str, Any],
    text: str,
    place: Place,
    unit: Offsets,
) -> Iterator[Span]:
    labels: Any = next((value[key] for key in _LABELS if key in value), [])
    offsets = value.get("globalOffsets", value)
    mention = value.get("text")
    start, end = offsets.get("start"), offsets.get("end")
    # Some versions write a line break as a backslash and an n.
    if (
        isinstance(mention, str)
        and type(start) is type(end) is int
        and mention.replace("\\n", "\n") == text[start:end]
    ):
        mention = text[start:end]
    score = item.get("score")
    if score is not None:
        score = check_score(score, place)
    for label in check_type(labels, list, place, "'labels'"):
        yield make_span(
            text,
            (start, end),
            label,
            place,
            mention=mention,
            score=score,
            unit=unit,
        )


def _is_range(value: dict[str, Any]) -> bool:
    has_range = {"start", "end"} <= value.keys() or "globalOffsets" in value
    return has_range and any(key in value for key in _LABELS)


def _is_labels(value: Any) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, dict) and _is_range(one) for one in value)
    )


def _is_record(record: dict[str, Any]) -> bool:
    if "spans" in record:
        return False
    if isinstance(record.get("data"), dict) and "text" not in record:
        if any(isinstance(record.get(key), list) for key in _RESULTS):
            return True
        return any(isinstance(one, str) for one in record["data"].values())
    if "annotation_id" in record and "annotator" in record:
        return True
    return any(map(_is_labels, record.values()))


FORMAT = Format(
    "label_studio",
    full_name="Label Studio",
    suffix=".json",
    recognises=lambda source, options: any_record(source, _is_record),
    read=read,
    write=write,
    scores=True,
    keys=True,
)

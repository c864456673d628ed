"""Prodigy: JSON lines of tasks, with the annotator's answer.

`{"text", "tokens": [{"text", "start", "end", "id", "ws"}], "spans": [{"start",
"end", "label"}], "answer"}`, half-open. Accepted tasks alone are gold; one
without "spans" has none. Tasks without an answer are labelled if they have
"spans".

Reference: https://prodi.gy/docs/api-interfaces
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.formats.annotated_json import (
    bad_span,
    is_list_of,
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
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.reviews import remarks, review_of
from biaffine_tf.spans import Sentence, Span

_ANSWERS = ("accept", "reject", "ignore")
_OWN = ("text", "tokens", "spans", "answer", "relations")
_HASHES = ("_input_hash", "_task_hash")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the accepted tasks of a Prodigy file; counts the others."""
    make = functools.partial(_sentence, options, problems)
    return read_records(source, options, problems, make, own=_OWN)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes lines of tasks: gold is accepted, predictions have no answer.

    Spans have "token_start" and "token_end", and tasks "tokens", if the
    sentence has words. A task with a review has no answer yet. Hashes of the
    input are not written: Prodigy computes them from the text.
    """
    for sentence in sentences:
        record: dict[str, Any] = {}
        if sentence.id is not None:
            record["id"] = dump_id(sentence.id)
        if sentence.document is not None:
            record["document"] = sentence.document
        record["text"] = sentence.text
        if sentence.words is not None:
            record["tokens"] = _tokens(sentence)
        if sentence.spans is not None:
            scored = options.with_scores or options.predicted
            record["spans"] = [
                _span(span, sentence, scored) for span in sentence.spans
            ]
            if not options.predicted and not review_of(sentence.extra):
                record["answer"] = "accept"
        yield dump_object(record, _for_tool(sentence), options, problems)


def _for_tool(sentence: Sentence) -> Sentence:
    """Leaves hashes out, and puts remarks where Prodigy shows them."""
    if not sentence.extra:
        return sentence
    kept = {k: v for k, v in sentence.extra.items() if k not in _HASHES}
    meta = kept.get("meta", {})
    if isinstance(meta, dict) and (found := remarks(sentence)):
        kept["meta"] = {**meta, "remarks": "; ".join(found)}
    return dataclasses.replace(sentence, extra=kept)


def _tokens(sentence: Sentence) -> list[dict[str, Any]]:
    text = sentence.text
    return [
        {
            "text": text[start:end],
            "start": start,
            "end": end,
            "id": index,
            "ws": text[end : end + 1] == " ",
        }
        for index, (start, end) in enumerate(sentence.words or ())
    ]


def _span(span: Span, sentence: Sentence, scored: bool) -> dict[str, Any]:
    record: dict[str, Any] = dict(
        zip(("start", "end", "label"), span.key, strict=True)
    )
    words = sentence.words or ()
    first = [i for i, word in enumerate(words) if word[0] == span.start]
    last = [i for i, word in enumerate(words) if word[1] == span.end]
    if first and last:
        record |= {"token_start": first[0], "token_end": last[0]}
    if scored and span.score is not None:
        record["score"] = span.score
    return record


def _sentence(
    options: ReadOptions,
    problems: Problems,
    record: dict[str, Any],
    place: Place,
) -> Sentence | None:
    text = text_of(record, place)
    words = _words(text, record, place)
    if options.ignore_labels:
        return make_sentence(text, None, record, place, words)
    answer = record.get("answer")
    if answer is not None and answer not in _ANSWERS:
        raise place.error(f"'answer' must be one of {', '.join(_ANSWERS)}")
    if answer in ("reject", "ignore"):
        problems.count(
            f"task with the answer {answer} left out: accepted ones are gold",
            str(place),
        )
        return None
    if record.get("relations"):
        relations = check_type(record["relations"], list, place, "'relations'")
        problems.count(
            "relation left out: only spans are read", str(place), len(relations)
        )
    if "spans" not in record:
        spans = () if answer else None
        return make_sentence(text, spans, record, place, words)
    found = []
    for item in objects(record["spans"], "'spans'", place):
        if not {"start", "end", "label"} <= item.keys():
            expected = "an object of start, end and label"
            raise bad_span(item, expected, place)
        score = item.get("score")
        if score is not None:
            score = check_score(score, place)
        found.append(
            make_span(
                text,
                (item["start"], item["end"]),
                item["label"],
                place,
                mention=item.get("text"),
                score=score,
                unit=options.offsets,
            )
        )
    return make_sentence(text, found, record, place, words)


def _words(
    text: str, record: dict[str, Any], place: Place
) -> tuple[tuple[int, int], ...] | None:
    if not record.get("tokens"):
        return None
    words = []
    for item in objects(record["tokens"], "'tokens'", place):
        start, end = item.get("start"), item.get("end")
        if not (
            isinstance(start, int)
            and isinstance(end, int)
            and 0 <= start < end <= len(text)
        ):
            raise place.error(
                f"a token has no range in the text: {item}",
                "correct the line or pass --on_bad_data=skip",
            )
        words.append((start, end))
    return tuple(words)


def _is_record(record: dict[str, Any]) -> bool:
    if not isinstance(record.get("text"), str):
        return False
    if record.get("answer") in _ANSWERS:
        return True
    if any(key in record for key in _HASHES):
        return True
    tokens = record.get("tokens")
    return bool(tokens) and is_list_of(tokens, dict)


FORMAT = Format(
    "prodigy",
    full_name="Prodigy",
    suffix=".jsonl",
    recognises=lambda source, options: any_record(source, _is_record),
    read=read,
    write=write,
    scores=True,
    keys=True,
)

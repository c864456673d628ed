"""Training JSON of models that are asked for one label at a time.

- MRC: `{"context", "entity_label", "query", "span_position": ["first;last"],
  "qas_id": "sentence.query", "impossible"}`; the context is tokens with spaces
  between, positions count tokens, ends inclusive;
- UIE: `{"content", "prompt", "result_list": [{"text", "start", "end"}]}`, in
  characters, half-open; the prompt is the label.

The questions of a text are read as one sentence. They may be anywhere in a
file, which is therefore held in memory.

Reference: Li et al. 2020, https://arxiv.org/abs/1910.11476; Lu et al. 2022,
https://arxiv.org/abs/2203.12277
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from biaffine_tf.formats.annotated_json import (
    is_list_of,
    make_span,
    objects,
    read_records,
    text_of,
)
from biaffine_tf.formats.json_head import any_record, head_records
from biaffine_tf.formats.json_values import check_type, get, get_id
from biaffine_tf.formats.json_writing import dump_id
from biaffine_tf.formats.layers import snap_to_tokens
from biaffine_tf.formats.lines import Place, Source
from biaffine_tf.formats.options import ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.words import place_words, separator_of, words_of
from biaffine_tf.spans import Sentence, Span

_UIE_KEYS = ("content", "prompt", "result_list")
_MRC_KEYS = (
    *("qas_id", "context", "entity_label", "query", "impossible", "text"),
    *("start_position", "end_position", "span_position"),
)


def _merged(sentences: Iterator[Sentence]) -> Iterator[Sentence]:
    """Yields one sentence for all questions of a text, by id and text."""
    merged: dict[tuple[str | None, str], Sentence] = {}
    for sentence in sentences:
        key = (sentence.id, sentence.text)
        if key in merged:
            before = merged[key].spans
            spans = None if before is None else before + (sentence.spans or ())
            sentence = dataclasses.replace(merged[key], spans=spans)
        merged[key] = sentence
    yield from merged.values()


def _read_mrc(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of an MRC file."""
    sample = [
        record["context"].split()
        for record in head_records(source)
        if isinstance(record.get("context"), str)
    ]
    separator = separator_of(sample, options)

    def make(record: dict[str, Any], place: Place) -> Sentence:
        tokens = text_of(record, place, ("context",)).split()
        text = record.get("text")
        if text is not None:
            check_type(text, str, place, "'text'")
        text, words = place_words(tokens, text, separator, place)
        question = get_id(record, place, ("qas_id",)) or ""
        spans = None
        if not options.ignore_labels:
            spans = tuple(_mrc_spans(record, text, words, place))
        return Sentence(
            text,
            spans,
            question.rpartition(".")[0] or None,
            words,
            place.file,
            place.line,
        )

    return _merged(read_records(source, options, problems, make, own=_MRC_KEYS))


def _mrc_spans(
    record: dict[str, Any],
    text: str,
    words: Sequence[tuple[int, int]],
    place: Place,
) -> Iterator[Span]:
    label = get(record, "entity_label", str, place, "the object")
    for first, last in _positions(record, place):
        if not 0 <= first <= last < len(words):
            raise place.error(
                f"the span {first};{last} is outside its context of "
                f"{len(words)} tokens",
                "positions count tokens, from 0, ends inclusive; correct them "
                "or pass --on_bad_data=skip",
            )
        yield make_span(text, (words[first][0], words[last][1]), label, place)


def _positions(
    record: dict[str, Any], place: Place
) -> Iterator[tuple[int, int]]:
    if "span_position" not in record:
        starts = record.get("start_position", [])
        ends = record.get("end_position", [])
        if not is_list_of(starts, int) or not is_list_of(ends, int):
            raise place.error("positions must be lists of whole numbers")
        if len(starts) != len(ends):
            raise place.error("there are not as many ends as starts of spans")
        yield from zip(starts, ends, strict=True)
        return
    for span in get(record, "span_position", list, place, "the object"):
        parts = str(span).replace(",", ";").split(";")
        if len(parts) != 2 or not all(part.isdecimal() for part in parts):
            raise place.error(f"a position must be 'first;last', got {span!r}")
        yield int(parts[0]), int(parts[1])


def _write_mrc(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes a question per sentence and label of the file.

    Sentences are held in memory, to know the labels. The query is the label:
    replace it by a question.
    """

    def records(number: int, one: Sentence, labels: list[str]) -> Iterator[Any]:
        words = words_of(one, white=False)
        context = " ".join(one.text[slice(*word)] for word in words)
        placed = snap_to_tokens(
            one.spans or (), words, problems, f"sentence {number}"
        )
        for index, label in enumerate(labels or ["entity"]):
            spans = [span for span in placed if span.label == label]
            yield {
                "qas_id": f"{number if one.id is None else one.id}.{index}",
                "context": context,
                "entity_label": label,
                "query": label,
                "impossible": not spans,
                "start_position": [span.start for span in spans],
                "end_position": [span.end - 1 for span in spans],
                "span_position": [f"{s.start};{s.end - 1}" for s in spans],
                "text": one.text,
            }

    return _array(sentences, records, options)


def _array(
    sentences: Iterable[Sentence],
    records: Callable[[int, Sentence, list[str]], Iterator[Any]],
    options: WriteOptions,
) -> Iterator[str]:
    kept = list(sentences)
    labels = sorted({span.label for one in kept for span in one.spans or ()})
    yield "["
    separator = "\n"
    for number, sentence in enumerate(kept, options.first_number):
        for record in records(number, sentence, labels):
            yield separator + json.dumps(record, ensure_ascii=False)
            separator = ",\n"
    yield "\n]\n"


def _read_uie(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a UIE file."""

    def make(record: dict[str, Any], place: Place) -> Sentence:
        text = text_of(record, place, ("content",))
        spans = None
        if not options.ignore_labels:
            label = get(record, "prompt", str, place, "the object")
            spans = tuple(
                make_span(
                    text,
                    (item.get("start"), item.get("end")),
                    label,
                    place,
                    mention=item.get("text"),
                )
                for item in objects(
                    record.get("result_list"), "'result_list'", place
                )
            )
        number = get_id(record, place)
        return Sentence(text, spans, number, None, place.file, place.line)

    return _merged(read_records(source, options, problems, make, own=_UIE_KEYS))


def _write_uie(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes a line per sentence and label that it has, or one without any.

    Sentences are held in memory, to know a label for those without spans.
    """
    kept = list(sentences)
    labels = sorted({span.label for one in kept for span in one.spans or ()})
    for number, one in enumerate(kept, options.first_number):
        spans = one.spans or ()
        own = sorted({span.label for span in spans})
        for label in own or labels[:1] or ["entity"]:
            record = {
                "id": dump_id(one.id, number),
                "content": one.text,
                "prompt": label,
                "result_list": [
                    {"text": one.surface(span), "start": span.start}
                    | {"end": span.end}
                    for span in spans
                    if span.label == label
                ],
            }
            yield json.dumps(record, ensure_ascii=False) + "\n"


def _is_mrc(record: dict[str, Any]) -> bool:
    return isinstance(record.get("context"), str) and (
        "span_position" in record or "start_position" in record
    )


def _is_uie(record: dict[str, Any]) -> bool:
    return set(_UIE_KEYS) <= record.keys()


MRC = Format(
    "mrc",
    full_name="MRC",
    suffix=".json",
    recognises=lambda source, options: any_record(source, _is_mrc),
    read=_read_mrc,
    write=_write_mrc,
    documents=False,
    unlabelled=False,
)
UIE = Format(
    "uie",
    full_name="UIE",
    suffix=".jsonl",
    recognises=lambda source, options: any_record(source, _is_uie),
    read=_read_uie,
    write=_write_uie,
    documents=False,
    unlabelled=False,
)

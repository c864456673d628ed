"""CLUENER: JSON objects with spans by label and mention, ends inclusive.

`{"text": ..., "label": {label: {mention: [[start, end], ...]}}}`; objects
without "label" are unlabelled, as in the test file. Predictions may have a
score as third number of a position.

Reference: Xu et al. 2020, CLUENER2020: Fine-grained Named Entity Recognition
Dataset and Benchmark for Chinese.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.formats.json_values import (
    check_label,
    check_score,
    check_type,
    get,
    get_id,
    is_json,
    read_objects,
)
from biaffine_tf.formats.json_writing import dump_id, dump_object
from biaffine_tf.formats.lines import Place, Source, shorten
from biaffine_tf.formats.offsets import mention_error, place_mention
from biaffine_tf.formats.options import Offsets, ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.unread import check_nothing_unread
from biaffine_tf.spans import Sentence, Span

_OTHER_FORMAT_KEYS = ("spans", "entities", "entity_mentions")


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a CLUENER file."""
    make = functools.partial(
        _sentence,
        labelled=not options.ignore_labels,
        offsets=(
            Offsets.INCLUSIVE
            if options.offsets is Offsets.AUTO
            else options.offsets
        ),
    )
    return read_objects(source, options, problems, make)


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes the lines of a CLUENER file, as required for submissions.

    A sentence without an id is numbered by its position. A score is the third
    number of its position.
    """
    for number, sentence in enumerate(sentences, options.first_number):
        record: dict[str, Any] = {
            "id": dump_id(sentence.id, number),
            "text": sentence.text,
        }
        if sentence.spans is not None:
            record["label"] = _labels(sentence, options.with_scores)
        yield dump_object(record, sentence, options, problems)


def _sentence(
    record: dict[str, Any], place: Place, *, labelled: bool, offsets: Offsets
) -> Sentence:
    if "text" not in record and "label" in record:
        raise place.error(
            "the object has 'label' but no 'text'",
            "submission lines can only be read together with their texts: "
            "add 'text' to each",
        )
    text = get(record, "text", str, place, "the object")
    spans = None
    if labelled and isinstance(record.get("label"), dict):
        spans = tuple(_spans(record["label"], text, place, offsets))
    elif labelled:
        for key in _OTHER_FORMAT_KEYS:
            if key in record:
                raise place.error(
                    f"the object has {key!r}, which CLUENER's format does "
                    "not know",
                    "read the file with --format=span_jsonl",
                )
        check_nothing_unread(record, place)
        if "label" in record:
            check_type(record["label"], dict, place, "'label' of the object")
    return Sentence(
        text, spans, get_id(record, place), file=place.file, line=place.line
    )


def _spans(
    labels: dict[str, Any], text: str, place: Place, offsets: Offsets
) -> Iterator[Span]:
    for label, mentions in labels.items():
        check_label(label, place)
        what = f"the value of label {label!r}"
        check_type(mentions, dict, place, what)
        for mention, positions in mentions.items():
            if type(positions) is not list:
                what = f"the value of mention {shorten(mention)}"
                check_type(positions, list, place, what)
            for position in positions:
                yield _span(position, label, mention, text, place, offsets)


def _span(
    position: Any,
    label: str,
    mention: str,
    text: str,
    place: Place,
    offsets: Offsets,
) -> Span:
    _check_position(position, mention, place)
    start, end = position[:2]
    if offsets is Offsets.INCLUSIVE:
        end += 1
    else:
        start, end = place_mention(text, start, end, offsets)
    # A negative start would count from the right in a slice.
    if start < 0 or end <= start or text[start:end] != mention:
        given = position[0], position[1]
        raise mention_error(text, (start, end), mention, place, given, offsets)
    score = check_score(position[2], place) if len(position) == 3 else None
    return Span(start, end, label, score)


def _check_position(position: Any, mention: str, place: Place) -> None:
    """Checks the numbers of a position; builds messages only if needed."""
    if (
        type(position) is list
        and len(position) in (2, 3)
        and type(position[0]) is type(position[1]) is int
    ):
        return
    what = f"a position of mention {shorten(mention)}"
    values = check_type(position, list, place, what)
    if len(values) not in (2, 3):
        raise place.error(
            f"{what} must be [start, inclusive end], got {shorten(values)}"
        )
    check_type(values[0], int, place, f"the start of {what}")
    check_type(values[1], int, place, f"the end of {what}")


def _labels(
    sentence: Sentence, with_scores: bool
) -> dict[str, dict[str, list[list[float]]]]:
    labels: dict[str, dict[str, list[list[float]]]] = {}
    for span in sentence.spans or ():
        position: list[float] = [span.start, span.end - 1]
        if with_scores and span.score is not None:
            position.append(span.score)
        mentions = labels.setdefault(span.label, {})
        mentions.setdefault(sentence.surface(span), []).append(position)
    return labels


# Objects with only a text are its test data.
FORMAT = Format(
    "cluener",
    full_name="CLUENER",
    suffix=".json",
    recognises=lambda source, options: is_json(source.head_lines),
    read=read,
    write=write,
    documents=False,
    scores=True,
    keys=True,
)

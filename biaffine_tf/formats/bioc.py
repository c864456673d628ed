"""BioC JSON: documents of passages with annotations, in characters.

`{"documents": [{"id", "passages": [{"offset", "text", "annotations": [{"text",
"infons": {"type"}, "locations": [{"offset", "length"}]}]}]}]}`, PubTator 3's
`{"PubTator3": [...]}`, or documents as an array or lines. Offsets count from
the start of the document. A passage is a sentence; annotations with several
locations, and relations, are counted and left.

Reference: Comeau et al. 2013, https://bioc.sourceforge.net
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.errors import DataError, OnBadData
from biaffine_tf.formats.annotated_json import (
    is_list_of,
    make_span,
    objects,
    text_of,
)
from biaffine_tf.formats.json_array import array_elements
from biaffine_tf.formats.json_head import any_record
from biaffine_tf.formats.json_values import (
    check_score,
    check_type,
    get_id,
    json_records,
    parse_object,
)
from biaffine_tf.formats.lines import Line, Place, Source
from biaffine_tf.formats.options import Offsets, ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.formats.token_spans import DISCONTINUOUS
from biaffine_tf.spans import Sentence, Span

_DOCUMENTS = re.compile(rb'"(?:documents|PubTator3)"\s*:\s*\[')

Unit = tuple[dict[str, Any], dict[str, Any], int | None]


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the passages of a BioC file as sentences."""

    def parse(unit: Unit) -> Sentence:
        document, passage, line = unit
        place = source.place(line)
        return _sentence(document, passage, place, options, problems)

    return parse_each(
        _passages(source, options, problems),
        parse,
        options.on_bad_data,
        problems,
        lambda unit: json.dumps(unit[1]).encode(),
    )


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes a collection; sentences of a document are its passages."""
    yield '{"source": "biaffine_tf", "date": "", "key": "", "infons": {}, '
    yield '"documents": ['
    numbered = enumerate(sentences, options.first_number)
    groups = itertools.groupby(numbered, key=_document_key)
    for number, (_, group) in enumerate(groups):
        yield "\n" if number == 0 else ",\n"
        yield json.dumps(_document(list(group), options), ensure_ascii=False)
    yield "\n]}\n"


def _document_key(item: tuple[int, Sentence]) -> tuple[bool, Any]:
    number, sentence = item
    named = sentence.document is not None
    return named, sentence.document if named else number


def _document(
    group: list[tuple[int, Sentence]], options: WriteOptions
) -> dict[str, Any]:
    number, first = group[0]
    passages, offset, count = [], 0, itertools.count(1)
    for _, sentence in group:
        infons = {}
        if first.document is not None and sentence.id is not None:
            infons["id"] = sentence.id
        passage: dict[str, Any] = {"offset": offset, "infons": infons}
        passage |= {"text": sentence.text, "sentences": [], "relations": []}
        if sentence.spans is not None:
            passage["annotations"] = [
                _annotation(str(next(count)), span, sentence, offset, options)
                for span in sentence.spans
            ]
        passages.append(passage)
        offset += len(sentence.text) + 1
    key = first.document if first.document is not None else first.id
    infons = {} if first.document is None else {"document": first.document}
    key = str(number) if key is None else key
    return {"id": key, "infons": infons, "passages": passages, "relations": []}


def _annotation(
    key: str,
    span: Span,
    sentence: Sentence,
    offset: int,
    options: WriteOptions,
) -> dict[str, Any]:
    infons = {"type": span.label}
    if options.with_scores and span.score is not None:
        infons["score"] = repr(span.score)
    return {
        "id": key,
        "infons": infons,
        "text": sentence.surface(span),
        "locations": [
            {"offset": offset + span.start, "length": span.end - span.start}
        ],
    }


def _passages(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Unit]:
    for record in _documents(source):
        try:
            document = parse_object(record, source.file)
            place = source.place(record.number)
            passages = objects(document.get("passages"), "'passages'", place)
        except DataError as error:
            if options.on_bad_data is OnBadData.ERROR:
                raise
            problems.skip(error, record.data)
            continue
        _count_relations(document, problems, place)
        document = dict(document) | {"passages": len(passages)}
        for passage in passages:
            _count_relations(passage, problems, place)
            units = passage.get("sentences") or []
            for one in (
                units if is_list_of(units, dict) and units else [passage]
            ):
                yield document, one, record.number


def _count_relations(
    owner: dict[str, Any], problems: Problems, place: Place
) -> None:
    if owner.get("relations"):
        problems.count(
            "relation left out: only spans are read",
            str(place),
            len(check_type(owner["relations"], list, place, "'relations'")),
        )


def _documents(source: Source) -> Iterator[Line]:
    """Yields the undecoded documents of a file."""
    found = _DOCUMENTS.search(source.head)
    if found is None:
        for _, line in json_records(source):
            yield line
        return
    yield from array_elements(source, found.end() - 1)


def _sentence(
    document: dict[str, Any],
    passage: dict[str, Any],
    place: Place,
    options: ReadOptions,
    problems: Problems,
) -> Sentence:
    text = text_of(passage, place)
    begin = check_type(passage.get("offset", 0), int, place, "'offset'")
    infons = passage.get("infons")
    infons = dict(infons) if isinstance(infons, dict) else {}
    spans = None
    if "annotations" in passage and not options.ignore_labels:
        spans = []
        for item in objects(passage["annotations"], "'annotations'", place):
            if span := _span(
                item, text, begin, problems, place, options.offsets
            ):
                spans.append(span)
    key, name = get_id(document, place), None
    inner = document.get("infons")
    is_named = isinstance(inner, dict) and "document" in inner
    if is_named or document["passages"] > 1:
        key, name = get_id(infons, place), key
        infons.pop("id", None)
    sentence = Sentence(
        text,
        None if spans is None else tuple(spans),
        key,
        None,
        place.file,
        place.line,
        name,
    )
    return (
        dataclasses.replace(sentence, extra={"infons": infons})
        if (infons)
        else sentence
    )


def _span(
    item: dict[str, Any],
    text: str,
    begin: int,
    problems: Problems,
    place: Place,
    unit: Offsets,
) -> Span | None:
    locations = objects(item.get("locations"), "'locations'", place)
    if len(locations) != 1:
        kind = DISCONTINUOUS if locations else "annotation without a place"
        problems.count(kind, f"{place}: {item.get('text')!r}")
        return None
    (location,) = locations
    start = check_type(location.get("offset"), int, place, "an offset") - begin
    length = check_type(location.get("length"), int, place, "a length")
    infons = item.get("infons")
    label = infons.get("type") if isinstance(infons, dict) else None
    score = infons.get("score") if isinstance(infons, dict) else None
    if score is not None:
        try:
            score = check_score(float(score), place)
        except (TypeError, ValueError):
            score = None
    return make_span(
        text,
        (start, start + length),
        label,
        place,
        mention=item.get("text"),
        score=score,
        unit=unit,
    )


def _is_collection(record: dict[str, Any]) -> bool:
    if is_list_of(record.get("passages"), dict):
        return "text" not in record
    return any(
        is_list_of(record.get(key), dict)
        and all("passages" in one for one in record[key])
        for key in ("documents", "PubTator3")
    )


FORMAT = Format(
    "bioc",
    full_name="BioC",
    suffix=".json",
    recognises=lambda source, options: any_record(source, _is_collection),
    read=read,
    write=write,
    scores=True,
)

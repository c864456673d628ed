"""spaCy's training tuples: texts with offsets, half-open.

`["text", {"entities": [[start, end, label], ...]}]`; "entities" may be missing.
As a JSON array, JSON lines, the `{"classes", "annotations"}` object of the NER
annotator for spaCy, or a Python literal, `TRAIN_DATA = [("text", {...}), ...]`,
which is held in memory.

Reference: https://v2.spacy.io/usage/training#training-simple-style
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from biaffine_tf.formats.annotated_json import bad_span, make_span
from biaffine_tf.formats.json_array import array_elements
from biaffine_tf.formats.json_head import head_values
from biaffine_tf.formats.json_values import (
    JSON_SPACE,
    check_type,
    json_records,
    parse_value,
)
from biaffine_tf.formats.lines import (
    Line,
    Place,
    Source,
    check_encodable,
    decode,
    shorten,
)
from biaffine_tf.formats.options import Offsets, ReadOptions, WriteOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.formats.registry import Format
from biaffine_tf.spans import Sentence, Span

_STRING = r"""[bru]*(?:"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')"""
_LITERAL = re.compile(
    r"\s*(?:#[^\n]*\n\s*)*(?:\w+\s*=\s*)?\[\s*\(\s*" + _STRING + r"\s*,\s*\{"
)
_ANNOTATIONS = re.compile(rb'"annotations"\s*:\s*\[\s*(?:\[|null|\])')

Unit = tuple[int | None, Line | tuple[int, Any]]


def read(
    source: Source, options: ReadOptions, problems: Problems
) -> Iterator[Sentence]:
    """Reads the sentences of a file of training tuples."""

    def parse(unit: Unit) -> Sentence | None:
        index, record = unit
        place = source.place(record[0])
        value = record[1]
        if isinstance(record, Line):
            value = parse_value(record, source.file)
        if value is None:  # the NER annotator's mark of a skipped line
            problems.count("null left out", str(place))
            return None
        return _sentence(value, index, options, place)

    def data_of(unit: Unit) -> bytes:
        record = unit[1]
        if isinstance(record, Line):
            return record.data
        return repr(record[1]).encode("utf-8", "backslashreplace")

    return parse_each(
        _units(source), parse, options.on_bad_data, problems, data_of
    )


def write(
    sentences: Iterable[Sentence], options: WriteOptions, problems: Problems
) -> Iterator[str]:
    """Writes a JSON array of tuples."""
    yield "["
    for number, sentence in enumerate(sentences):
        entities = {}
        if sentence.spans is not None:
            spans = [[*span.key] for span in sentence.spans]
            entities = {"entities": spans}
        yield "\n" if number == 0 else ",\n"
        yield json.dumps([sentence.text, entities], ensure_ascii=False)
    yield "\n]\n"


def _units(source: Source) -> Iterator[Unit]:
    if _is_literal(source):
        yield from _literals(source)
    elif _is_lines(source):
        for line in source.lines():
            if line.data.strip(JSON_SPACE):
                yield None, line
    elif found := _ANNOTATIONS.search(source.head):
        start = source.head.index(b"[", found.start())
        yield from enumerate(array_elements(source, start))
    else:
        yield from json_records(source)


def _literals(source: Source) -> Iterator[Unit]:
    """Yields the tuples of a Python literal."""
    text = decode(Line(1, source.content()), source.file)
    try:
        (statement,) = ast.parse(text).body
        assert isinstance(statement, (ast.Assign, ast.Expr))
        assert isinstance(statement.value, (ast.List, ast.Tuple))
        elements = [
            (node.lineno, ast.literal_eval(node))
            for node in statement.value.elts
        ]
    except (AssertionError, SyntaxError, RecursionError, ValueError) as error:
        raise source.place(getattr(error, "lineno", None)).error(
            f"the file is no Python literal of one list ({error})",
            "leave only the list of tuples, or write it as JSON",
        ) from None
    yield from enumerate(elements)


def _sentence(
    value: Any, index: int | None, options: ReadOptions, place: Place
) -> Sentence:
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 2
        or not isinstance(value[1], dict)
    ):
        raise place.error(
            f'expected ["text", {{"entities": [...]}}], got {shorten(value)}',
            "correct the entry or pass --on_bad_data=skip",
        )
    text = check_encodable(
        check_type(value[0], str, place, "the text"), place, "the text"
    )
    spans = None
    if "entities" in value[1] and not options.ignore_labels:
        spans = tuple(
            _spans(text, value[1]["entities"], place, options.offsets)
        )
    extra = {k: v for k, v in value[1].items() if k != "entities"}
    return Sentence(
        text,
        spans,
        file=place.file,
        line=place.line,
        index=index,
        extra=extra or None,
    )


def _spans(
    text: str, items: Any, place: Place, unit: Offsets
) -> Iterator[Span]:
    if not isinstance(items, (list, tuple)):
        raise place.error(f"'entities' must be a list, got {shorten(items)}")
    for item in items:
        if not isinstance(item, (list, tuple)) or len(item) != 3:
            raise bad_span(item, "[start, end, label]", place)
        yield make_span(text, (item[0], item[1]), item[2], place, unit=unit)


def _is_pair(value: Any) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and isinstance(value[0], str)
        and isinstance(value[1], dict)
    )


def _is_lines(source: Source) -> bool:
    """Returns whether each line is a tuple."""
    return _is_pair([*head_values(source.head)[:2]])


def _is_literal(source: Source) -> bool:
    return _LITERAL.match("\n".join(source.head_lines)) is not None


def recognises(source: Source, _: ReadOptions) -> bool:
    """Returns whether a file holds tuples, in JSON or Python."""
    if _is_literal(source):
        return True
    values = head_values(source.head)
    if any(map(_is_pair, values)) or _is_lines(source):
        return True
    return any(
        isinstance(value, dict)
        and isinstance(value.get("annotations"), list)
        and any(map(_is_pair, value["annotations"]))
        for value in values
    )


FORMAT = Format(
    "spacy_tuples",
    full_name="spaCy tuples",
    suffix=".json",
    recognises=recognises,
    read=read,
    write=write,
    ids=False,
    documents=False,
)

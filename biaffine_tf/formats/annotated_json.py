"""Parts that readers of annotation tools' JSON share."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.formats.json_values import (
    check_label,
    check_type,
    get_id,
    json_records,
    other_keys,
    parse_object,
)
from biaffine_tf.formats.lines import (
    Line,
    Place,
    Source,
    check_encodable,
    shorten,
)
from biaffine_tf.formats.offsets import place_span
from biaffine_tf.formats.options import Offsets, ReadOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.spans import Sentence, Span

Unit = tuple[int | None, Line]
Make = Callable[[dict[str, Any], Place], Sentence | None]


def read_records(
    source: Source,
    options: ReadOptions,
    problems: Problems,
    make: Make,
    *,
    own: Collection[str] | Callable[[dict[str, Any]], Collection[str]],
    units: Iterable[Unit] | None = None,
) -> Iterator[Sentence]:
    """Reads the sentences of a file of JSON objects, as lines or an array.

    Args:
        source: Open file.
        options: Whether to skip bad sentences.
        problems: Counts skipped sentences.
        make: Function of an object and its place to a sentence, or None for one
            to leave out.
        own: Keys that the format reads, perhaps of an object; others become
            extra keys.
        units: Undecoded objects; those of the file if not given.

    Yields:
        The sentences.
    """

    def parse(unit: Unit) -> Sentence | None:
        index, record = unit
        value = parse_object(record, source.file)
        sentence = make(value, source.place(record.number))
        if sentence is None:
            return None
        keys = own(value) if callable(own) else own
        extra = other_keys(value, sentence, keys)
        if sentence.extra:
            extra = {**sentence.extra, **(extra or {})}
        return dataclasses.replace(sentence, index=index, extra=extra)

    return parse_each(
        json_records(source) if units is None else units,
        parse,
        options.on_bad_data,
        problems,
        lambda unit: unit[1].data,
    )


def make_sentence(
    text: str,
    spans: Iterable[Span] | None,
    record: dict[str, Any],
    place: Place,
    words: tuple[tuple[int, int], ...] | None = None,
) -> Sentence:
    """Makes a sentence with the id and the document of an object."""
    return Sentence(
        text,
        None if spans is None else tuple(spans),
        get_id(record, place, ("id",)),
        words,
        place.file,
        place.line,
        get_id(record, place, ("document",)),
    )


def make_span(
    text: str,
    offsets: tuple[Any, Any],
    label: Any,
    place: Place,
    *,
    mention: str | None = None,
    score: float | None = None,
    unit: Offsets = Offsets.AUTO,
) -> Span:
    """Makes a span, with all checks.

    Args:
        text: The text.
        offsets: Start and end.
        label: The label.
        place: Place of the span, for messages.
        mention: Text of the span that the file gives, if any.
        score: Its score.
        unit: Meaning of the offsets; half-open characters if not given.

    Raises:
        DataError: If offsets or label have another type, or the text there is
            not the mention.
    """
    start, end = (check_type(one, int, place, "an offset") for one in offsets)
    label = check_label(check_type(label, str, place, "a label"), place)
    start, end = place_span(text, start, end, unit, mention, place)
    return Span(start, end, label, score)


def objects(value: Any, what: str, place: Place) -> list[dict[str, Any]]:
    """Checks that a value is a list of objects."""
    for one in check_type(value, list, place, what):
        check_type(one, dict, place, f"each of {what}")
    return value


def check_tokens(value: Any, place: Place) -> list[str]:
    """Checks that a value is a list of tokens that are not empty."""
    for index, token in enumerate(check_type(value, list, place, "the tokens")):
        check_type(token, str, place, f"token {index}")
        if not token:
            raise place.error(f"token {index} is empty")
        check_encodable(token, place, f"token {index}")
    return value


def text_of(
    record: dict[str, Any], place: Place, keys: tuple[str, ...] = ("text",)
) -> str:
    """Returns the text of an object, under the first of several keys."""
    for key in keys:
        if isinstance(record.get(key), str):
            return check_encodable(record[key], place, f"{key!r}")
    raise place.error(
        f"the object has no {keys[0]!r}; it has "
        f"{', '.join(map(repr, record)) or 'no keys'}",
        f"add {keys[0]!r} or pass --on_bad_data=skip",
    )


def bad_span(value: Any, expected: str, place: Place) -> DataError:
    """Makes the error for a span of another shape."""
    return place.error(
        f"a span must be {expected}, got {shorten(value)}",
        "correct the line or pass --on_bad_data=skip",
    )


def is_list_of(value: Any, kind: type) -> bool:
    """Returns whether a value is a list of one type, possibly empty."""
    return isinstance(value, list) and all(type(one) is kind for one in value)

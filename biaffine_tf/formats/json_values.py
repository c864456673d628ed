"""JSON objects from lines or an array, and checked access to their values."""

from __future__ import annotations

import dataclasses
import json
import math
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Any, NoReturn, TypeVar

from biaffine_tf.formats.json_array import array_elements
from biaffine_tf.formats.json_writing import dump_id
from biaffine_tf.formats.lines import (
    Line,
    Place,
    Source,
    check_encodable,
    decode,
    shorten,
)
from biaffine_tf.formats.options import ReadOptions
from biaffine_tf.formats.problems import Problems, parse_each
from biaffine_tf.spans import Sentence

Value = TypeVar("Value")

JSON_SPACE = b" \t\r\n"
_START = re.compile(r'\s*(\[\s*(\{\s*["}]|\])|\{\s*["}])')
_FIX = "correct the line or pass --on_bad_data=skip"
_SHAPE = "give one JSON object a line, or one array of objects"
_NAMES = {
    str: "a string",
    int: "a whole number",
    dict: "an object",
    list: "an array",
}


# Keys of text and gold labels in any format. The last one is an ordinary word
# and is gold only as an object.
_NOT_EXTRA = ("text", "tokens", "spans", "entities", "entity_mentions")
_MAYBE_GOLD = "label"


def is_json(lines: Iterable[str]) -> bool:
    """Returns whether lines at the start of a file are JSON objects."""
    return _START.match("\n".join(lines)) is not None


def json_records(source: Source) -> Iterator[tuple[int | None, Line]]:
    """Yields the undecoded JSON values of a file, one per sentence.

    Yields:
        None and a non-blank line or, if the file is an array, the index of an
        element, from 0, and its bytes.
    """
    if source.head.lstrip(JSON_SPACE).startswith(b"["):
        yield from enumerate(array_elements(source))
        return
    for line in source.lines():
        if line.data.strip(JSON_SPACE):
            yield None, line


def parse_object(record: Line, file: str) -> dict[str, Any]:
    """Decodes the JSON object of one record; raises a DataError as below."""
    value = parse_value(record, file)
    if not isinstance(value, dict):
        raise Place(file, record.number).error(
            f"expected an object, got {shorten(value)}", _SHAPE
        )
    return value


def parse_value(record: Line, file: str) -> Any:
    """Decodes the JSON value of one record.

    Raises:
        DataError: If it is no JSON, repeats a key, contains NaN, or is
            nested too deeply.
    """
    place = Place(file, record.number)
    text = decode(record, file)
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        line = record.number + error.lineno - 1
        raise Place(file, line).error(
            f"broken JSON at column {error.colno}: {error.msg}; received "
            f"{shorten(text[max(error.pos - 20, 0) : error.pos + 20])}",
            _SHAPE + ", or pass --on_bad_data=skip",
        ) from None
    except _BadValueError as error:
        raise place.error(str(error)) from None
    except RecursionError:
        raise place.error("the JSON is nested too deeply") from None
    except ValueError as error:  # numbers of more than 4300 digits
        raise place.error(f"unreadable JSON: {error}") from None


def read_objects(
    source: Source,
    options: ReadOptions,
    problems: Problems,
    make_sentence: Callable[[dict[str, Any], Place], Sentence],
) -> Iterator[Sentence]:
    """Reads the sentences of a file of JSON objects, as lines or an array.

    Args:
        source: Open file.
        options: Whether to skip bad sentences.
        problems: Counts skipped sentences.
        make_sentence: Function of an object and its place to a sentence.

    Yields:
        The sentences.
    """

    def parse(unit: tuple[int | None, Line]) -> Sentence:
        index, record = unit
        value = parse_object(record, source.file)
        sentence = make_sentence(value, source.place(record.number))
        extra = other_keys(value, sentence)
        if index is None and extra is None:
            return sentence
        return dataclasses.replace(sentence, index=index, extra=extra)

    return parse_each(
        json_records(source),
        parse,
        options.on_bad_data,
        problems,
        lambda unit: unit[1].data,
    )


def other_keys(
    record: dict[str, Any],
    sentence: Sentence,
    own: Collection[str] = _NOT_EXTRA,
) -> dict[str, Any] | None:
    """Returns the other keys of an object, to be written with the sentence.

    Args:
        record: The object.
        sentence: The sentence made of it.
        own: Keys that the format reads.
    """
    written = {"id": dump_id(sentence.id), "document": sentence.document}
    extra = {
        key: value
        for key, value in record.items()
        if key not in own
        and not (key == _MAYBE_GOLD and isinstance(value, dict))
        and not (key in written and _is_same(written[key], value))
    }
    return extra or None


def _is_same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def get(
    record: dict[str, Any],
    key: str,
    kind: type[Value],
    place: Place,
    owner: str,
) -> Value:
    """Returns the value of a required key, with its type checked.

    Args:
        record: A JSON object.
        key: The key.
        kind: str, int, dict or list; neither bool nor float is an int.
        place: Place of the object, for messages.
        owner: Name of the object, for messages.

    Raises:
        DataError: If the key is missing or its value has another type.
    """
    if key not in record:
        raise place.error(
            f"{owner} has no {key!r}; it has "
            f"{', '.join(map(repr, record)) or 'no keys'}",
            f"add {key!r} or pass --on_bad_data=skip",
        )
    return check_type(record[key], kind, place, f"{key!r} of {owner}")


def check_type(
    value: object, kind: type[Value], place: Place, what: str
) -> Value:
    """Checks the type of a JSON value, and that strings are encodable."""
    if type(value) is not kind:  # `isinstance` would take True for 1
        raise place.error(
            f"{what} must be {_NAMES[kind]}, got {shorten(value)}", _FIX
        )
    if isinstance(value, str):
        check_encodable(value, place, what)
    return value


def get_label(
    record: dict[str, Any], key: str, place: Place, owner: str
) -> str:
    """Returns the checked label of a span."""
    return check_label(get(record, key, str, place, owner), place)


def check_label(label: str, place: Place) -> str:
    """Checks that a label can be written to labels.txt.

    Raises:
        DataError: If it is blank or spans lines.
    """
    if not label.strip() or "\n" in label or "\r" in label:
        raise place.error(f"{label!r} cannot be a label", _FIX)
    return check_encodable(label, place, "a label")


def get_id(
    record: dict[str, Any], place: Place, keys: tuple[str, ...] = ("id",)
) -> str | None:
    """Returns the id of a sentence, if it has one."""
    for key in keys:
        if key not in record:
            continue
        value = record[key]
        if type(value) is int:
            return str(value)
        return check_type(value, str, place, f"{key!r}")
    return None


def check_score(
    value: Any,
    place: Place,
) -> float:
    """Checks the score of a span.

    Raises:
        DataError: If it is not a number from 0 to 1.
    """
    if type(value) not in (int, float) or not 0 <= value <= 1:
        raise place.error(
            f"a score must be a number from 0 to 1, got {shorten(value)}", _FIX
        )
    return float(value)


class _BadValueError(Exception):
    pass


def _object_without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        keys = [key for key, _ in pairs]
        repeated = next(key for key in keys if keys.count(key) > 1)
        raise _BadValueError(
            f"the key {shorten(repeated)} is given twice in one object, and "
            "only one of its values could be kept"
        )
    return result


def _no_constant(name: str) -> NoReturn:
    raise _BadValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise _BadValueError(f"the number {shorten(text)} is out of range")
    return value


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_without_repeats,
    parse_constant=_no_constant,
    parse_float=_finite,
)

"""JSON values at the start of a file, for detecting its format."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from typing import Any

from biaffine_tf.formats.lines import Source

_SPACE = " \t\r\n"
# A quote always begins a string, if perhaps one that does not end.
_TOKEN = re.compile(r'"(?:[^"\\]|\\(?:.|\Z))*+"?|[{}\[\],]', re.DOTALL)
_MAX_VALUES = 200
_DECODER = json.JSONDecoder()


def head_records(source: Source) -> list[dict[str, Any]]:
    """Returns the JSON objects at the start of a file.

    Objects are lines or elements of one array. If not even the first one ends
    in the head of the file, it is closed where the head ends.
    """
    values = head_values(source.head)
    return [value for value in values if isinstance(value, dict)]


def any_record(source: Source, test: Callable[[dict[str, Any]], bool]) -> bool:
    """Returns whether a JSON object at the start of a file passes a test."""
    return any(map(test, head_records(source)))


@functools.lru_cache(maxsize=2)
def head_values(head: bytes) -> tuple[Any, ...]:
    """Returns the JSON values in the first bytes of a file."""
    text = head.decode("utf-8", errors="replace").lstrip(_SPACE)
    if not text.startswith(("{", "[")):
        return ()
    values: list[Any] = []
    position = int(text.startswith("["))
    while len(values) < _MAX_VALUES:
        while position < len(text) and text[position] in _SPACE + ",":
            position += 1
        try:
            value, position = _DECODER.raw_decode(text, position)
        except (ValueError, RecursionError):
            break
        values.append(value)
    return tuple(values or _closed(text[position:]))


def _closed(text: str) -> list[Any]:
    """Decodes the start of a value, closed after its last whole part.

    A string that does not end becomes an empty one.
    """
    end, added = 0, ""
    for match in _TOKEN.finditer(text):
        token = match[0]
        if match.end() == len(text) and token[0] == '"':
            if text[: match.start()].rstrip().endswith((":", "[")):
                end, added = match.start(), '""'
        elif token in "{[":
            end = match.end()
        elif token == ",":
            end = match.start()
    closing: list[str] = []
    for match in _TOKEN.finditer(text, 0, end):
        if match[0] in "{[":
            closing.append("}" if match[0] == "{" else "]")
        elif match[0] in "}]" and closing:
            closing.pop()
    try:
        return [json.loads(text[:end] + added + "".join(reversed(closing)))]
    except (ValueError, RecursionError):
        return []

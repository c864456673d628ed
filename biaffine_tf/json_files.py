"""Reads JSON files and checks their structure.

A shape describes the expected content:

    str, bool, int, float, object   a value of that type; float accepts integers
                                    too, object accepts anything
    [shape]                         a list of such values
    {"key": shape, "other?": shape} an object with a required and an optional
                                    key; further keys may hold anything
    {str: shape}                    an object with any keys
    (shape, None)                   one of these; None is null
"""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterator, Mapping
from typing import Any

from biaffine_tf.errors import ConfigError

_KINDS: dict[Any, str] = {
    str: "a string",
    bool: "true or false",
    int: "an integer",
    float: "a number",
    None: "null",
}


def read_json(
    path: str | os.PathLike[str],
    shape: Any = object,
    *,
    what: str,
    remedy: str,
) -> Any:
    """Reads a JSON file and checks its structure.

    Args:
        path: The file.
        shape: Expected content; see the module's docstring.
        what: Name of this kind of file, for messages: "the history of a run".
        remedy: How to fix a file with other content, for messages.

    Returns:
        The content.

    Raises:
        FileNotFoundError: If there is no such file; the caller explains it.
        ConfigError: If it cannot be read, is not JSON or has another shape.
    """
    try:
        with open(path, encoding="utf-8") as file:
            content = json.load(file)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})", remedy=remedy
        ) from error
    except (ValueError, RecursionError) as error:
        reason = "not UTF-8" if isinstance(error, UnicodeError) else str(error)
        raise ConfigError(
            f"{path}: not JSON ({reason})", remedy=remedy
        ) from error
    problem = find_problem(content, shape)
    if problem is not None:
        raise ConfigError(f"{path}: not {what} ({problem})", remedy=remedy)
    return content


def rename_keys(
    values: Mapping[str, Any], names: Mapping[Any, str]
) -> dict[str, Any]:
    """Renames the keys of earlier versions to the current ones.

    Args:
        values: JSON object.
        names: New names by old names.
    """
    return {names.get(key, key): value for key, value in values.items()}


def peek_json(path: str | os.PathLike[str], shape: Any = object) -> Any:
    """Reads a JSON file; None if it is missing or has another shape."""
    try:
        return read_json(path, shape, what="", remedy="")
    except (FileNotFoundError, ConfigError):
        return None


def find_problem(value: object, shape: Any) -> str | None:
    """Describes where a value differs from a shape; None if it matches.

    Args:
        value: JSON value.
        shape: Expected content; see the module's docstring.
    """
    return next(_problems(value, shape, ""), None)


def _problems(value: object, shape: Any, place: str) -> Iterator[str]:
    if isinstance(shape, tuple):
        problems = [find_problem(value, one) for one in shape]
        if None in problems:
            return
        if isinstance(value, dict | list):  # report the problem inside of it
            yield from _problems(value, shape[0], place)
            return
    elif shape is object:
        return
    elif isinstance(shape, list) and isinstance(value, list):
        for index, one in enumerate(value):
            yield from _problems(one, shape[0], f"{place}[{index}]")
        return
    elif isinstance(shape, dict) and isinstance(value, dict):
        yield from _problems_of_keys(value, shape, place)
        return
    elif _has_type(value, shape):
        return
    yield f"{place.lstrip('.') or 'it'} must be {_wanted(shape)}, got " + (
        _given(value)
    )


def _problems_of_keys(
    value: dict[str, Any], shape: dict[Any, Any], place: str
) -> Iterator[str]:
    if str in shape:
        for key, one in value.items():
            yield from _problems(one, shape[str], f"{place}.{key}")
        return
    for name, wanted in shape.items():
        key = name.removesuffix("?")
        if key in value:
            yield from _problems(value[key], wanted, f"{place}.{key}")
        elif key == name:
            yield f"{place}.{key}".lstrip(".") + " is missing"


def _has_type(value: object, kind: Any) -> bool:
    if kind is None:
        return value is None
    if not isinstance(kind, type):
        return False
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)


def _wanted(shape: Any) -> str:
    if isinstance(shape, tuple):
        return " or ".join(map(_wanted, shape))
    if isinstance(shape, list):
        return "a list"
    return "an object" if isinstance(shape, dict) else _KINDS[shape]


def _given(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    shown = json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 40 else reprlib.repr(shown)

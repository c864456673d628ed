"""Names of tags that a data set numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from biaffine_tf.errors import DataError

_KEYS = ("names", "id2label", "label2id", "features")


def parse_tag_names(text: str | None) -> tuple[str, ...] | None:
    """Parses names of tags, or reads them from a file.

    Args:
        text: Names with commas in the order of their numbers, or the path of a
            file: one a line, or JSON (a list, `id2label` of a config.json, or
            the `features` of a dataset_info.json). None stays None.

    Raises:
        DataError: If the file cannot be read or holds no names.
    """
    if text is None:
        return None
    if not os.path.exists(text) and "," in text:
        return tuple(name.strip() for name in text.split(","))
    try:
        with open(text, encoding="utf-8") as stream:
            content = stream.read()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"the names of the tags cannot be read ({error})",
            file=text,
            remedy="give --tag_names=FILE, or the names with commas",
        ) from None
    if content.lstrip()[:1] in ("{", "["):
        names = _names_in_json(content, text)
    else:
        names = [line.strip() for line in content.splitlines() if line.strip()]
    if not names:
        raise DataError(
            "the file holds no names of tags",
            file=text,
            remedy="give one name a line, or a JSON list of them",
        )
    return tuple(names)


def names_in_features(features: Any) -> list[str] | None:
    """Finds the names of a class label in the features of a data set."""
    return next(_find(features), None)


def _names_in_json(content: str, file: str) -> list[str] | None:
    try:
        value = json.loads(content)
    except ValueError as error:
        raise DataError(
            f"the names of the tags are broken JSON ({error})",
            file=file,
            remedy="give one name a line, or a JSON list of them",
        ) from None
    return _names(value) or names_in_features(value)


def _names(value: Any) -> list[str] | None:
    """Returns the names if a value is a list of them, or numbers them."""
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return value or None
    if not isinstance(value, dict) or not value:
        return None
    pairs = list(value.items())
    if all(type(number) is int for _, number in pairs):
        pairs = [(number, name) for name, number in pairs]
    if not all(str(number).isdecimal() for number, _ in pairs):
        return None
    if not all(isinstance(name, str) for _, name in pairs):
        return None
    ordered = sorted((int(number), name) for number, name in pairs)
    return [name for _, name in ordered]


def _find(value: Any) -> Iterator[list[str]]:
    """Yields lists of names below the keys that hold them."""
    if isinstance(value, list):
        for one in value:
            yield from _find(one)
    elif isinstance(value, dict):
        for key in _KEYS:
            if key in value and (names := _names(value[key])):
                yield names
        for one in value.values():
            yield from _find(one)

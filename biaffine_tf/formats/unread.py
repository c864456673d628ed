"""Finds annotations of JSON objects that no format reads.

They would be dropped without a word, and the sentence would count as
unlabelled.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.formats.lines import Place, shorten
from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.reviews import is_review

# Keys that hold annotations whatever their value, if it is a list or object.
_ALWAYS = frozenset(
    (
        "annotations",
        "ann",
        "anns",
        "ents",
        "entities",
        "entity",
        "entity_list",
        "entity_mentions",
        "mentions",
        "named_entities",
        "ner",
        "ner_tags",
        "ner_labels",
        "ner_spans",
        "bio",
        "bio_tags",
        "iob",
        "iob_tags",
        "tag_ids",
        "spans",
        "span",
        "spans_list",
        "label_spans",
    )
)
# Ordinary words, which hold annotations if their value looks like it.
_STARTS = ("start", "begin", "from", "offset", "pos", "position", "loc")
_ENDS = ("end", "stop", "to", "length", "finish")
_WITHIN = ("value", "result", "labels", "label", "span", "range", "points")
_TAG = re.compile(r"[Oo]|[BIESMLUbiesmlu][-_:].+")
_SPANS = "'spans': [{'start': 0, 'end': 5, 'label': 'PER'}] (half-open)"
_TRIPLES = "doccano's 'label': [[0, 5, 'PER']] (half-open), or " + _SPANS
_TAGS = "'tokens' with 'ner_tags', names such as 'B-PER', or columns"


def check_nothing_unread(record: Mapping[str, Any], place: Place) -> None:
    """Checks that an object without known labels has no other annotations.

    Args:
        record: The JSON object.
        place: Its place, for messages.

    Raises:
        DataError: If a key holds annotations; names the nearest form that is
            read.
    """
    for key, value in record.items():
        if not is_review(key, value) and (form := nearest_form(record, key)):
            raise _error(key, value, form, place)


def note_unread(
    record: Mapping[str, Any],
    read: Collection[str],
    place: Place,
    problems: Problems,
) -> None:
    """Counts other annotations of an object whose spans are read.

    Args:
        record: The JSON object.
        read: Keys of the annotations that are read.
        place: Its place, for messages.
        problems: Counts the others.
    """
    for key, value in record.items():
        if (
            value.__class__ in (list, dict)
            and key not in read
            and not is_review(key, value)
            and nearest_form(record, key)
        ):
            problems.count(
                f"key {key!r}, which looks like annotations, is not read",
                f"{place}: {shorten(value)}",
            )


def nearest_form(record: Mapping[str, Any], key: str) -> str:
    """Returns the supported form that is nearest to the value of a key.

    Args:
        record: A JSON object.
        key: One of its keys.

    Returns:
        The form; "" if the value is no annotation.
    """
    value = record[key]
    if not isinstance(value, (list, dict, str)) or key in ("text", "tokens"):
        return ""
    if _are_tags(value, record):
        return _TAGS
    if isinstance(value, str):
        return ""
    items = value if isinstance(value, list) else [value]
    if any(_is_triple(item) for item in items[:9]):
        return _TRIPLES
    if any(_is_span(item) for item in items[:9]):
        return _SPANS
    if isinstance(value, dict) and any(map(_holds_spans, value.values())):
        return _SPANS
    if key.lower() in _ALWAYS:
        return _TAGS if "tag" in key.lower() else _SPANS
    return ""


def _error(key: str, value: object, form: str, place: Place) -> DataError:
    return place.error(
        f"the object holds annotations that are not read, under {key!r}: "
        f"{shorten(value)}",
        f"give them as {form}, or remove the key if they are to be ignored",
    )


def _holds_spans(value: object) -> bool:
    """Returns whether a value is a list of spans (as by label)."""
    return isinstance(value, list) and any(
        _is_triple(item) or _is_span(item) or _is_pair(item)
        for item in value[:9]
    )


def _is_span(item: object) -> bool:
    """Returns whether an item is an object with two offsets, or holds one."""
    if not isinstance(item, dict):
        return False
    kinds = [
        any(
            any(_starts_word(key, word) for word in words)
            and type(value) in (int, list)
            for key, value in item.items()
        )
        for words in (_STARTS, _ENDS)
    ]
    if all(kinds):
        return True
    for name in _WITHIN:
        inner = item.get(name)
        if _is_pair(inner) or _is_span(inner):
            return True
        if isinstance(inner, list) and any(map(_is_span, inner[:9])):
            return True
    return any(_is_pair(value) for value in item.values()) and any(
        type(value) is str for value in item.values()
    )


def _starts_word(key: str, word: str) -> bool:
    return key.lower().replace("-", "_").split("_")[0].startswith(word)


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) == 2
        and all(type(one) is int for one in value)
        and 0 <= value[0] <= value[1]
    )


def _is_triple(item: object) -> bool:
    """Returns whether an item is two offsets and a label, in any order."""
    if not isinstance(item, list) or not 3 <= len(item) <= 5:
        return False
    numbers = [one for one in item if type(one) is int]
    labels = [one for one in item if type(one) is str]
    return (
        len(numbers) == 2
        and len(numbers) + len(labels) == len(item)
        and 0 <= numbers[0] <= numbers[1]
    )


def _are_tags(value: object, record: Mapping[str, Any]) -> bool:
    """Returns whether a value is a list, or a string, of tags of words."""
    if isinstance(value, str):
        value = value.split(" ")
    if not isinstance(value, list) or not value:
        return False
    tokens = record.get("tokens", record.get("words"))
    if isinstance(tokens, list) and len(tokens) == len(value) > 1:
        if all(type(one) is int for one in value):
            return True
        if "O" in value:
            return True
    strings = [one for one in value if type(one) is str]
    return (
        len(strings) == len(value) > 1
        and all(map(_TAG.fullmatch, strings))
        and any(len(one) > 1 for one in strings)
    )

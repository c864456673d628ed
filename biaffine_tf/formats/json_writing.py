"""Writes sentences as lines of JSON, with their extra keys."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from biaffine_tf.formats.lines import shorten
from biaffine_tf.formats.options import WriteOptions
from biaffine_tf.formats.problems import Problems
from biaffine_tf.spans import Sentence


def dump_object(
    own: dict[str, Any],
    sentence: Sentence,
    options: WriteOptions,
    problems: Problems,
) -> str:
    """Returns the JSON line of a sentence.

    Args:
        own: Keys of the format; those that identify a sentence come first.
        sentence: The sentence, whose extra keys follow.
        options: Whether to add the place in the input if there is no id.
        problems: Counts extra keys that conflict with keys of the format.
    """
    extra = dict(sentence.extra or {})
    for key in ("id", "document"):
        if key in extra and key in own:  # the same, in its original spelling
            own[key] = extra.pop(key)
    for key in [one for one in extra if one in own]:
        problems.count(
            f"key {shorten(key)} of the input not written: the format has one "
            "of this name",
            f"{sentence.file}:{sentence.line}",
        )
        del extra[key]
    if options.with_lines and sentence.id is None:
        place = _place(sentence)
        own = {k: v for k, v in place.items() if k not in extra} | own
    text = json.dumps(own, ensure_ascii=False)
    if extra:
        text = f"{text[:-1]}, {_dump_extra(extra)[1:]}"
    return text + "\n"


def _place(sentence: Sentence) -> dict[str, int]:
    """Returns the index in the array, or the line, of a sentence."""
    if sentence.index is not None:
        return {"index": sentence.index}
    return {} if sentence.line is None else {"line": sentence.line}


def _dump_extra(extra: Mapping[str, Any]) -> str:
    text = json.dumps(extra, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # lone surrogates, which JSON may contain
        return json.dumps(extra)
    return text


def dump_id(
    sentence_id: str | None, fallback: int | None = None
) -> str | int | None:
    """Converts an id to JSON: a number if it reads back as the same string."""
    if sentence_id is None:
        return fallback
    digits = sentence_id.isascii() and sentence_id.isdigit()
    # Other JSON readers lose digits beyond 15; 007 is not 7.
    if digits and len(sentence_id) <= 15:
        number = int(sentence_id)
        return number if str(number) == sentence_id else sentence_id
    return sentence_id

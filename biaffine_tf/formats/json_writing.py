"""Sentences as lines of JSON, with what came with them."""

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
    """The line of a sentence in a file of JSON objects.

    Args:
        own: Keys of the format; those that identify a sentence come first.
        sentence: Its extra keys follow.
        options: Whether to say where the sentence was read, if it has no id.
        problems: Where keys are counted that the format has itself.
    """
    extra = dict(sentence.extra or {})
    for key in ("id", "document"):
        if key in extra and key in own:  # the same one, as it was written
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
    """Where a sentence is in its file, by what one would count there."""
    if sentence.index is not None:
        return {"index": sentence.index}
    return {} if sentence.line is None else {"line": sentence.line}


def _dump_extra(extra: Mapping[str, Any]) -> str:
    text = json.dumps(extra, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # halves of characters, as they may be read
        return json.dumps(extra)
    return text


def dump_id(
    sentence_id: str | None, fallback: int | None = None
) -> str | int | None:
    """An identifier as JSON: a number if it reads back as the same string."""
    if sentence_id is None:
        return fallback
    digits = sentence_id.isascii() and sentence_id.isdigit()
    # Beyond 15 digits other JSON readers lose some; 007 is not 7.
    if digits and len(sentence_id) <= 15:
        number = int(sentence_id)
        return number if str(number) == sentence_id else sentence_id
    return sentence_id

"""Mentions of token lists, whose offsets count tokens."""

from __future__ import annotations

from typing import Any

from biaffine_tf.formats.json_values import get, get_label
from biaffine_tf.formats.lines import Place, shorten
from biaffine_tf.formats.offsets import UNITS, to_characters
from biaffine_tf.formats.options import Offsets
from biaffine_tf.spans import Span


def find_mention(item: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Returns the text that a span's object gives for it; None if none."""
    for key in keys:
        if key in item:
            return item[key]
    return None


def read_token_span(
    item: dict[str, Any],
    text: str,
    ranges: tuple[tuple[int, int], ...],
    place: Place,
    offsets: Offsets,
) -> Span:
    """Reads an item of "entity_mentions".

    Args:
        item: The JSON object.
        text: The tokens, joined.
        ranges: Character range of each token.
        place: Place of the object, for messages.
        offsets: Meaning of its start and end; half-open tokens for `AUTO`.

    Raises:
        DataError: If it is outside its sentence, or is not the text it gives.
    """
    first = get(item, "start", int, place, "an entity mention")
    last = get(item, "end", int, place, "an entity mention")
    label = get_label(item, "entity_type", place, "an entity mention")
    if offsets is not Offsets.AUTO:
        if UNITS[offsets].encoding:
            raise place.error(
                f"offsets of tokens cannot be read as {UNITS[offsets].name}",
                "pass --offsets=inclusive, one_based or characters",
            )
        first, last = to_characters("", first, last, offsets)
    if not 0 <= first < last <= len(ranges):
        raise place.error(
            f"the entity mention [{first}, {last}) of label {label!r} is "
            f"outside its sentence of {len(ranges)} tokens",
            "its offsets count tokens, from 0, half-open; correct them or "
            "pass --on_bad_data=skip",
        )
    start, end = ranges[first][0], ranges[last - 1][1]
    mention = find_mention(item, ("text",))
    if mention is not None and text[start:end] != mention:
        raise place.error(
            f"the mention {shorten(mention)} is at the tokens "
            f"[{first}, {last}), which are {shorten(text[start:end])}",
            _token_remedy(item, mention, text, ranges),
        )
    return Span(start, end, label)


def _token_remedy(
    item: dict[str, Any],
    mention: str,
    text: str,
    ranges: tuple[tuple[int, int], ...],
) -> str:
    for offsets in UNITS:
        if UNITS[offsets].encoding:
            continue
        first, last = to_characters("", item["start"], item["end"], offsets)
        if 0 <= first < last <= len(ranges):
            start, end = ranges[first][0], ranges[last - 1][1]
            if text[start:end] == mention:
                name = UNITS[offsets].name.replace("characters", "tokens")
                return f"they fit as {name}: pass --offsets={offsets}"
    return (
        "offsets count tokens, from 0, half-open; correct them or pass "
        "--on_bad_data=skip"
    )

"""Items of lists of entities, of CMeEE and of scripts without a format.

CMeEE's are `{"start_idx", "end_idx", "type", "entity"}` with inclusive ends.
Others have "start", "end", a label and perhaps their text, or are
`[start, end, label]`: without the text, nobody but the user knows whether ends
are inclusive.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from biaffine_tf.formats.json_values import check_type, get, get_label
from biaffine_tf.formats.lines import Place
from biaffine_tf.formats.offsets import UNITS
from biaffine_tf.formats.options import Offsets
from biaffine_tf.formats.problems import Problems

# Rasa has "entity" for the label and "value" for the text.
_LABELS = ("label", "type", "entity_type", "entity_group", "entity", "tag")
_MENTIONS = ("text", "mention", "value", "word", "surface", "entity")
_WHITE_END = (
    "inclusive end on white space: if ends are exclusive, pass "
    "--offsets=characters"
)


class EntityItem(NamedTuple):
    """An item of a list of entities.

    Attributes:
        start: First number.
        end: Second number.
        label: Label.
        mention: Text of the entity; None if the file does not give it.
        offsets: What the numbers mean.
        is_cmeee: Whether CMeEE's format, not a flag, says so.
    """

    start: int
    end: int
    label: str
    mention: str | None
    offsets: Offsets
    is_cmeee: bool = False


def read_entity(item: Any, offsets: Offsets, place: Place) -> EntityItem:
    """Reads an item of a list of entities.

    Args:
        item: A JSON value.
        offsets: What the user said that numbers mean.
        place: Place of the object, for messages.

    Raises:
        DataError: If it is no entity, or its numbers may mean several things.
    """
    if isinstance(item, list):
        return _from_triple(item, offsets, place)
    check_type(item, dict, place, "each of 'entities'")
    if "start" in item and "end" in item and "start_idx" not in item:
        return _from_start_end(item, offsets, place)
    start = get(item, "start_idx", int, place, "an entity")
    end = get(item, "end_idx", int, place, "an entity")
    label = get_label(item, "type", place, "an entity")
    is_default = offsets is Offsets.AUTO
    return EntityItem(
        start,
        end,
        label,
        item.get("entity"),
        Offsets.INCLUSIVE if is_default else offsets,
        is_cmeee=is_default,
    )


def note_inclusive(text: str, end: int, where: str, problems: Problems) -> None:
    """Counts spans whose inclusive end is white space after a character.

    Args:
        text: The text.
        end: End of the span, half-open.
        where: Place of the span.
        problems: Counts it.
    """
    if text[end - 1].isspace():
        problems.count(_WHITE_END, where)


def _from_start_end(
    item: dict[str, Any], offsets: Offsets, place: Place
) -> EntityItem:
    owner = "an entity"
    key = next((one for one in _LABELS if one in item), "label")
    label = get_label(item, key, place, owner)
    mentions = [item[one] for one in _MENTIONS if one in item and one != key]
    mention = mentions[0] if mentions else None
    start = get(item, "start", int, place, owner)
    end = get(item, "end", int, place, owner)
    if mention is None:
        _check_certain(f"'entities' with {_keys(item)}", offsets, place)
    return EntityItem(start, end, label, mention, offsets)


def _from_triple(item: list[Any], offsets: Offsets, place: Place) -> EntityItem:
    numbers = [one for one in item if type(one) is int]
    labels = [one for one in item if type(one) is str]
    if len(item) != 3 or len(numbers) != 2 or len(labels) != 1:
        check_type(item, dict, place, "each of 'entities'")
    _check_certain("'entities' as [start, end, label]", offsets, place)
    record = {"label": labels[0]}
    label = get_label(record, "label", place, "an entity")
    start, end = numbers
    return EntityItem(start, end, label, None, offsets)


def _check_certain(what: str, offsets: Offsets, place: Place) -> None:
    if offsets is Offsets.AUTO:
        names = [Offsets.CHARACTERS, Offsets.INCLUSIVE]
        choices = " or ".join(
            f"--offsets={one} ({UNITS[one].name})" for one in names
        )
        raise place.error(
            f"{what} but without their text may be half-open or inclusive",
            f"pass {choices}; or give 'spans', which are half-open",
        )


def _keys(item: dict[str, Any]) -> str:
    return ", ".join(map(repr, item))

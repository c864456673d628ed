"""Items of lists of entities that are not CMeEE's.

They are `{"start", "end", "label"}` (or "type", "entity"), perhaps with their
text, or `[start, end, label]`. Without the text, nobody but the user knows
whether ends are inclusive.
"""

from __future__ import annotations

from typing import Any

from biaffine_tf.formats.json_values import check_type, get, get_label
from biaffine_tf.formats.lines import Place
from biaffine_tf.formats.offsets import UNITS, place_span
from biaffine_tf.formats.options import Offsets
from biaffine_tf.spans import Span

# Rasa has "entity" for the label and "value" for the text.
_LABELS = ("label", "type", "entity_type", "entity_group", "entity", "tag")
_MENTIONS = ("text", "mention", "value", "word", "surface", "entity")
WHITE_END = (
    "inclusive end on white space: if ends are exclusive, pass "
    "--offsets=characters"
)


def read_entity(item: Any, text: str, offsets: Offsets, place: Place) -> Span:
    """Reads an item of a list of entities.

    Args:
        item: A JSON value.
        text: Text of the object.
        offsets: What the user said that numbers mean.
        place: Place of the object, for messages.

    Raises:
        DataError: If it is no entity, or its numbers may mean several things.
    """
    if isinstance(item, list):
        start, end, label = _from_triple(item, offsets, place)
        return Span(*place_span(text, start, end, offsets, None, place), label)
    check_type(item, dict, place, "each of 'entities'")
    if "start" not in item or "end" not in item:
        keys = ", ".join(map(repr, item)) or "no keys"
        raise place.error(
            f"an entity has no 'start_idx' nor 'start'; it has {keys}",
            "give 'spans' with 'start', 'end' (half-open) and 'label', or "
            "CMeEE's 'start_idx', 'end_idx' (the last character) and 'type'; "
            "or pass --on_bad_data=skip",
        )
    key = next((one for one in _LABELS if one in item), "label")
    label = get_label(item, key, place, "an entity")
    mentions = [item[one] for one in _MENTIONS if one in item and one != key]
    mention = mentions[0] if mentions else None
    start = get(item, "start", int, place, "an entity")
    end = get(item, "end", int, place, "an entity")
    if mention is None:
        keys = ", ".join(map(repr, item))
        _check_certain(f"'entities' with {keys}", offsets, place)
    found = place_span(text, start, end, offsets, mention, place)
    return Span(*found, label)


def _from_triple(
    item: list[Any], offsets: Offsets, place: Place
) -> tuple[int, int, str]:
    numbers = [one for one in item if type(one) is int]
    labels = [one for one in item if type(one) is str]
    if len(item) != 3 or len(numbers) != 2 or len(labels) != 1:
        check_type(item, dict, place, "each of 'entities'")
    _check_certain("'entities' as [start, end, label]", offsets, place)
    label = get_label({"label": labels[0]}, "label", place, "an entity")
    return numbers[0], numbers[1], label


def _check_certain(what: str, offsets: Offsets, place: Place) -> None:
    if offsets is not Offsets.AUTO:
        return
    choices = " or ".join(
        f"--offsets={one} ({UNITS[one].name})"
        for one in (Offsets.CHARACTERS, Offsets.INCLUSIVE)
    )
    raise place.error(
        f"{what} but without their text may be half-open or inclusive",
        f"pass {choices}; or give 'spans', which are half-open",
    )

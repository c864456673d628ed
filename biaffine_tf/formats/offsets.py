"""Offsets that are not half-open characters, and which unit fits mentions."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from biaffine_tf.errors import DataError
from biaffine_tf.formats.json_values import check_type
from biaffine_tf.formats.lines import Place, shorten
from biaffine_tf.formats.options import Offsets

_UTF16 = "utf-16-le"
_UTF8 = "utf-8"


class Unit(NamedTuple):
    """Meaning of the two numbers of a span.

    Attributes:
        name: Name in messages.
        encoding: Encoding whose units are counted; None for characters.
        first: Number of the first unit, 0 or 1.
        inclusive: Whether the end is the last unit, not one past it.
    """

    name: str
    encoding: str | None = None
    first: int = 0
    inclusive: bool = False


UNITS = {
    Offsets.CHARACTERS: Unit("characters, half-open"),
    Offsets.INCLUSIVE: Unit("characters with inclusive ends", inclusive=True),
    Offsets.ONE_BASED: Unit(
        "characters counted from 1 with inclusive ends",
        first=1,
        inclusive=True,
    ),
    Offsets.UTF16: Unit("UTF-16 units, half-open", _UTF16),
    Offsets.BYTES: Unit("bytes of UTF-8, half-open", _UTF8),
    # Last: others that fit, too, are more common.
    Offsets.ONE_BASED_HALF_OPEN: Unit(
        "characters counted from 1, half-open", first=1
    ),
    Offsets.UTF16_INCLUSIVE: Unit(
        "UTF-16 units with inclusive ends", _UTF16, inclusive=True
    ),
}


class OffsetError(ValueError):
    """A span that is not in its text, or that divides a character."""


def to_characters(
    text: str, start: int, end: int, offsets: Offsets
) -> tuple[int, int]:
    """Converts the two numbers of a span to half-open characters.

    Args:
        text: The text.
        start: First number.
        end: Second number.
        offsets: What they mean; `AUTO` means half-open characters.

    Returns:
        Start and end. They may lie outside the text if they did.

    Raises:
        OffsetError: If a character is divided, or units are counted and the
            span is not in the text.
    """
    if offsets is Offsets.AUTO:
        return start, end
    unit = UNITS[offsets]
    start, end = start - unit.first, end - unit.first + unit.inclusive
    if unit.encoding is None or text.isascii():
        return start, end
    if unit.encoding == _UTF16 and not beyond_bmp(text):
        return start, end
    positions = _positions(text, unit.encoding)
    if start not in positions or end not in positions:
        total = len(positions) and max(positions)
        where = "divides a character"
        if start < 0 or max(start, end) > total:
            where = f"is outside its text of {total} units"
        raise OffsetError(f"[{start}, {end}), in {unit.name}, {where}")
    return positions[start], positions[end]


def place_span(
    text: str,
    start: int,
    end: int,
    offsets: Offsets,
    mention: Any,
    place: Place,
) -> tuple[int, int]:
    """Returns the half-open characters of a span, checked.

    Args:
        text: The text.
        start: First number of the span, as the file has it.
        end: Second number.
        offsets: What they mean; `AUTO` means half-open characters.
        mention: Text that the file gives for the span; None if it gives none.
        place: Place of the object, for messages.

    Raises:
        DataError: If the span does not hold the mention or is not in the text;
            names the unit that fits.
    """
    if offsets is Offsets.AUTO:
        found = start, end
    elif offsets is Offsets.INCLUSIVE:
        found = start, end + 1
    elif mention is None:
        found = _locate(text, start, end, offsets, place)
    else:
        found = place_mention(text, start, end, offsets)
    first, last = found
    if mention is not None:
        check_type(mention, str, place, "the mention of a span")
        if first < 0 or last <= first or text[first:last] != mention:
            raise mention_error(
                text, found, mention, place, (start, end), offsets
            )
    elif not 0 <= first < last <= len(text):
        raise place.error(
            f"the span [{first}, {last}) is outside its text of {len(text)} "
            "characters, or empty",
            _remedy(text, start, end, offsets, None),
        )
    return found


def _locate(
    text: str, start: int, end: int, offsets: Offsets, place: Place
) -> tuple[int, int]:
    try:
        return to_characters(text, start, end, offsets)
    except OffsetError as error:
        raise place.error(
            f"the span {error}", _remedy(text, start, end, offsets, None)
        ) from None


def place_mention(
    text: str, start: int, end: int, offsets: Offsets
) -> tuple[int, int]:
    """Converts like `to_characters`; (-1, -1) instead of an error."""
    try:
        return to_characters(text, start, end, offsets)
    except OffsetError:
        return -1, -1


def mention_error(
    text: str,
    found: tuple[int, int],
    mention: str,
    place: Place,
    given: tuple[int, int],
    offsets: Offsets,
) -> DataError:
    """Makes the error for a span that does not hold its mention.

    Args:
        text: The text.
        found: The span in half-open characters.
        mention: Text that the file gives for it.
        place: Place of the object.
        given: The two numbers as the file has them.
        offsets: How they were read.

    Returns:
        The error; it names the unit that fits.
    """
    start, end = found
    if start < 0 or end > len(text) or start >= end:
        received = f"outside its text of {len(text)} characters"
        if 0 <= start <= len(text) and start >= end:
            received = "empty or reversed"
    else:
        received = f"{shorten(text[start:end])} in the text"
    return place.error(
        f"the mention {shorten(mention)} is at [{start}, {end}) (half-open), "
        f"which is {received}",
        _remedy(text, *given, offsets, mention),
    )


def fitting(
    text: str, start: int, end: int, accept: Callable[[str], bool]
) -> Iterator[Offsets]:
    """Yields the units in which a span holds an acceptable text.

    Args:
        text: The text.
        start: First number of the span.
        end: Second number.
        accept: Function of the characters of the span.
    """
    seen = set()
    for offsets in UNITS:
        try:
            first, last = to_characters(text, start, end, offsets)
        except OffsetError:
            continue
        if not 0 <= first < last <= len(text) or (first, last) in seen:
            continue
        seen.add((first, last))
        if accept(text[first:last]):
            yield offsets


def beyond_bmp(text: str) -> bool:
    """Returns whether a text has characters beyond U+FFFF."""
    if text.isascii():
        return False
    return len(text.encode(_UTF16, "surrogatepass")) > 2 * len(text)


def _remedy(
    text: str, start: int, end: int, offsets: Offsets, mention: str | None
) -> str:
    """Returns the remedy that names the units that fit."""
    others = [
        one
        for one in fitting(
            text,
            start,
            end,
            lambda surface: mention is None or surface == mention,
        )
        if one is not offsets
    ]
    if mention is None:
        # Without the mention, only units other than characters explain it.
        others = [one for one in others if UNITS[one].encoding]
    skip = "correct them or pass --on_bad_data=skip"
    if not others:
        return f"offsets are read as {_name(offsets)}; {skip}"
    best = others[0]
    fit = "fit" if mention is not None else "would lie in the text"
    also = "".join(
        f", or --offsets={one} ({UNITS[one].name})"
        for one in _equal(text, start, end, best)
        if one is not offsets
    )
    return (
        f"they {fit} as {UNITS[best].name}: pass --offsets={best}{also}; or "
        f"{skip}"
    )


def _equal(
    text: str, start: int, end: int, offsets: Offsets
) -> Iterator[Offsets]:
    """Yields the other units in which a span holds the same characters."""
    found = place_mention(text, start, end, offsets)
    for one in UNITS:
        if one is not offsets and place_mention(text, start, end, one) == found:
            yield one


def _name(offsets: Offsets) -> str:
    if offsets is Offsets.AUTO:
        return "characters, from 0"
    return UNITS[offsets].name


@functools.lru_cache(maxsize=4)
def _positions(text: str, encoding: str) -> dict[int, int]:
    """Returns the character index of each unit that begins a character."""
    width = 2 if encoding == _UTF16 else 1
    positions = {0: 0}
    at = 0
    for index, character in enumerate(text, start=1):
        at += len(character.encode(encoding, "surrogatepass")) // width
        positions[at] = index
    return positions

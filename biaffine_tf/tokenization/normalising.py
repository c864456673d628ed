"""Character maps that tokens are looked up through; offsets stay."""

from __future__ import annotations

import functools
import sys
import unicodedata
from collections.abc import Mapping

from biaffine_tf.errors import ConfigError

_FULL_WIDTH = range(0xFF01, 0xFF5F)  # full-width forms of U+0021 to U+007E
_WIDE_SPACE = 0x3000


def _width() -> dict[int, str]:
    narrow = {c: chr(c - 0xFF01 + 0x21) for c in _FULL_WIDTH}
    return narrow | {_WIDE_SPACE: " "}


def _digits() -> dict[int, str]:
    return {
        c: "0"
        for c in range(sys.maxunicode + 1)
        if unicodedata.category(chr(c)) == "Nd"
    }


def _latin() -> dict[int, str]:
    shown = {c: chr(c) for c in range(0x80)} | _width()
    return {c: "a" for c, form in shown.items() if form.isalpha()}


# In the order of application: a full-width digit is a digit.
_MAPS = {"width": _width, "digits": _digits, "latin": _latin}
KINDS = tuple(sorted(_MAPS))


def parse_normalise(text: str) -> str:
    """Sorts the kinds of a normalisation.

    Args:
        text: Some of "digits", "latin" and "width", with commas; or nothing.

    Raises:
        ConfigError: If there is another one.
    """
    kinds = {part.strip() for part in text.split(",")} - {""}
    for kind in sorted(kinds - {*KINDS}):
        raise ConfigError(
            f"--normalise={text}: there is no {kind!r}",
            remedy=f"give some of {','.join(KINDS)}",
        )
    return ",".join(sorted(kinds))


@functools.cache
def character_map(normalise: str) -> Mapping[int, str]:
    """Returns one character for each code point that is changed.

    Args:
        normalise: Result of `parse_normalise`. `digits` are all decimal digits,
            looked up as 0; `latin` the letters A to Z in both cases and widths,
            looked up as a; `width` looks full-width forms up as half-width
            ones.
    """
    chosen = normalise.split(",") if normalise else []
    merged: dict[int, str] = {}
    for kind, make in _MAPS.items():
        if kind in chosen:
            merged |= make()
    return merged

"""Folds Chinese text into lines of a terminal.

Rich breaks lines at spaces, which Chinese hardly has. Here a line may break
between any two characters, except inside a word of Latin letters, a short
entity, a label or an emoji, and before punctuation that must not begin a line.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len
from rich.text import Text

_WORD = re.compile(r"[A-Za-z0-9_.,@%-]+")
# `[[大学|school]` as a whole, or its end if the entity is long or contains
# others: `图书馆|facility]`.
_ENTITY = re.compile(r"\[*[^\[\]|]{0,16}\|[^\[\]|]{1,80}\]+")
_NEVER_FIRST = frozenset("。，、；：？！）》”’】」』…％)],.;:?!%")
_NEVER_LAST = frozenset("（《“‘【「『([￥")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_JOINER = "\u200d"


def fold(text: Text, width: int) -> list[Text]:
    """Folds a text into lines.

    Args:
        text: One line of text.
        width: Maximum width in cells; a full-width character takes two.

    Returns:
        The lines, with every character of `text`. A line is wider than `width`
        only if it cannot be broken.
    """
    breaks, line_width = [], 0
    position = 0
    for unit in _units(text.plain):
        unit_width = cell_len(unit.rstrip())
        if line_width and line_width + unit_width > width:
            breaks.append(position)
            line_width = 0
        line_width += cell_len(unit)
        position += len(unit)
    return list(text.divide(breaks))


def _units(plain: str) -> list[str]:
    """Splits the text into units that must not be broken."""
    units: list[str] = []
    position = 0
    while position < len(plain):
        match = _ENTITY.match(plain, position) or _WORD.match(plain, position)
        atom = match[0] if match else plain[position]
        if units and _belongs(units[-1], atom, is_label=atom[0] == "|"):
            units[-1] += atom
        else:
            units.append(atom)
        position += len(atom)
    return units


def _belongs(before: str, atom: str, *, is_label: bool) -> bool:
    """Whether a line must not break between two neighbours."""
    first, last = atom[0], before[-1]
    return (
        is_label
        or first in _NEVER_FIRST
        or first.isspace()
        or last in _NEVER_LAST
        or last == _JOINER
        or first == _JOINER
        or ord(first) in _SKIN_TONES
        or unicodedata.category(first).startswith("M")
    )

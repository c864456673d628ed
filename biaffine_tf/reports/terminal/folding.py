"""Breaking Chinese text into lines of a terminal.

Rich breaks at spaces, which Chinese has hardly any of: a single space would
leave half a line empty. Here a line may break between any two characters,
except within a word of Latin letters, within a short entity, within a label,
within an emoji, and before punctuation that must not begin a line.
"""

from __future__ import annotations

import re
import unicodedata

from rich.cells import cell_len
from rich.text import Text

_WORD = re.compile(r"[A-Za-z0-9_.,@%-]+")
# `[[大学|school]` in one piece; what is left of it if the entity is long, or
# holds others: `图书馆|facility]`.
_ENTITY = re.compile(r"\[*[^\[\]|]{0,16}\|[^\[\]|]{1,80}\]+")
_NEVER_FIRST = frozenset("。，、；：？！）》”’】」』…％)],.;:?!%")
_NEVER_LAST = frozenset("（《“‘【「『([￥")
_SKIN_TONES = range(0x1F3FB, 0x1F400)
_JOINER = "\u200d"


def fold(text: Text, width: int) -> list[Text]:
    """Breaks a text into lines.

    Args:
        text: One line of text.
        width: Cells of a line; a full-width character takes two.

    Returns:
        The lines, in all holding every character of `text`. A line is wider
        than `width` only if it cannot be broken.
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
    """Pieces that are not broken; joined they are the text."""
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
    """Whether no line may break between two neighbours."""
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

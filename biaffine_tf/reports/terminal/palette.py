"""Assigns a distinct colour to each label, the same in every run."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

from rich.style import Style

# Background and text colours of equal hue, in even steps of OKLCH: legible on
# each other, and the background on black and white terminals.
_COLOURS = (
    ("#ffc4c3", "#722329"),
    ("#f6a884", "#6f2a00"),
    ("#f7d0a1", "#653500"),
    ("#d0be6c", "#534100"),
    ("#cee0a9", "#384b00"),
    ("#8dd198", "#00511d"),
    ("#a3e8d4", "#00543e"),
    ("#5dd2d8", "#005259"),
    ("#a2e3fd", "#004c6e"),
    ("#8bc2ff", "#02437a"),
    ("#cad4ff", "#35397b"),
    ("#cbadf6", "#4f3072"),
    ("#f4c6f0", "#60295f"),
    ("#f4a1c2", "#6c2446"),
)
_TEXT = "#101014"


class Palette:
    """Styles of labels.

    A label's colour depends on its name; if two labels have the same one, the
    later in alphabetical order takes the next free one.
    """

    def __init__(self, labels: Iterable[str]) -> None:
        """Creates the palette.

        Args:
            labels: All labels that will be shown, in any order.
        """
        self._slots: dict[str, int] = {}
        taken: set[int] = set()
        for label in sorted(set(labels)):
            slot = zlib.crc32(label.encode("utf-8", "replace"))
            slot %= len(_COLOURS)
            if len(taken) < len(_COLOURS):
                while slot in taken:
                    slot = (slot + 1) % len(_COLOURS)
            taken.add(slot)
            self._slots[label] = slot

    def text(self, label: str) -> Style:
        """Style of the characters of an entity."""
        return Style(color=_TEXT, bgcolor=self._fill(label))

    def tag(self, label: str) -> Style:
        """Style of an entity's brackets and label."""
        ink = _COLOURS[self._slots[label]][1]
        return Style(color=ink, bgcolor=self._fill(label))

    def _fill(self, label: str) -> str:
        return _COLOURS[self._slots[label]][0]

"""Texts in formats whose units are lines."""

from __future__ import annotations

from biaffine_tf.formats.problems import Problems

_BREAKS = str.maketrans("\r\n\0", "   ")
CHANGED = "line break or NUL in a text written as a space"


def one_line(text: str, problems: Problems, place: str) -> str:
    """Replaces characters that end a line by spaces, and counts them.

    Offsets stay as they are.
    """
    changed = text.translate(_BREAKS)
    if changed != text:
        amount = sum(a != b for a, b in zip(text, changed, strict=True))
        problems.count(CHANGED, place, amount)
    return changed

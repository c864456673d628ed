"""Whose a README.md is: written by us and untouched, or somebody's."""

from __future__ import annotations

import hashlib
import os
import re

_MARK = "\n<!-- Written by biaffine_tf. SHA-256 of all above: {digest} -->\n"
_LAST_LINE = re.compile(
    re.escape(_MARK).replace(re.escape("{digest}"), "([0-9a-f]{64})") + r"\Z"
)


def mark(text: str) -> str:
    """A text and a last line that tells whether it was changed since.

    Args:
        text: Markdown; it ends with a line feed.
    """
    return text + _MARK.format(digest=_digest(text))


def may_replace(path: str | os.PathLike[str]) -> bool:
    """Whether nobody's work would be lost if the file were replaced.

    Args:
        path: Of a file that need not exist.

    Returns:
        True if there is none, or one that was marked and is unchanged.
    """
    if not os.path.lexists(path):
        return True
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    found = _LAST_LINE.search(text)
    return found is not None and found[1] == _digest(text[: found.start()])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

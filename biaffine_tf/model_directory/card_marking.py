"""Marks generated README.md files, to detect edited ones."""

from __future__ import annotations

import hashlib
import os
import re

_MARK = "\n<!-- Written by biaffine_tf. SHA-256 of all above: {digest} -->\n"
_LAST_LINE = re.compile(
    re.escape(_MARK).replace(re.escape("{digest}"), "([0-9a-f]{64})") + r"\Z"
)


def mark(text: str) -> str:
    """Appends a line with the text's digest.

    Args:
        text: Markdown that ends with a line feed.
    """
    return text + _MARK.format(digest=_digest(text))


def may_replace(path: str | os.PathLike[str]) -> bool:
    """Whether the file can be replaced without loss of anybody's work.

    Args:
        path: Path of a file, which may be missing.

    Returns:
        True if it is missing, or marked and unchanged.
    """
    if not os.path.lexists(path):
        return True
    try:
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError):
        return False
    match = _LAST_LINE.search(text)
    return match is not None and match[1] == _digest(text[: match.start()])


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()

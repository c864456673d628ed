"""Files of unreadable lines with reasons, beside the predictions."""

from __future__ import annotations

import contextlib
import json
import os
from typing import IO, Any

from biaffine_tf.files import atomic_write


class SideFile:
    """Bad lines of a shard; the file is created with the first one.

    Args:
        path: Path of the file.
        stack: The file appears when it ends, unless by an exception.

    Attributes:
        lines: Number of lines.
    """

    def __init__(self, path: str, stack: contextlib.ExitStack) -> None:
        self.lines = 0
        self._path = path
        self._stack = stack
        self._file: IO[str] | None = None

    def write(
        self, *, file: str, line: int | None, reason: str, data: bytes | None
    ) -> None:
        """Adds a line.

        Args:
            file: Path of the input.
            line: Line number from 1; None for the whole file.
            reason: Why the line is bad.
            data: Content of the line; None if it is not available.
        """
        if self._file is None:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            self._file = self._stack.enter_context(atomic_write(self._path))
        record: dict[str, Any] = {
            "file": printable(file),
            "line": line,
            "reason": reason,
            "raw": None,
        }
        if data is not None:
            record["raw"] = data.decode("utf-8", "backslashreplace")
            if record["raw"].encode("utf-8") != data:
                record["raw_hex"] = data.hex()
        self._file.write(json.dumps(record, ensure_ascii=False) + "\n")
        self.lines += 1


def printable(path: str) -> str:
    """Converts a path to UTF-8, even if its name is not."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")

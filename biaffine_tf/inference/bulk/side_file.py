"""What could not be read, with its reason, beside the predictions."""

from __future__ import annotations

import contextlib
import json
import os
from typing import IO, Any

from biaffine_tf.files import atomic_write


class SideFile:
    """Bad lines of a shard; no file as long as there is none.

    Args:
        path: The file.
        stack: At its end the file appears, or not if that is an exception's.

    Attributes:
        lines: Number of them.
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
            file: Where it was read.
            line: On which line, from 1; None for the whole file.
            reason: Why it is bad.
            data: What the file has there; None if it cannot be had.
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
    """A path in UTF-8, even where its name is not."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")

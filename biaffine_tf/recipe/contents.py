"""Digests of files and folders, in time only for what has changed."""

from __future__ import annotations

import fnmatch
import hashlib
import os
from collections.abc import Iterator

from biaffine_tf.files import fingerprint

# Names of files and folders that differ between equal runs, or do not matter.
VOLATILE = (
    *(".*", "*.log", "*.tmp", "README.md", "report.html"),
    *("logs", "records", "checkpoints", "opinions", "__pycache__"),
    *("scores.json", "history.json", "pretraining.json", "summary.json"),
    *("digests.json", "teachers-*"),
)
# Size, time of the last change in nanoseconds, and digest, by path.
Cache = dict[str, tuple[int, int, str]]


class Contents:
    """Digests of paths, remembered by size and time of the last change.

    Args:
        cache: Digests of earlier calls; new ones are added.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self.cache: Cache = {} if cache is None else cache

    def digest(self, path: str) -> str | None:
        """Returns the digest of a file or folder; None if there is none.

        Args:
            path: The path; of a folder, all files count that are not volatile,
                with their names.
        """
        if os.path.isfile(path):
            return self._of_file(path)
        if not os.path.isdir(path):
            return None
        lines = [
            f"{os.path.relpath(one, path)} {self._of_file(one)}"
            for one in _files(path)
        ]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def _of_file(self, path: str) -> str:
        path = os.path.abspath(path)
        state = os.stat(path)
        known = self.cache.get(path)
        if known is None or known[:2] != (state.st_size, state.st_mtime_ns):
            known = state.st_size, state.st_mtime_ns, fingerprint(path)
            self.cache[path] = known
        return known[2]


def _files(folder: str) -> Iterator[str]:
    """Yields the files of a folder that are not volatile, in order."""
    for path, folders, names in os.walk(folder):
        folders[:] = sorted(one for one in folders if not _is_volatile(one))
        for name in sorted(names):
            if not _is_volatile(name):
                yield os.path.join(path, name)


def _is_volatile(name: str) -> bool:
    return any(fnmatch.fnmatchcase(name, pattern) for pattern in VOLATILE)

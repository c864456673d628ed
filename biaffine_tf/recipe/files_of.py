"""Files that the arguments of a command name."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence

_FLAGFILE = "--flagfile="
_DATA_DIR = "--data_dir="


def named_files(arguments: Sequence[str]) -> list[str]:
    """Lists the files and folders that arguments name, as far as they exist.

    Paths and globs, separated by commas, are taken from the values of flags and
    from other arguments, and from files of flags. Relative ones may lie in
    --data_dir.

    Args:
        arguments: Arguments of a command.

    Returns:
        Sorted paths.
    """
    words = list(_with_flagfiles(arguments))
    folders = ["."] + [
        word.removeprefix(_DATA_DIR)
        for word in words
        if word.startswith(_DATA_DIR)
    ]
    found: set[str] = set()
    for word in words:
        if word.startswith(_DATA_DIR):
            continue  # its other files do not matter
        value = word.split("=", 1)[-1] if word.startswith("-") else word
        for one in filter(None, value.split(",")):
            for folder in folders:
                path = os.path.join(folder, os.path.expanduser(one))
                found.update(map(os.path.normpath, _existing(path)))
    return sorted(found)


def _existing(path: str) -> list[str]:
    if os.path.exists(path):
        return [path]
    return glob.glob(path, recursive=True) if glob.has_magic(path) else []


def _with_flagfiles(arguments: Sequence[str]) -> Iterator[str]:
    """Yields arguments, followed by those in the files of flags they name."""
    pending, seen = list(arguments), set()
    while pending:
        word = pending.pop(0)
        yield word
        path = word.removeprefix(_FLAGFILE)
        if path == word or path in seen or not os.path.isfile(path):
            continue
        seen.add(path)
        with open(path, encoding="utf-8") as file:
            lines = [line.strip() for line in file]
        pending += [one for one in lines if one.startswith("-")]

"""Which files paths and globs name."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from biaffine_tf.errors import DataError


def is_glob(path: str) -> bool:
    """Whether a path is one for its pattern; a file of this name is not."""
    return glob.has_magic(path) and not os.path.lexists(path)


def split_patterns(
    given: Sequence[str], *, folder: str | None = None
) -> list[str]:
    """The paths and globs in the values of a flag, which commas divide.

    Args:
        given: The values. One that names a file is a path, commas and all.
        folder: Folder that relative ones are taken from.

    Returns:
        For `find_files`.
    """
    patterns: list[str] = []
    for value in given:
        whole = _within(folder, value)
        if os.path.lexists(whole):
            patterns.append(whole)
        else:
            parts = filter(None, value.split(","))
            patterns += [_within(folder, part) for part in parts]
    return patterns


def _within(folder: str | None, pattern: str) -> str:
    pattern = os.path.expanduser(pattern)
    if not folder or os.path.isabs(pattern):
        return pattern
    path = os.path.join(folder, pattern)
    if is_glob(path):  # only what was given as a pattern is one
        return os.path.join(glob.escape(folder), pattern)
    return path


def find_files(
    patterns: Sequence[str],
    *,
    flag: str = "--input",
    output_dir: str | None = None,
) -> list[str]:
    """The files that paths and globs name, each once.

    Args:
        patterns: In the order wanted; what a glob matches is sorted. Folders
            that it matches are none of its files.
        flag: What gave the patterns, for messages.
        output_dir: Nothing in this folder is an input.

    Raises:
        DataError: If one names no file, a folder, or what is in `output_dir`.
    """
    files: dict[str, str] = {}  # by where they really are
    for pattern in map(os.path.expanduser, patterns):
        for path in _matches(pattern, flag, output_dir):
            files.setdefault(os.path.realpath(path), path)
    if not files:
        raise DataError("no file is named", remedy=f"check {flag}")
    return list(files.values())


def _matches(pattern: str, flag: str, output_dir: str | None) -> list[str]:
    if not is_glob(pattern):
        _check_file(pattern, flag, output_dir)
        return [pattern]
    matches = sorted(glob.glob(pattern, recursive=True))
    files = [path for path in matches if not os.path.isdir(path)]
    found = [path for path in files if not _is_within(path, output_dir)]
    if not found:
        problem = "there is no such file, and as a pattern it matches none"
        if files:
            problem = f"all that it matches is in --output_dir={output_dir}"
        raise DataError(problem, file=pattern, remedy=f"check {flag}")
    return found


def _check_file(path: str, flag: str, output_dir: str | None) -> None:
    if not os.path.lexists(path):
        problem, remedy = "there is no such file", f"check {flag}"
    elif os.path.isdir(path):
        problem = "this is a folder"
        remedy = f"name the files in it: {flag}='{path}/*'"
    elif _is_within(path, output_dir):
        problem = f"this is in --output_dir={output_dir}"
        remedy = "give another folder to write to"
    else:
        return
    raise DataError(problem, file=path, remedy=remedy)


def _is_within(path: str, folder: str | None) -> bool:
    if folder is None:
        return False
    folder = os.path.realpath(folder)
    return os.path.commonpath([folder, os.path.realpath(path)]) == folder

"""Resolves paths and globs to files."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence

from biaffine_tf.errors import DataError
from biaffine_tf.formats.registry import files_in


def is_glob(path: str) -> bool:
    """Returns whether a path is a glob; a file of that name is not."""
    return glob.has_magic(path) and not os.path.lexists(path)


def split_patterns(
    given: Sequence[str], *, folder: str | None = None
) -> list[str]:
    """Splits the values of a flag into paths and globs at commas.

    Args:
        given: Values of the flag. A value that names a file is not split.
        folder: Folder of relative paths.

    Returns:
        Paths and globs, for `find_files`.
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
    if is_glob(path):  # the folder is no part of the pattern
        return os.path.join(glob.escape(folder), pattern)
    return path


def find_files(
    patterns: Sequence[str],
    *,
    flag: str = "--input",
    output_dir: str | None = None,
) -> list[str]:
    """Finds the files that paths and globs name, without duplicates.

    Args:
        patterns: Paths and globs, in the order of the result; matches of a glob
            are sorted, and folders among them ignored.
        flag: Flag that gave the patterns, for messages.
        output_dir: Folder whose files are not inputs.

    Raises:
        DataError: If a pattern names no file, a folder, or a file in
            `output_dir`.
    """
    files: dict[str, str] = {}  # by real path
    for pattern in map(os.path.expanduser, patterns):
        for path in _matches(pattern, flag, output_dir):
            files.setdefault(os.path.realpath(path), path)
    if not files:
        raise DataError("no file is named", remedy=f"check {flag}")
    return list(files.values())


def _matches(pattern: str, flag: str, output_dir: str | None) -> list[str]:
    if os.path.isdir(pattern) and (found := files_in(pattern)):
        return [one for one in found[1] if not _is_within(one, output_dir)]
    if not is_glob(pattern):
        _check_file(pattern, flag, output_dir)
        return [pattern]
    matches = sorted(glob.glob(pattern, recursive=True))
    files = [path for path in matches if not os.path.isdir(path)]
    inputs = [path for path in files if not _is_within(path, output_dir)]
    if not inputs:
        problem = "there is no such file, and as a pattern it matches none"
        if files:
            problem = f"all that it matches is in --output_dir={output_dir}"
        raise DataError(problem, file=pattern, remedy=f"check {flag}")
    return inputs


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

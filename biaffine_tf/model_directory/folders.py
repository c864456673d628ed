"""Checks that a path is a folder."""

from __future__ import annotations

import os
import tarfile
import zipfile

from biaffine_tf.errors import ConfigError


def check_is_folder(path: str | os.PathLike[str]) -> None:
    """Checks that a path is a folder.

    Args:
        path: Path of a model or an export.

    Raises:
        ConfigError: If it is missing or a file.
    """
    name = os.fspath(path) or "''"
    if os.path.isdir(path):
        return
    if not os.path.exists(path):
        raise ConfigError(
            f"{name}: no such directory",
            remedy="give the directory of a model or of an export",
        )
    kind = _archive(path)
    if kind is not None:
        raise ConfigError(
            f"{name}: {kind}, not a directory",
            remedy="unpack it and give the folder with the model's files",
        )
    raise ConfigError(
        f"{name}: a file, not a directory",
        remedy="give the directory of a model or of an export",
    )


def _archive(path: str | os.PathLike[str]) -> str | None:
    try:
        if zipfile.is_zipfile(path):
            return "a ZIP file"
        return "a tar archive" if tarfile.is_tarfile(path) else None
    except OSError:
        return None

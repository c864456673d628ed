"""Files that are either old or new, never half written."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from biaffine_tf.errors import ConfigError, DataError


@contextlib.contextmanager
def atomic_write(
    path: str | os.PathLike[str], mode: str = "w"
) -> Iterator[IO[Any]]:
    """Opens a file that appears under its name only when complete.

    Writes beside the target, flushes to disk and renames; on an exception the
    old file stays as it was.

    Args:
        path: The target.
        mode: "w" for UTF-8 text with LF line ends, "wb" for bytes.

    Yields:
        The open file.
    """
    path = os.fspath(path)
    directory = os.path.dirname(path) or "."
    text: dict[str, Any] = (
        {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    )
    descriptor, temporary = tempfile.mkstemp(
        prefix=f".{os.path.basename(path)}.", suffix=".tmp", dir=directory
    )
    try:
        with os.fdopen(descriptor, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def write_json(path: str | os.PathLike[str], values: object) -> None:
    """Writes indented JSON atomically, keeping non-ASCII text readable."""
    with atomic_write(path) as file:
        json.dump(values, file, ensure_ascii=False, indent=2)
        file.write("\n")


def fingerprint(path: str | os.PathLike[str]) -> str:
    """Hexadecimal SHA-256 of a file's bytes, in constant memory.

    Raises:
        DataError: If the file cannot be read, or only once.
    """
    try:
        with open(path, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise DataError(
                    "is a pipe or a device, and would be read more than once",
                    file=path,
                    remedy="write its content to a file and give that",
                )
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise DataError(
            f"cannot be read ({error.strerror})",
            file=path,
            remedy="give the path of a file that exists",
        ) from error


def check_writable(folder: str | os.PathLike[str]) -> None:
    """Finds out, writing nothing, whether a folder can be made and filled.

    Args:
        folder: It need not exist yet.

    Raises:
        ConfigError: If it cannot.
    """
    nearest = os.path.abspath(folder)
    while not os.path.lexists(nearest):
        nearest = os.path.dirname(nearest)
    if not os.path.isdir(nearest):
        problem = f"{nearest} is not a folder"
    elif not os.access(nearest, os.W_OK | os.X_OK):
        problem = f"no permission to write to {nearest}"
    else:
        return
    raise ConfigError(
        f"{os.fspath(folder)}: cannot be written to ({problem})",
        remedy="give another path",
    )


def remove(path: str | os.PathLike[str]) -> None:
    """Removes a file, or a folder with all in it, if there is one."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask

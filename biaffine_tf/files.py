"""Atomic writing of files and folders, and clean-up after killed processes.

A file that is being written has a temporary name and is locked. The lock ends
with the process: unlocked temporary files were left by killed processes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import stat
import tempfile
from collections.abc import Iterator
from typing import IO, Any

from biaffine_tf.errors import ConfigError, DataError

SCRATCH = "biaffine_tf"  # name of our folders under the system's temporary one


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
    directory, name = os.path.split(path)
    text: dict[str, Any] = (
        {} if "b" in mode else {"encoding": "utf-8", "newline": "\n"}
    )
    remove_unfinished(directory or ".", name)
    descriptor, temporary = _make_temporary(directory or ".", name)
    try:
        with os.fdopen(descriptor, mode, **text) as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
            os.chmod(temporary, 0o666 & ~umask())
            # Before unlocking it: unlocked, it would count as left behind.
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def temporary_folder(
    directory: str | os.PathLike[str], name: str
) -> Iterator[str]:
    """Makes a temporary folder that is removed when the block ends.

    Folders that killed processes left are removed first.

    Args:
        directory: Parent folder.
        name: Name of the folder that it will become, or its purpose.

    Yields:
        Path of the folder. Renaming it publishes it.
    """
    directory = os.fspath(directory)
    remove_unfinished(directory, name)
    while True:
        prefix, suffix = _affixes(name)
        folder = tempfile.mkdtemp(prefix=prefix, suffix=suffix, dir=directory)
        descriptor = os.open(folder, os.O_RDONLY)
        if _lock(folder, descriptor):
            break
        os.close(descriptor)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(descriptor)


def remove_unfinished(
    directory: str | os.PathLike[str], name: str | None = None
) -> None:
    """Removes temporary files and folders that killed processes left.

    Keeps those locked by living processes, and all of them where the file
    system has no locks.

    Args:
        directory: Folder to clean; need not exist.
        name: Name of the file or folder that was being written; None for any
            name, in folders that hold only our files.
    """
    stem = r".+" if name is None else re.escape(name)
    ours = re.compile(rf"\.{stem}\.[a-z0-9_]{{8}}\.tmp", re.DOTALL)
    try:
        with os.scandir(directory) as entries:
            paths = [e.path for e in entries if ours.fullmatch(e.name)]
    except OSError:
        return
    for path in paths:
        with contextlib.suppress(OSError):
            _remove_if_left(path)


def _remove_if_left(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        remove(path)
    finally:
        os.close(descriptor)


def _make_temporary(directory: str, name: str) -> tuple[int, str]:
    """Creates a locked temporary file; returns its descriptor and path."""
    prefix, suffix = _affixes(name)
    while True:
        descriptor, path = tempfile.mkstemp(suffix, prefix, directory)
        if _lock(path, descriptor):
            return descriptor, path
        os.close(descriptor)


def _affixes(name: str) -> tuple[str, str]:
    return f".{name}.", ".tmp"


def _lock(path: str, descriptor: int) -> bool:
    """Locks a new temporary; False if another process has removed it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks on this file system: nobody removes it
        pass
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def write_json(path: str | os.PathLike[str], values: object) -> None:
    """Writes indented JSON atomically, keeping non-ASCII text readable."""
    text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    with atomic_write(path, "wb") as file:
        # File names that are not UTF-8 are escaped.
        file.write(text.encode("utf-8", "backslashreplace"))


def fingerprint(path: str | os.PathLike[str]) -> str:
    """Returns the hexadecimal SHA-256 of a file, in constant memory.

    Raises:
        DataError: If the file cannot be read, or is a pipe or a device.
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
    """Checks, without writing, that a folder can be created and written to.

    Args:
        folder: The folder; need not exist yet.

    Raises:
        ConfigError: If it cannot be written to.
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
    """Removes a file or a folder with its content, if it exists."""
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.exists(path):
        os.unlink(path)


def umask() -> int:
    """Returns the file mode creation mask of this process."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

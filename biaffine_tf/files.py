"""Files that are either old or new, never half written.

A file that is being written has a temporary name and is locked. The lock dies
with the process: unlocked temporaries were left by processes that were killed.
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

SCRATCH = "biaffine_tf"  # name of folders among the machine's temporary ones


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
            # While it is locked: unlocked, it would count as left behind.
            os.replace(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def temporary_folder(
    directory: str | os.PathLike[str], name: str
) -> Iterator[str]:
    """Makes a folder that is removed at the end, if it is still there.

    Those of earlier processes that were killed are removed first.

    Args:
        directory: Where to make it.
        name: Name of what it is to become, or of its purpose.

    Yields:
        Its path. Renaming the folder publishes it.
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
    """Removes what killed processes were writing.

    Keeps the locked files of living processes, and everything where the file
    system knows no locks.

    Args:
        directory: A folder; it need not exist.
        name: Of the file or folder that was to be; None for all of them, in
            folders that hold nothing but ours.
    """
    stem = r".+" if name is None else re.escape(name)
    ours = re.compile(rf"\.{stem}\.[a-z0-9_]{{8}}\.tmp", re.DOTALL)
    try:
        with os.scandir(directory) as entries:
            found = [e.path for e in entries if ours.fullmatch(e.name)]
    except OSError:
        return
    for path in found:
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
    """A new file that is locked: its descriptor and path."""
    prefix, suffix = _affixes(name)
    while True:
        descriptor, path = tempfile.mkstemp(suffix, prefix, directory)
        if _lock(path, descriptor):
            return descriptor, path
        os.close(descriptor)


def _affixes(name: str) -> tuple[str, str]:
    return f".{name}.", ".tmp"


def _lock(path: str, descriptor: int) -> bool:
    """Locks what was just made; False if it was taken for left behind."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # no locks here: nobody removes it
        pass
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def write_json(path: str | os.PathLike[str], values: object) -> None:
    """Writes indented JSON atomically, keeping non-ASCII text readable."""
    text = json.dumps(values, ensure_ascii=False, indent=2) + "\n"
    with atomic_write(path, "wb") as file:
        # Names of files may not be UTF-8: in JSON this escapes them.
        file.write(text.encode("utf-8", "backslashreplace"))


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


def umask() -> int:
    """Permissions that new files of this process do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask

"""Locks that let one process at a time write to a folder."""

from __future__ import annotations

import contextlib
import datetime
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator

from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable, remove_unfinished

# Ignored wherever folders are listed: a killed process leaves it.
LOCK = ".lock"


@contextlib.contextmanager
def locked(folder: str | os.PathLike[str]) -> Iterator[None]:
    """Locks a folder against other processes until the block ends.

    The lock is one of the operating system on a file in the folder: it ends
    with the process, however that ends. Child processes that are not forked do
    not hold it. The lock file, and the folder if it is new and still empty, are
    removed at the end; what a killed process was writing in the folder is
    removed at the start.

    Args:
        folder: The folder; need not exist yet.

    Raises:
        ConfigError: If another process holds the lock, or the folder cannot be
            written to.
    """
    check_writable(folder)
    folder = os.fspath(folder)
    made = _missing(folder)
    path = os.path.join(folder, LOCK)
    descriptor = _acquire(path, folder)
    remove_unfinished(folder)
    try:
        yield
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        os.close(descriptor)
        with contextlib.suppress(OSError):  # not empty
            for one in made:
                os.rmdir(one)


def wait_until_free(
    folder: str | os.PathLike[str], *, seconds: float = 120
) -> None:
    """Waits until no other process holds the lock of a folder.

    A process that was told to end may hold it while it saves.

    Args:
        folder: The folder; need not exist.
        seconds: Seconds to wait at most; the next to lock it says who has it.
    """
    deadline = time.monotonic() + seconds
    is_said = False
    while _is_locked(os.path.join(folder, LOCK)):
        if time.monotonic() > deadline:
            return
        if not is_said:
            print(f"{os.fspath(folder)}: waiting for the process that holds it")
            is_said = True
        time.sleep(0.2)


def _is_locked(path: str) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # no locks on this file system
        return False
    finally:
        os.close(descriptor)
    return False


def _acquire(path: str, folder: str) -> int:
    """Opens and locks the lock file; returns its descriptor."""
    while True:
        os.makedirs(folder, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        except FileNotFoundError:  # another process has just removed the folder
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _holder(descriptor)
            os.close(descriptor)
            raise ConfigError(
                f"{folder}: another process writes to it{holder}",
                remedy="wait for it or end it, or give another --output_dir",
            ) from None
        except OSError as error:
            print(
                f"note: {folder} cannot be locked ({error.strerror}); do not "
                "start another run on it"
            )
        if _is_at(path, descriptor):
            _sign(descriptor)
            return descriptor
        # The previous holder has removed the file since it was opened here.
        os.close(descriptor)


def _missing(folder: str) -> list[str]:
    """Lists the folder and its parents that do not exist, innermost first."""
    missing = []
    path = os.path.abspath(folder)
    while not os.path.lexists(path):
        missing.append(path)
        path = os.path.dirname(path)
    return missing


def _is_at(path: str, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _sign(descriptor: int) -> None:
    """Writes the process that holds the lock into the lock file."""
    now = datetime.datetime.now().astimezone()
    holder = {
        "pid": os.getpid(),
        "host": socket.gethostname(),
        "since": now.isoformat(sep=" ", timespec="seconds"),
    }
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor: int) -> str:
    """Describes the process that holds the lock; "" if not written yet."""
    try:
        holder = json.loads(os.pread(descriptor, 1000, 0))
        return (
            f" (pid {holder['pid']} on {holder['host']}, since "
            f"{holder['since']})"
        )
    except (ValueError, KeyError, TypeError):
        return ""

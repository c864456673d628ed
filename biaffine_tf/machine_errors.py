"""Explains errors of the machine: memory, disk, permissions, packages."""

from __future__ import annotations

import errno
import os
import re
import sys

from biaffine_tf.errors import ConfigError

_CHECK_DISK = "check the path, its permissions and the space on the disk"

# Errors of the machine, not of the program.
_MACHINE = {
    errno.EACCES,
    errno.EDQUOT,
    errno.EISDIR,
    errno.ENOSPC,
    errno.ENOTDIR,
    errno.EPERM,
    errno.EROFS,
}

# TensorFlow raises the same error for a full disk as for memory.
_DISK_FULL = [os.strerror(number) for number in (errno.ENOSPC, errno.EDQUOT)]

# Matches the failed allocation, without device and allocator.
_NOT_ALLOCATED = re.compile(
    r"(?i:OOM when|out of memory|unable to allocate|failed to allocate)"
    r"[^\n]*?(?= on /| by allocator| \[Op:|\n|$)"
)
_MAX_REASON = 160  # characters

# Import names of the packages of the extra "train".
_TRAINING_PACKAGES = {
    "official",
    "sklearn",
    "tensorflow",
    "tensorflow_text",
    "tf_keras",
}


def explain(error: Exception, out_of_memory: str) -> ConfigError | None:
    """Explains an error that the machine caused.

    Args:
        error: Any error.
        out_of_memory: Remedy if memory ran out.

    Returns:
        The error in one line; None if the machine did not cause it.
    """
    if isinstance(error, OSError) and error.errno in _MACHINE:
        place = f"{error.filename}: " if error.filename else ""
        problem, remedy = f"{place}{error.strerror}", _CHECK_DISK
    elif isinstance(error, ModuleNotFoundError):
        name = (error.name or "").partition(".")[0]
        if name not in _TRAINING_PACKAGES:
            return None
        problem = f"this needs {name}, which is not installed"
        remedy = "in the folder of biaffine_tf: pip install '.[train]'"
    elif not _is_exhausted(error):
        return None
    elif any(reason in str(error) for reason in _DISK_FULL):
        problem, remedy = _shortened(error), _CHECK_DISK
    else:
        problem, remedy = f"out of memory: {_shortened(error)}", out_of_memory
    return ConfigError(problem, remedy=remedy)


def _is_exhausted(error: Exception) -> bool:
    """Whether memory ran out, or perhaps the disk if TensorFlow says so."""
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    if isinstance(error, MemoryError):
        return True
    # Not imported here: if TensorFlow is not loaded, the error is not its own.
    errors = getattr(sys.modules.get("tensorflow"), "errors", None)
    return errors is not None and isinstance(
        error, errors.ResourceExhaustedError
    )


def _shortened(error: Exception) -> str:
    """Extracts the part of a message that names the exhausted resource."""
    message = str(error).strip()
    match = _NOT_ALLOCATED.search(message)
    reason = match.group() if match else message.partition("\n")[0]
    if len(reason) > _MAX_REASON:
        reason = reason[:_MAX_REASON] + " ..."
    return reason or type(error).__name__

"""Memory of the machine and bfloat16 support, as Linux reports them."""

from __future__ import annotations

import contextlib
import pathlib
from collections.abc import Iterator

# Flags of processors, as Linux names them.
_BFLOAT16 = {"avx512_bf16", "amx_bf16"}


def peak_memory() -> int | None:
    """Returns the peak memory of this process in bytes; None if unknown.

    `resource.getrusage` would include the memory of the parent process at the
    time of the fork.
    """
    return _kibibytes(pathlib.Path("/proc/self/status"), "VmHWM")


def reset_peak_memory() -> None:
    """Restarts `peak_memory` from the current use, where Linux permits it."""
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/clear_refs").write_text("5")


def memory_limit(root: str = "/") -> int | None:
    """Returns the memory this process may use, in bytes; None if unknown.

    The smaller of its current use plus free memory, and the limits of its
    control group (version 1 or 2) and of the groups above.

    Args:
        root: Parent folder of `proc` and `sys`.
    """
    base = pathlib.Path(root)
    limits = list(_group_limits(base))
    free = _kibibytes(base / "proc/meminfo", "MemAvailable")
    held = _kibibytes(base / "proc/self/status", "VmRSS")
    if free is not None and held is not None:
        limits.append(free + held)
    return min(limits, default=None)


def has_bfloat16(root: str = "/") -> bool:
    """Returns whether the processor multiplies matrices in bfloat16.

    Args:
        root: Parent folder of `proc`.
    """
    words = _read(pathlib.Path(root) / "proc/cpuinfo").split()
    return not _BFLOAT16.isdisjoint(words)


def _kibibytes(path: pathlib.Path, field: str) -> int | None:
    """Reads a line `field: 123 kB`; returns bytes."""
    for line in _read(path).splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    return None


def _group_limits(root: pathlib.Path) -> Iterator[int]:
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        if not controllers:
            base, name = root / "sys/fs/cgroup", "memory.max"
        elif "memory" in controllers.split(","):
            base = root / "sys/fs/cgroup/memory"
            name = "memory.limit_in_bytes"
        else:
            continue
        folder = base / group.lstrip("/")
        while True:
            limit = _read(folder / name).strip()
            if limit.isdigit():  # not "max"
                yield int(limit)
            if folder == base:
                break
            folder = folder.parent


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

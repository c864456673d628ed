"""Memory, cores and devices of the machine, as Linux reports them."""

from __future__ import annotations

import contextlib
import ctypes
import math
import os
import pathlib
from collections.abc import Iterator, Mapping

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


def release_memory() -> None:
    """Gives freed memory back to the system, where the C library can."""
    with contextlib.suppress(AttributeError, OSError):
        ctypes.CDLL(None).malloc_trim(0)


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


def usable_cores(root: str = "/") -> int:
    """Returns the number of cores that this process may use at a time.

    The smaller of the cores that it may run on, and the processor time that its
    control group (version 1 or 2) and the groups above grant it, rounded up.

    Args:
        root: Parent folder of `proc` and `sys`.
    """
    granted = [
        math.ceil(quota / period)
        for quota, period in _processor_quotas(pathlib.Path(root))
    ]
    return max(1, min([len(os.sched_getaffinity(0)), *granted]))


def has_gpu(
    root: str = "/", environment: Mapping[str, str] = os.environ
) -> bool:
    """Returns whether NVIDIA's driver shows this process a GPU.

    Args:
        root: Parent folder of `dev` and `proc`.
        environment: Variables of the process; an empty CUDA_VISIBLE_DEVICES,
            or one that begins with -1, hides all GPUs.
    """
    visible = environment.get("CUDA_VISIBLE_DEVICES")
    if visible is not None and visible.strip() in ("", "NoDevFiles"):
        return False
    if visible is not None and visible.strip().startswith("-"):
        return False
    base = pathlib.Path(root)
    if any(base.glob("dev/nvidia[0-9]*")):
        return True
    # The files of devices may be made at their first use. In a container that
    # was given no GPU, the driver is to be seen, but not its control device.
    return (base / "dev/nvidiactl").exists() and any(
        base.glob("proc/driver/nvidia/gpus/*")
    )


def _kibibytes(path: pathlib.Path, field: str) -> int | None:
    """Reads a line `field: 123 kB`; returns bytes."""
    for line in _read(path).splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    return None


def _group_limits(root: pathlib.Path) -> Iterator[int]:
    for folder, is_unified in _groups(root, "memory"):
        name = "memory.max" if is_unified else "memory.limit_in_bytes"
        limit = _read(folder / name).strip()
        if limit.isdigit():  # not "max"
            yield int(limit)


def _processor_quotas(root: pathlib.Path) -> Iterator[tuple[int, int]]:
    """Yields processor time and the time in which it is granted."""
    for folder, is_unified in _groups(root, "cpu"):
        if is_unified:
            words = _read(folder / "cpu.max").split()
        else:
            words = [
                _read(folder / f"cpu.cfs_{name}_us").strip()
                for name in ("quota", "period")
            ]
        if len(words) == 2 and all(word.isdigit() for word in words):
            quota, period = map(int, words)  # not "max" or -1
            if quota and period:
                yield quota, period


def _groups(
    root: pathlib.Path, controller: str
) -> Iterator[tuple[pathlib.Path, bool]]:
    """Yields the control group of this process, and those above.

    Args:
        root: Parent folder of `proc` and `sys`.
        controller: Name of the controller in version 1.

    Yields:
        Folder, and whether it is of version 2.
    """
    for line in _read(root / "proc/self/cgroup").splitlines():
        _, controllers, group = line.split(":", 2)
        base = root / "sys/fs/cgroup"
        if controllers:
            if controller not in controllers.split(","):
                continue
            base /= controller
        folder = base / group.lstrip("/")
        while True:
            yield folder, not controllers
            if folder == base:
                break
            folder = folder.parent


def _read(path: pathlib.Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""

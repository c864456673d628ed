"""Seconds and bytes of a process, measured by itself; Linux only."""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any


def seconds_of(function: Callable[[], Any], *, repeats: int = 1) -> float:
    """Wall time of some calls, all of them together."""
    begun = time.perf_counter()
    for _ in range(repeats):
        function()
    return time.perf_counter() - begun


def prediction(
    predict: Callable[[list[str]], Sequence[Sequence[Any]]],
    texts: Sequence[str],
    *,
    one_by_one: bool,
) -> dict[str, Any]:
    """Answer of a subject that predicts.

    Args:
        predict: Gives the entities of each text.
        texts: What is predicted.
        one_by_one: Whether texts come alone; the median of their
            `milliseconds` is then in the answer.
    """
    found: list[Sequence[Any]] = []
    calls = [[text] for text in texts] if one_by_one else [list(texts)]
    seconds = [
        seconds_of(lambda one=one: found.extend(predict(one))) for one in calls
    ]
    median = {"milliseconds": 1000 * statistics.median(seconds)}
    return {
        "seconds": sum(seconds),
        "units": len(found),
        "entities_per_sentence": sum(map(len, found)) / len(found),
        **(median if one_by_one else {}),
    }


def busy_elsewhere() -> float:
    """CPU seconds that other processes have used since the machine started.

    Differences matter. They come in hundredths, and hold what the machine's
    own host took away.
    """
    with open("/proc/stat", encoding="ascii") as file:
        user, nice, system, _, _, *interrupts = map(
            int, file.readline().split()[1:9]
        )
    ticks = user + nice + system + sum(interrupts)
    return ticks / os.sysconf("SC_CLK_TCK") - time.process_time()


def memory() -> int:
    """Bytes of memory that this process holds now."""
    return _status("VmRSS")


def peak_memory() -> int:
    """Maximum memory, since `forget_peak` where the kernel allows that."""
    return _status("VmHWM")


def forget_peak() -> None:
    """Lets the peak begin again at what is held now."""
    with (
        contextlib.suppress(OSError),
        open("/proc/self/clear_refs", "w", encoding="ascii") as file,
    ):
        file.write("5")


def peak_above_start(function: Callable[[], Any]) -> int:
    """Maximum memory during a call, above that before it."""
    forget_peak()
    before = memory()
    function()
    return max(0, peak_memory() - before)


def _status(name: str) -> int:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    raise OSError(f"no {name} in /proc/self/status")

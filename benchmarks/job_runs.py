"""Bulk jobs as processes: watched, killed, and what they wrote."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import pathlib
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.data import ROOT

_TENTHS = 10
_POLL = 0.02  # seconds


@dataclasses.dataclass
class Watched:
    """A process that ran to its end.

    Attributes:
        begun: When, in seconds since the epoch.
        seconds: How long.
        memory: Seconds since the start, and resident bytes then.
    """

    begun: float
    seconds: float
    memory: list[tuple[float, int]]


def watch(command: Sequence[str]) -> Watched:
    """Runs a process and samples its resident memory."""
    begun = time.time()  # what files are dated by
    memory = []
    process = _start(command)
    while process.poll() is None:
        resident = _resident(process.pid)
        if resident:  # else it has just ended
            memory.append((time.time() - begun, resident))
        time.sleep(10 * _POLL)
    if process.returncode:
        sys.exit(f"it failed: {' '.join(command)}")
    return Watched(begun, time.time() - begun, memory)


def peaks(watched: Watched, start: float) -> tuple[int, int]:
    """Maximum memory in the second tenth of the time, and in the last one.

    Args:
        watched: The process.
        start: Seconds that the first shard took, which do not count.
    """
    tenth = (watched.seconds - start) / _TENTHS
    found = [0] * _TENTHS
    for seconds, size in watched.memory:
        if seconds >= start:
            index = min(int((seconds - start) / tenth), _TENTHS - 1)
            found[index] = max(found[index], size)
    return found[1], found[-1]


def read_shards(out: pathlib.Path) -> list[dict[str, Any]]:
    """Journal entries of the shards of a job, in the order of their ends."""
    with (out / "job" / "shards.jsonl").open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def tenths(out: pathlib.Path, shards: Sequence[dict[str, Any]]) -> list[float]:
    """Sentences a second in each tenth of the shards but the first one."""
    ends = [(out / shard["name"]).stat().st_mtime for shard in shards]
    count = len(shards) - 1
    if count < _TENTHS:
        sys.exit(f"only {count + 1} shards: give more --lines")
    bounds = [count * number // _TENTHS for number in range(_TENTHS + 1)]
    return [
        sum(shard["sentences"] for shard in shards[low + 1 : high + 1])
        / (ends[high] - ends[low])
        for low, high in itertools.pairwise(bounds)
    ]


def kill_again_and_again(
    command: Sequence[str],
    out: pathlib.Path,
    *,
    shards: int,
    shard_seconds: float,
    kills: int,
    seed: int,
) -> list[dict[str, Any]]:
    """Runs a job to its end in spite of kills.

    Args:
        command: What begins it and goes on with it.
        out: The folder that it writes.
        shards: How many it will have written.
        shard_seconds: What one takes.
        kills: How often to kill it.
        seed: Of the moments.

    Returns:
        For each kill, how many shards were done then, and whether another one
        was under way.
    """
    draw = random.Random(seed)
    found = []
    for number in range(kills):
        wanted = int((shards - 1) * (number + draw.random()) / kills)
        process = _start(command)
        while process.poll() is None and _done(out) < wanted:
            time.sleep(_POLL)
        end = time.monotonic() + draw.random() * shard_seconds
        while time.monotonic() < end and _done(out) <= wanted:
            time.sleep(_POLL)
        process.kill()
        if process.wait() != -9:
            break  # it was faster, or failed
        unfinished = [path.name for path in out.glob(".*.tmp")]
        found.append(
            {"shards_done": _done(out), "within_a_shard": bool(unfinished)}
        )
    watch(command)
    return found


def count_differing(one: pathlib.Path, other: pathlib.Path) -> int:
    """Files that only one of two folders has, or that differ in a byte."""
    left, right = _digests(one), _digests(other)
    return sum(left.get(k) != right.get(k) for k in left.keys() | right.keys())


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)


def _resident(process: int) -> int:
    """Resident bytes of a process; 0 if it has ended."""
    try:
        text = pathlib.Path(f"/proc/{process}/status").read_text("ascii")
    except OSError:
        return 0
    for line in text.splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) << 10
    return 0


def _done(out: pathlib.Path) -> int:
    try:
        return (out / "job" / "shards.jsonl").read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0


def _digests(folder: pathlib.Path) -> dict[str, str]:
    found = {}
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[str(path.relative_to(folder))] = digest
    return found

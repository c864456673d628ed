"""A million lines in bulk: memory, speed, and bytes after kills.

python benchmarks/bulk.py --model_dir=runs/cluener_small [--lines=N] [--kills=N]

CLUENER's dev sentences, repeated, in four files, one of them packed, with a bad
line in ten thousand, go through run_predict.py --output_dir twice: undisturbed,
its resident memory sampled, and killed (SIGKILL) and begun again, once at a
random moment in each of as many equal parts of the work as there are kills.

- memory: the most in the last tenth of the time over the most in the second.
- speed: sentences a second in the last tenth of the shards over the first; the
  very first shard, and with it the start of TensorFlow, is left out.
- bytes: files of the two output folders that differ, their state included.
"""

from __future__ import annotations

import argparse
import dataclasses
import gzip
import hashlib
import itertools
import json
import pathlib
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, plots, report
from benchmarks.harness import rounded
from biaffine_tf.files import write_json

FILES = 4
BAD_LINE_EVERY = 9_973
MEMORY_GOAL = 1.05
SPEED_GOAL = 0.9
_TENTHS = 10
_POLL = 0.02  # seconds
_SAMPLES = 300
_PACKED = 1  # which of the files


@dataclasses.dataclass
class Watched:
    """A process that ran to its end.

    Attributes:
        seconds: How long.
        memory: Seconds since the start, and resident bytes then.
    """

    seconds: float
    memory: list[tuple[float, int]]


def main() -> int:
    """Measures all, and says whether the goals are met."""
    options = _parse()
    data.require()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        write_inputs(folder, options.lines)
        whole, disturbed = folder / "whole", folder / "disturbed"
        watched = watch(_command(options, folder, whole))
        shards = read_shards(whole)
        begun = time.perf_counter()
        kills = kill_again_and_again(
            _command(options, folder, disturbed),
            disturbed,
            shards=len(shards),
            shard_seconds=watched.seconds / len(shards),
            kills=options.kills,
            seed=options.seed,
        )
        disturbed_seconds = time.perf_counter() - begun
        differing = count_differing(whole, disturbed)
        speeds = tenths(whole, shards)
    sentences = sum(shard["sentences"] for shard in shards)
    bad = sum(shard["bad"] for shard in shards)
    assert sentences + bad == options.lines, "lines were lost"
    second, last = peaks(watched)
    rows = [
        {
            "run": "undisturbed",
            "sentences": sentences,
            "bad lines": bad,
            "shards": len(shards),
            "seconds": rounded(watched.seconds),
            "sentences/s": rounded(sentences / watched.seconds),
            "peak MiB": rounded(max(b for _, b in watched.memory) / 2**20),
        },
        {
            "run": f"killed {len(kills)} times",
            "seconds": rounded(disturbed_seconds),
        },
    ]
    goals = [
        report.Goal.at_most(
            "memory, last tenth over second", MEMORY_GOAL, last / second
        ),
        report.Goal.at_least(
            "speed, last tenth over first", SPEED_GOAL, speeds[-1] / speeds[0]
        ),
        report.Goal.at_least("kills", options.kills, len(kills)),
        report.Goal.at_most("files that differ after kills", 0, differing),
    ]
    _finish(options, rows, goals, watched, speeds, kills)
    return int(not all(goal.met for goal in goals))


def write_inputs(folder: pathlib.Path, lines: int) -> None:
    """Files of the dev set's texts, over and over, and some bad lines."""
    texts = [
        json.dumps({"text": text}, ensure_ascii=False).encode() + b"\n"
        for text in data.texts("dev")
    ]
    for index in range(FILES):
        bounds = lines * index // FILES, lines * (index + 1) // FILES
        packed = index == _PACKED
        path = folder / f"{index}.jsonl{'.gz' if packed else ''}"
        with gzip.open(path, "wb") if packed else path.open("wb") as file:
            for number in range(*bounds):
                text = texts[number % len(texts)]
                file.write(b"{\n" if _is_bad(number) else text)


def _is_bad(number: int) -> bool:
    return number % BAD_LINE_EVERY == BAD_LINE_EVERY // 2


def watch(command: Sequence[str]) -> Watched:
    """Runs a process and samples its resident memory."""
    begun = time.perf_counter()
    memory = []
    process = _start(command)
    while process.poll() is None:
        memory.append((time.perf_counter() - begun, _resident(process.pid)))
        time.sleep(10 * _POLL)
    if process.returncode:
        sys.exit(f"it failed: {' '.join(command)}")
    return Watched(time.perf_counter() - begun, memory)


def peaks(watched: Watched) -> tuple[int, int]:
    """Most bytes in the second tenth of the time, and in the last one."""
    tenth = watched.seconds / _TENTHS
    found = [0] * _TENTHS
    for seconds, size in watched.memory:
        index = min(int(seconds / tenth), _TENTHS - 1)
        found[index] = max(found[index], size)
    return found[1], found[-1]


def read_shards(out: pathlib.Path) -> list[dict[str, Any]]:
    """What a job says of its shards, in the order in which they were done."""
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
        time.sleep(draw.random() * shard_seconds)
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


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--shard_size", type=int, default=10_000)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--folder", help="where inputs and outputs go; removed at the end"
    )
    parser.add_argument(
        "--json",
        type=pathlib.Path,
        default=data.ROOT / "benchmarks" / "results" / "bulk.json",
    )
    return parser.parse_args()


def _command(
    options: argparse.Namespace, folder: pathlib.Path, out: pathlib.Path
) -> list[str]:
    return [
        sys.executable,
        "run_predict.py",
        f"--model_dir={pathlib.Path(options.model_dir).resolve()}",
        f"--input={folder}/*.jsonl*",
        f"--output_dir={out}",
        f"--shard_size={options.shard_size}",
        f"--batch_size={options.batch_size}",
        "--output_score",
    ]


def _start(command: Sequence[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=data.ROOT, stderr=subprocess.DEVNULL)


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


def _finish(
    options: argparse.Namespace,
    rows: list[dict[str, Any]],
    goals: list[report.Goal],
    watched: Watched,
    speeds: list[float],
    kills: list[dict[str, Any]],
) -> None:
    """Prints tables, writes JSON and a plot."""
    met = [goal._asdict() for goal in goals]
    for title, table in {"bulk": rows, "kills": kills, "goals": met}.items():
        report.print_table(title, table)
    step = -(-len(watched.memory) // _SAMPLES)
    memory = [
        (rounded(seconds), rounded(size / 2**20))
        for seconds, size in watched.memory[::step]
    ]
    write_json(
        options.json,
        {
            "command": "python benchmarks/bulk.py --model_dir=MODEL "
            f"--lines={options.lines} --shard_size={options.shard_size} "
            f"--kills={options.kills} --seed={options.seed}",
            "goals": met,
            "rows": rows,
            "kills": kills,
            "sentences_a_second_by_tenth": list(map(rounded, speeds)),
            "memory_by_seconds": memory,
            "machine": report.machine(),
            "versions": report.versions(),
        },
    )
    plots.lines(
        {
            "resident memory, MiB": {"by seconds": memory},
            "sentences a second": {"by tenths": list(enumerate(speeds, 1))},
        },
        labels=("", ""),
        title=f"{options.lines:,} lines in bulk",
        scale="linear",
    )(options.json.with_suffix(".png"))


if __name__ == "__main__":
    sys.exit(main())

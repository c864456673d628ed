"""A million lines in bulk: memory, speed, and bytes after kills.

python benchmarks/bulk.py --model_dir=runs/cluener_small [--lines=N] [--kills=N]

CLUENER's dev sentences, repeated, in four files, one of them packed, with a bad
line in ten thousand, go through run_predict.py --output_dir twice: undisturbed,
its resident memory sampled, and killed (SIGKILL) and begun again, once at a
random moment in each of as many equal parts of the work as there are kills.

- memory: the most in the last tenth of the time behind the first shard over the
  most in the second.
- speed: sentences a second in the last tenth of the shards over the first; the
  very first shard, and with it the start of TensorFlow, is left out.
- bytes: files of the two output folders that differ, their state included.
"""

from __future__ import annotations

import argparse
import gzip
import json
import pathlib
import sys
import tempfile
import time
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, job_runs, plots, report
from benchmarks.harness import rounded

FILES = 4
BAD_LINE_EVERY = 9_973
MEMORY_GOAL = 1.05
SPEED_GOAL = 0.9
_SAMPLES = 300
_PACKED = 1  # which of the files


def main() -> int:
    """Measures all, and says whether the goals are met."""
    options = _parse()
    data.require()
    with tempfile.TemporaryDirectory(dir=options.folder) as name:
        folder = pathlib.Path(name)
        write_inputs(folder, options.lines)
        whole, disturbed = folder / "whole", folder / "disturbed"
        watched = job_runs.watch(_command(options, folder, whole))
        shards = job_runs.read_shards(whole)
        begun = time.perf_counter()
        kills = job_runs.kill_again_and_again(
            _command(options, folder, disturbed),
            disturbed,
            shards=len(shards),
            shard_seconds=watched.seconds / len(shards),
            kills=options.kills,
            seed=options.seed,
        )
        disturbed_seconds = time.perf_counter() - begun
        differing = job_runs.count_differing(whole, disturbed)
        speeds = job_runs.tenths(whole, shards)
        first = (whole / shards[0]["name"]).stat().st_mtime - watched.begun
    sentences = sum(shard["sentences"] for shard in shards)
    bad = sum(shard["bad"] for shard in shards)
    assert sentences + bad == options.lines, "lines were lost"
    second, last = job_runs.peaks(watched, first)
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


def _parse() -> argparse.Namespace:
    parser = report.parser("bulk", __doc__)
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--shard_size", type=int, default=10_000)
    parser.add_argument("--batch_size", type=int, default=64)
    parser.add_argument("--kills", type=int, default=5)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument(
        "--folder", help="where inputs and outputs go; removed at the end"
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


def _finish(
    options: argparse.Namespace,
    rows: list[dict[str, Any]],
    goals: list[report.Goal],
    watched: job_runs.Watched,
    speeds: list[float],
    kills: list[dict[str, Any]],
) -> None:
    """Prints tables, writes JSON and a plot."""
    step = -(-len(watched.memory) // _SAMPLES)
    memory = [
        (rounded(seconds), rounded(size / 2**20))
        for seconds, size in watched.memory[::step]
    ]
    report.publish(
        options.json,
        "bulk.py --model_dir=MODEL "
        f"--lines={options.lines} --shard_size={options.shard_size} "
        f"--kills={options.kills} --seed={options.seed}",
        goals,
        {"rows": rows, "kills": kills},
        sentences_a_second_by_tenth=list(map(rounded, speeds)),
        memory_by_seconds=memory,
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

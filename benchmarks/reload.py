r"""Memory of a process that loads, asks and closes a model again and again.

python benchmarks/reload.py [--cycles=20] [--json=FILE] DIRECTORY ...

Each directory (of a model, a SavedModel or an ONNX model) is loaded in a
process of its own, asked 32 texts of CLUENER's dev set once and closed, as a
service does that exchanges its model. Needs the real data.
"""

from __future__ import annotations

import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, report
from benchmarks.harness import Worker
from biaffine_tf.inference.loading import inspect

_TEXTS = 32
_MIN_CYCLES = 8
# Growth of memory from the second quarter of the cycles to the last one, over
# the size of the files: the allocator may keep what was freed, once.
MAX_GROWTH = 1.0


def main() -> int:
    """Measures all directories; the exit code says whether memory is flat."""
    parser = report.parser("reload", __doc__)
    parser.add_argument("directories", nargs="+", metavar="DIRECTORY")
    parser.add_argument("--cycles", type=int, default=20)
    options = parser.parse_args()
    if options.cycles < _MIN_CYCLES:
        parser.error(f"--cycles={options.cycles}: at least {_MIN_CYCLES}")
    data.require()
    texts = data.spread(data.texts("dev"), _TEXTS)
    rows, goals = [], []
    for directory in options.directories:
        kind = str(inspect(directory, {}).kind)
        with Worker(
            "benchmarks.workers.ours_loaded:Reloads",
            directory=str(pathlib.Path(directory).resolve()),
            texts=texts,
        ) as worker:
            found = [worker.measure() for _ in range(options.cycles)]
        mib = [round(one.extra["bytes"] / 2**20) for one in found]
        print(f"{kind}: {' '.join(map(str, mib))} MiB", flush=True)
        quarter = len(mib) // 4
        size = _mib_of_files(pathlib.Path(directory))
        before = statistics.median(mib[quarter : 2 * quarter])
        after = statistics.median(mib[-quarter:])
        rows.append(
            {
                "kind": kind,
                "mib_of_files": size,
                "cycles": options.cycles,
                "mib_first": mib[0],
                "mib_second_quarter": before,
                "mib_last_quarter": after,
                "seconds_a_cycle": statistics.median(
                    round(one.seconds, 2) for one in found
                ),
                "mib": mib,
            }
        )
        goals.append(
            report.Goal.at_most(
                f"{kind}: growth of memory over the size of its files",
                MAX_GROWTH,
                (after - before) / size,
            )
        )
    return report.publish(
        options.json,
        f"reload.py --cycles={options.cycles} DIRECTORY ...",
        goals,
        {"rows": rows},
    )


def _mib_of_files(folder: pathlib.Path) -> int:
    sizes = [one.stat().st_size for one in folder.rglob("*") if one.is_file()]
    return round(sum(sizes) / 2**20)


if __name__ == "__main__":
    sys.exit(main())

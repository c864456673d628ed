"""Time and memory of a training step by the size of the embedding table.

python benchmarks/tables.py [--rounds=5] [--json=FILE]

An encoder of multilingual-e5-small's shape (12 layers, 384 wide) with the
21 128 word embeddings of Chinese BERT's vocabulary, with 250 002 of its own,
and with these where every step updates all rows, as Adam does. In turns, each
in a process of its own with two threads.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import statistics
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import report
from benchmarks.harness import Worker, alternate, ratio

_SUBJECT = "benchmarks.workers.ours_tables:TableSteps"
_SUBJECTS = {
    "21 128 rows": {"rows": 21_128, "dense": True},
    "250 002 rows": {"rows": 250_002, "dense": False},
    "250 002 rows, all updated": {"rows": 250_002, "dense": True},
}
_STEPS = 5
_SEED = 42


def main() -> int:
    """Measures in turns; the exit code says whether the goal is met."""
    parser = report.parser("tables", __doc__)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with contextlib.ExitStack() as stack:
        workers = {
            name: stack.enter_context(Worker(_SUBJECT, **settings, seed=_SEED))
            for name, settings in _SUBJECTS.items()
        }
        measured = alternate(
            {
                name: functools.partial(worker.measure, steps=_STEPS)
                for name, worker in workers.items()
            },
            rounds=options.rounds,
        )
    small = measured["21 128 rows"]
    slowdowns = {
        name: 1 / ratio(found, small) for name, found in measured.items()
    }
    rows = [
        {
            "table": name,
            "ms_per_step": round(
                1000 / statistics.median(one.rate for one in found)
            ),
            "over_21_128_rows": round(slowdowns[name], 3),
            "peak_mib": round(found[-1].extra["peak_bytes"] / 2**20),
        }
        for name, found in measured.items()
    ]
    goal = report.Goal.at_most(
        "step with 250 002 rows over one with 21 128",
        1.1,
        slowdowns["250 002 rows"],
    )
    return report.publish(options.json, "tables.py", [goal], {"rows": rows})


if __name__ == "__main__":
    sys.exit(main())

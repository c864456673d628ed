r"""Seconds until commands and a first call answer; long texts; many threads.

python benchmarks/start.py MODEL_DIR [--rounds=5] [--json=FILE]

MODEL_DIR has an ONNX form (training writes it). Each start is a process of its
own, all of them in turns: the import alone, `biaffine_tf.load(DIR)(text)`,
`run_predict.py --text`, both on TensorFlow, and `--help` of every command. With
the ONNX engine: texts of 10 000, 100 000 and 1 000 000 characters, each in a
process of its own, and 1 to 8 threads that share a predictor and ask it single
texts. Needs the real data.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, report
from benchmarks.harness import ROOT
from benchmarks.report import Goal
from biaffine_tf import machine
from biaffine_tf.commands.running import TENSORFLOW_ENVIRONMENT

TEXT = "小明和李华昨天在北京大学的图书馆里读书。"
FIRST_GOAL, HELP_GOAL, IMPORT_GOAL = 1.5, 0.5, 0.2  # seconds
GROWTH_GOAL = 1.25  # of the time for a character, from 10 000 to 1 000 000
CHARACTERS = (10_000, 100_000, 1_000_000)
THREADS = (1, 2, 4, 8)
_TEXTS = 400  # for each number of threads
_SLOW = "TensorFlow"
_LOAD = "import sys, biaffine_tf; biaffine_tf.load(sys.argv[1]{})(sys.argv[2])"
_HELP = (
    "import importlib, sys; module = sys.argv.pop(1); "
    "importlib.import_module(module).run()"
)
_LONG = """
import json, sys, time
import biaffine_tf
from biaffine_tf import machine
with open(sys.argv[2], encoding="utf-8") as file:
    text = file.read()
ner = biaffine_tf.load(sys.argv[1])
ner(text[:1000])
machine.reset_peak_memory()
before, begun = machine.peak_memory(), time.perf_counter()
entities = ner(text)
print(json.dumps({
    "characters": len(text),
    "entities": len(entities),
    "seconds": time.perf_counter() - begun,
    "mib": (machine.peak_memory() - before) / 2**20,
}))
"""
_SHARED = """
import concurrent.futures, json, sys, time
import biaffine_tf
texts = json.load(sys.stdin)
ner = biaffine_tf.load(sys.argv[1])
want = [ner(text) for text in texts]
rows = []
for threads in map(int, sys.argv[2:]):
    with concurrent.futures.ThreadPoolExecutor(threads) as pool:
        begun = time.perf_counter()
        found = list(pool.map(ner, texts))
        seconds = time.perf_counter() - begun
    wrong = sum(
        [e[:4] for e in one] != [e[:4] for e in other]
        for one, other in zip(found, want)
    )
    rows.append({
        "threads": threads,
        "texts_a_second": len(texts) / seconds,
        "wrong": wrong,
    })
print(json.dumps(rows))
"""


def main() -> int:
    """Measures all; the exit code says whether the goals are met."""
    parser = report.parser("start", __doc__)
    parser.add_argument("directory", metavar="MODEL_DIR")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    data.require()
    directory = str(pathlib.Path(options.directory).resolve())
    starts = _measure_starts(_commands(directory), options.rounds)
    long_texts = _measure_long_texts(directory)
    shared = json.loads(
        _python(
            _SHARED,
            directory,
            *map(str, THREADS),
            given=json.dumps(data.spread(data.texts("dev"), _TEXTS)),
        )
    )
    goals = [
        Goal.at_most(f"{row['start']}: seconds", row["goal"], row["seconds"])
        for row in starts
        if row["goal"] is not None
    ]
    per_character = [row["seconds"] / row["characters"] for row in long_texts]
    goals += [
        Goal.at_most(
            "seconds for a character of the longest text over the shortest's",
            GROWTH_GOAL,
            per_character[-1] / per_character[0],
        ),
        Goal.at_most(
            "wrong answers to threads",
            0,
            sum(row["wrong"] for row in shared),
        ),
        Goal.at_least(
            "texts a second of 4 threads over those of one",
            1.0,
            shared[2]["texts_a_second"] / shared[0]["texts_a_second"],
        ),
    ]
    return report.publish(
        options.json,
        f"start.py MODEL_DIR --rounds={options.rounds}",
        goals,
        {"starts": starts, "long_texts": long_texts, "threads": shared},
        cores=machine.usable_cores(),
    )


def _commands(directory: str) -> dict[str, tuple[list[str], float | None]]:
    """Returns command lines and their goals in seconds, by name."""
    python = sys.executable
    predict = ["run_predict.py", f"--model_dir={directory}", f"--text={TEXT}"]
    found: dict[str, tuple[list[str], float | None]] = {
        "import biaffine_tf": (
            [python, "-c", "import biaffine_tf"],
            IMPORT_GOAL,
        ),
        "load(DIR)(text)": (
            [python, "-c", _LOAD.format(""), directory, TEXT],
            FIRST_GOAL,
        ),
        "run_predict.py --text": ([python, *predict], FIRST_GOAL),
        f"load(DIR)(text), {_SLOW}": (
            [
                python,
                "-c",
                _LOAD.format(", engine='tensorflow'"),
                directory,
                TEXT,
            ],
            None,
        ),
        f"run_predict.py --text, {_SLOW}": (
            [python, *predict, "--engine=tensorflow"],
            None,
        ),
    }
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    for name, entry in project["scripts"].items():
        module = entry.partition(":")[0]
        found[f"{name} --help"] = (
            [python, "-c", _HELP, module, "--help"],
            HELP_GOAL,
        )
    return found


def _measure_starts(
    commands: dict[str, tuple[list[str], float | None]], rounds: int
) -> list[dict[str, Any]]:
    """Runs all commands in turns; a round before them warms the disk."""
    seconds: dict[str, list[tuple[float, float]]] = {
        one: [] for one in commands
    }
    for number in range(rounds + 1):
        for name, (command, _) in commands.items():
            if name.endswith(_SLOW) and number > 3:
                continue
            timed = _run(command)
            if number:
                seconds[name].append(timed)
    return [
        {
            "start": name,
            "seconds": statistics.median(wall for wall, _ in seconds[name]),
            "processor_seconds": statistics.median(
                used for _, used in seconds[name]
            ),
            "goal": goal,
        }
        for name, (_, goal) in commands.items()
    ]


def _run(command: Sequence[str]) -> tuple[float, float]:
    """Returns wall and processor seconds of a command."""
    begun = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **TENSORFLOW_ENVIRONMENT},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    said = process.stderr.read()
    _, status, used = os.wait4(process.pid, 0)
    wall = time.perf_counter() - begun
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command}: {said[-2000:]}")
    return wall, used.ru_utime + used.ru_stime


def _measure_long_texts(directory: str) -> list[dict[str, Any]]:
    """Predicts texts of CLUENER's sentences, joined by spaces."""
    joined = " ".join(data.texts("train"))
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "text"
        for characters in CHARACTERS:
            text = (joined * (characters // len(joined) + 1))[:characters]
            path.write_text(text, encoding="utf-8")
            rows.append(json.loads(_python(_LONG, directory, str(path))))
    return rows


def _python(code: str, *arguments: str, given: str | None = None) -> str:
    """Returns the output of a program."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        input=given,
        capture_output=True,
        text=True,
        check=True,
    ).stdout


if __name__ == "__main__":
    sys.exit(main())

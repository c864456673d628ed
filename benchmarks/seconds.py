"""Seconds that a user waits: start-up, reading, records, epoch, prediction.

python benchmarks/seconds.py --model_dir=runs/cluener_scratch

Medians of several rounds; written to benchmarks/results/seconds.json. Needs
the real data (BIAFFINE_DATA, default ../shared/data).
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks.data import (
    CLUENER,
    DATA,
    ROOT,
    VOCABULARY,
    read_results,
    require,
)


def command_seconds(*arguments: str) -> Callable[[], None]:
    """A function that runs a Python command in a process of its own."""

    def run() -> None:
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )

    return run


def measure(function: Callable[[], Any], rounds: int) -> dict[str, Any]:
    """Median and range of the wall time of some calls."""
    seconds = []
    for _ in range(rounds):
        begun = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - begun)
    return summary(seconds)


def summary(seconds: list[float]) -> dict[str, Any]:
    """Median and range."""
    return {
        "median": round(statistics.median(seconds), 3),
        "least": round(min(seconds), 3),
        "most": round(max(seconds), 3),
        "rounds": len(seconds),
    }


def measurements(model_dir: str, rounds: int) -> dict[str, dict[str, Any]]:
    """Everything that is measured, by what it is."""
    from biaffine_tf import formats, model_directory
    from biaffine_tf.corpora.corpus import Corpus
    from biaffine_tf.inference.predictor import Predictor
    from biaffine_tf.records.span_records import prepare_records
    from biaffine_tf.records.span_shards import RecordOptions

    dev = list(formats.read(CLUENER / "dev.json"))
    tokenizer = model_directory.read_description(model_dir).tokenizer
    predictor = Predictor.from_directory(model_dir)
    list(predictor.predict(dev))  # traces the graph

    def write_records() -> None:
        with tempfile.TemporaryDirectory() as folder:
            prepare_records(
                Corpus((str(CLUENER / "train.json"),)),
                folder,
                tokenizer,
                RecordOptions(max_tokens=126),
                progress=False,
            )

    predict_text = ["run_predict.py", f"--model_dir={model_dir}", "--text=你好"]
    gold = str(CLUENER / "dev.json")
    score = ["-m", "biaffine_tf.evaluation", gold, gold, "--json"]
    readers_command = ["-m", "biaffine_tf.readers"]
    return {
        "start-up: readers --help": measure(
            command_seconds(*readers_command, "--help"), rounds
        ),
        "readers: CLUENER dev, 1 343 sentences": measure(
            command_seconds(*readers_command, gold), rounds
        ),
        "readers: CLUENER train, 10 748 sentences": measure(
            command_seconds(*readers_command, str(CLUENER / "train.json")),
            rounds,
        ),
        "evaluation: CLUENER dev": measure(command_seconds(*score), rounds),
        "run_predict.py --text, all of it": measure(
            command_seconds(*predict_text), min(rounds, 3)
        ),
        "records: CLUENER train": measure(write_records, rounds),
        "prediction: CLUENER dev, model loaded": measure(
            lambda: list(predictor.predict(dev)), rounds
        ),
    }


def epoch_seconds(rounds: int) -> dict[str, dict[str, Any]]:
    """Time of one epoch of recipes/cluener_scratch.flags, and its scoring."""
    parts: dict[str, list[float]] = {"training": [], "evaluation": []}
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            command_seconds(
                "run_classifier.py",
                "--flagfile=recipes/cluener_scratch.flags",
                f"--data_dir={DATA / 'ner'}",
                f"--vocab_file={VOCABULARY}",
                f"--output_dir={folder}",
                "--num_train_epochs=1",
            )()
            history = read_results(f"{folder}/history.json")
        for part, seconds in parts.items():
            seconds.append(history["epochs"][0][f"{part}_seconds"])
    return {
        f"first epoch of CLUENER, 4x256: {part}": summary(seconds)
        for part, seconds in parts.items()
    }


def main() -> None:
    """Measures, prints a table, writes the JSON."""
    from rich.console import Console
    from rich.table import Table

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--epochs", type=int, default=1, help="rounds of training an epoch"
    )
    arguments = parser.parse_args()
    require()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = measurements(arguments.model_dir, arguments.rounds)
    rows |= epoch_seconds(arguments.epochs)

    from biaffine_tf.training.setup import environment

    table = Table("what", "median s", "least", "most", "rounds")
    for name, row in rows.items():
        table.add_row(name, *(str(value) for value in row.values()))
    Console().print(table)
    target = pathlib.Path(__file__).parent / "results" / "seconds.json"
    target.write_text(
        json.dumps({"rows": rows, "environment": environment()}, indent=1)
        + "\n"
    )


if __name__ == "__main__":
    main()

"""Seconds that a user waits: start-up, reading, records, epoch, prediction.

python benchmarks/seconds.py --model_dir=runs/cluener_scratch

Medians of several rounds; written to benchmarks/results/seconds.json. Needs
the real data (BIAFFINE_DATA, default ../shared/data).
"""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Callable
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import harness, report
from benchmarks.data import (
    CLUENER,
    DATA,
    ROOT,
    VOCABULARY,
    read_results,
    require,
)
from benchmarks.workers.measuring import seconds_of


def command_seconds(*arguments: str) -> Callable[[], Any]:
    """A function that runs a Python command in a process of its own."""

    def run() -> None:
        subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            check=True,
            capture_output=True,
        )

    return run


def measurements(model_dir: str, rounds: int) -> list[dict[str, Any]]:
    """Rows of all that is measured but epochs."""
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
    calls = {
        "start-up: readers --help": command_seconds(*readers_command, "--help"),
        "readers: CLUENER dev, 1 343 sentences": command_seconds(
            *readers_command, gold
        ),
        "readers: CLUENER train, 10 748 sentences": command_seconds(
            *readers_command, str(CLUENER / "train.json")
        ),
        "evaluation: CLUENER dev": command_seconds(*score),
        "run_predict.py --text, all of it": command_seconds(*predict_text),
        "records: CLUENER train": write_records,
        "prediction: CLUENER dev, model loaded": lambda: list(
            predictor.predict(dev)
        ),
    }
    return [
        harness.row(what, [seconds_of(call) for _ in range(rounds)], unit="s")
        for what, call in calls.items()
    ]


def epoch_seconds(rounds: int) -> list[dict[str, Any]]:
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
    return [
        harness.row(f"first epoch of CLUENER, 4x256: {part}", found, unit="s")
        for part, found in parts.items()
    ]


def main() -> int:
    """Measures, prints a table, writes the JSON."""
    parser = report.parser("seconds", __doc__)
    parser.add_argument("--model_dir", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument(
        "--epochs", type=int, default=1, help="rounds of training an epoch"
    )
    arguments = parser.parse_args()
    require()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    rows = measurements(arguments.model_dir, arguments.rounds)
    rows += epoch_seconds(arguments.epochs)
    command = "seconds.py --model_dir=MODEL"
    return report.publish(arguments.json, command, [], {"rows": rows})


if __name__ == "__main__":
    sys.exit(main())

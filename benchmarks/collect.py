"""Gathers the outcome of runs in benchmarks/results/, with all it depends on.

python benchmarks/collect.py runs/cluener_scratch runs/address_scratch ...

For each model directory: NAME.json (scores, history, configuration,
environment), NAME.log if the run's output was kept beside it (`2>&1 | tee
runs/NAME.log`), and, of all that were ever gathered, the table README.md.
"""

from __future__ import annotations

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks.data import read_results
from benchmarks.report import RESULTS
from biaffine_tf.files import write_json

_HEADER = """# Results

Written by `python benchmarks/collect.py RUN...`; each row's command is the
flagfile of its name: `python run_classifier.py --flagfile=recipes/NAME.flags
--data_dir=DATA/ner --vocab_file=DATA/vocab/bert_base_chinese_vocab.txt
--output_dir=runs/NAME`. Seeds, settings, counts and machine are in NAME.json.
All start from random weights and are scored on the dev set after every epoch;
the best epoch is shown, so figures are slightly optimistic. One seed each.
Minutes are wall time on 2 cores that other jobs shared, up to three at a time:
an upper bound, not a speed.

"""


def collect(run: pathlib.Path) -> None:
    """Writes NAME.json for one model directory."""
    parts = {
        name: read_results(run / f"{name}.json")
        for name in ("scores", "history", "config")
    }
    if "micro" not in parts["scores"]:
        sys.exit(f"{run}: trained without a dev set, whose scores are shown")
    write_json(RESULTS / f"{run.name}.json", parts)
    log = run.with_name(f"{run.name}.log")
    if log.exists():
        # Keeps the last state of a progress bar.
        with open(log, encoding="utf-8", newline="\n") as file:
            lines = [line.rsplit("\r", 1)[-1] for line in file]
        target = RESULTS / log.name
        target.write_text("".join(lines), encoding="utf-8")


def table() -> str:
    """A Markdown table of everything gathered."""
    columns = [
        "run",
        "sentences",
        "micro P",
        "micro R",
        "micro F1",
        "macro F1",
        "cluener F1",
        "best epoch",
        "minutes",
    ]
    lines = ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|"]
    for path in sorted(RESULTS.glob("*.json")):
        parts = read_results(path)
        if "scores" not in parts:
            continue
        scores = parts["scores"]
        cells = [
            path.stem,
            str(scores["training_counts"]["sentences"]),
            *(f"{scores['micro'][k]:.4f}" for k in ("precision", "recall")),
            *(f"{scores[k]['f1']:.4f}" for k in ("micro", "macro", "cluener")),
            f"{scores['epoch']} of {scores['epochs']}",
            f"{scores['seconds'] / 60:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def main() -> None:
    """Gathers the runs named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="*", type=pathlib.Path)
    RESULTS.mkdir(exist_ok=True)
    for run in parser.parse_args().runs:
        collect(run)
    (RESULTS / "README.md").write_text(_HEADER + table(), encoding="utf-8")


if __name__ == "__main__":
    main()

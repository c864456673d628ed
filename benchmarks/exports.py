"""Exports against the model they are of: answers, size, speed.

python benchmarks/exports.py --runs=DIR [--quick] [--json=FILE]

Takes trained models from DIR: cluener_small (flat, characters) and
genia_minilm (nested, WordPiece tokens); see score_quality.py. Each is exported
in every way, behind its gate, and all answer the dev set: entities that the
model alone or the export alone finds, micro F1, bytes on disk, and sentences a
second on one core and on two, in processes of their own, measured in turn.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import statistics
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, harness, report
from benchmarks.data import DATA, ROOT, require
from benchmarks.harness import Worker
from biaffine_tf import evaluation, formats
from biaffine_tf.config import ExportFormat, ExportPrecision
from biaffine_tf.spans import Sentence, Span

CORPORA = {
    "cluener": ("cluener_small", "cluener/dev.json"),
    "genia": ("genia_minilm", "genia/dev.jsonlines"),
}
MODEL = "model"
WAYS: dict[str, dict[str, Any]] = {
    "SavedModel": {},
    "SavedModel, XLA": {"xla": True},
    "SavedModel, bfloat16": {"precision": ExportPrecision.BFLOAT16},
    "SavedModel, int8": {"precision": ExportPrecision.INT8},
    "ONNX": {"format": ExportFormat.ONNX},
    "ONNX, int8": {
        "format": ExportFormat.ONNX,
        "precision": ExportPrecision.INT8,
    },
}
EXACT = ("SavedModel", "SavedModel, XLA", "ONNX")
_ROUNDS = 3
_QUICK_SENTENCES = 100


def main() -> int:
    """Measures all; the exit code says whether exact exports are exact."""
    parser = report.parser("exports", __doc__)
    parser.add_argument("--runs", type=pathlib.Path, default=ROOT / "runs")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    require()
    rows: list[dict[str, Any]] = []
    for corpus, (run, file) in CORPORA.items():
        gold = list(formats.read(DATA / "ner" / file))
        if options.quick:
            gold = data.spread(gold, _QUICK_SENTENCES)
        with tempfile.TemporaryDirectory() as name:
            folders = export_all(str(options.runs / run), name, gold)
            rows += [
                {"corpus": corpus, **row} for row in measure(folders, gold)
            ]
    goals = [
        report.Goal.at_most(
            f"{row['corpus']}, {row['what']}: differing entities",
            0,
            row["differing"],
        )._asdict()
        for row in rows
        if row["what"] in EXACT
    ]
    return report.publish(
        None if options.quick else options.json,
        "exports.py --runs=RUNS",
        goals,
        {"rows": rows},
    )


def export_all(
    model_dir: str, folder: str, gold: Sequence[Sentence]
) -> dict[str, str]:
    """Exports a model in every way; the directories by what they hold."""
    from biaffine_tf.export.export import export

    folders = {MODEL: model_dir}
    for number, (what, settings) in enumerate(WAYS.items()):
        harness.say(f"exporting {model_dir}: {what}")
        folders[what] = str(pathlib.Path(folder, str(number)))
        export(model_dir, folders[what], gold=gold, **settings)
    return folders


def measure(
    folders: Mapping[str, str], gold: Sequence[Sentence]
) -> list[dict[str, Any]]:
    """A row for the model and each export."""
    texts = [sentence.text for sentence in gold]
    rates: dict[int, dict[str, float]] = {}
    found: dict[str, list[list[Span]]] = {}
    for threads in (1, 2):
        with contextlib.ExitStack() as stack:
            workers = {
                what: stack.enter_context(
                    Worker(
                        "benchmarks.workers.ours_loaded:Loaded",
                        directory=folder,
                        texts=texts,
                        threads=threads,
                    )
                )
                for what, folder in folders.items()
            }
            measured = harness.alternate(
                {
                    what: functools.partial(worker.measure)
                    for what, worker in workers.items()
                },
                rounds=_ROUNDS,
                title=f"{threads} threads:",
            )
            rates[threads] = {
                what: statistics.median(one.rate for one in some)
                for what, some in measured.items()
            }
            if threads == 1:
                found = {
                    what: [
                        [Span(*row) for row in spans]
                        for spans in worker.ask(answers=True)["found"]
                    ]
                    for what, worker in workers.items()
                }
    return [
        {
            "what": what,
            "entities": sum(map(len, found[what])),
            "differing": _differing(found[MODEL], found[what]),
            "micro_f1": round(_micro_f1(gold, found[what]), 4),
            "mib": harness.rounded(_bytes(folder) / 2**20),
            "sentences_per_second_1": harness.rounded(rates[1][what]),
            "sentences_per_second_2": harness.rounded(rates[2][what]),
        }
        for what, folder in folders.items()
    ]


def _differing(
    wanted: Sequence[Sequence[Span]], found: Sequence[Sequence[Span]]
) -> int:
    return sum(len(set(a) ^ set(b)) for a, b in zip(wanted, found, strict=True))


def _micro_f1(
    gold: Sequence[Sentence], found: Sequence[Sequence[Span]]
) -> float:
    pairs = (
        (sentence, sentence.replace_spans(spans))
        for sentence, spans in zip(gold, found, strict=True)
    )
    return evaluation.score(pairs).micro.f1


def _bytes(folder: str) -> int:
    """Bytes that prediction needs on disk; weights of a model directory."""
    path = pathlib.Path(folder)
    weights = path / "weights.safetensors"
    if weights.exists():
        return weights.stat().st_size
    return sum(
        file.stat().st_size for file in path.rglob("*") if file.is_file()
    )


if __name__ == "__main__":
    sys.exit(main())

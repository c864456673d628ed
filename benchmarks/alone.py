"""Exports in fresh environments that hold what they need, and nothing else.

python benchmarks/alone.py --model_dir=MODEL [--json=FILE]

A virtual environment with tensorflow and tensorflow-text alone answers from a
SavedModel, and one with onnxruntime, tokenizers and numpy from an ONNX model:
CLUENER's dev set and the hostile texts of the gate, compared with what the
model directory answers. Installs by pip; takes some minutes and 3 GB of disk
that it gives back.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, report, soak
from benchmarks.harness import say
from biaffine_tf.config import ExportFormat

NEEDS = {
    ExportFormat.SAVED_MODEL: ("tensorflow", "tensorflow-text"),
    ExportFormat.ONNX: ("onnxruntime", "tokenizers", "numpy"),
}


def main() -> int:
    """Asks both; the exit code says whether they answer as the model."""
    parser = report.parser("alone", __doc__)
    parser.add_argument("--model_dir", required=True)
    options = parser.parse_args()
    data.require()
    from biaffine_tf.export import parity

    texts = [
        *(text.encode() for text in data.texts("dev")),
        *parity.HOSTILE,
    ]
    wanted = [
        {row[:3] for row in rows}
        for rows in soak.answers_of_model(options.model_dir, texts)
    ]
    rows = [
        ask(options.model_dir, format, texts, wanted) for format in ExportFormat
    ]
    goals = [
        report.Goal.at_most(
            f"{row['export']}: differing entities", 0, row["differing"]
        )
        for row in rows
    ]
    return report.publish(
        options.json,
        "alone.py --model_dir=MODEL",
        goals,
        {"rows": rows},
    )


def ask(
    model_dir: str,
    format: ExportFormat,
    texts: Sequence[bytes],
    wanted: Sequence[set[tuple[int, int, str]]],
) -> dict[str, Any]:
    """Exports, makes the environment, and compares what is answered there."""
    from biaffine_tf.export import export

    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        exported = str(folder / "export")
        export.export(model_dir, exported, format=format)
        say(f"{format}: installing {', '.join(NEEDS[format])}")
        pins = [f"{one}=={metadata.version(one)}" for one in NEEDS[format]]
        python = make_environment(folder / "venv", pins)
        begun = time.perf_counter()
        found = export.answers(exported, texts, python=python)
        seconds = time.perf_counter() - begun
        answered = [{tuple(row[:3]) for row in rows} for rows in found]
        size = sum(
            file.stat().st_size
            for file in (folder / "venv").rglob("*")
            if file.is_file() and not file.is_symlink()
        )
        return {
            "export": str(format),
            "installed": " ".join(pins),
            "mib": round(size / 2**20),
            "texts": len(texts),
            "entities": sum(map(len, wanted)),
            "differing": sum(
                len(one ^ other)
                for one, other in zip(wanted, answered, strict=True)
            ),
            "seconds_from_start_to_last_answer": round(seconds, 1),
        }


def make_environment(folder: pathlib.Path, packages: Sequence[str]) -> str:
    """The interpreter of a new virtual environment with packages."""
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin" / "python")
    subprocess.run(
        [python, "-m", "pip", "install", "--quiet", *packages], check=True
    )
    return python


if __name__ == "__main__":
    sys.exit(main())

"""A training run that also says how much processor time it took."""

from __future__ import annotations

import pathlib
import runpy
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from benchmarks.data import ROOT, read_results
from biaffine_tf.files import write_json

SECONDS = "processor_seconds.json"


def _main() -> None:
    (output,) = (
        pathlib.Path(flag.partition("=")[2])
        for flag in sys.argv
        if flag.startswith("--output_dir=")
    )
    code: object = 1
    try:
        runpy.run_path(str(ROOT / "run_classifier.py"), run_name="__main__")
    except SystemExit as end:
        code = end.code
    finally:
        if output.exists():
            path = output / SECONDS
            before = read_results(path, "seconds") if path.exists() else 0.0
            write_json(path, {"seconds": before + time.process_time()})
    sys.exit(code)  # type: ignore[arg-type]


if __name__ == "__main__":
    _main()

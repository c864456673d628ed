"""Training on a GPU: what bfloat16 and XLA give, in steps.

python benchmarks/gpu.py [--quick] [--json=FILE] [--shapes=6x384,...]

Fine-tuning on CLUENER (sentences a second) and masked language modelling
(tokens a second) in float32, in mixed bfloat16, and with XLA, which compiles
the encoder once for each shape of batch: there are as many as length buckets.
First passes, in which TensorFlow traces and XLA compiles, are rows of their
own. Without a GPU it lists what it would measure.

Tests need no GPU for the rest: tests/training/test_gpu_copies.py has the copies
to the host within a step, by `benchmarks.workers.placement`.
"""

from __future__ import annotations

import contextlib
import pathlib
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import compare, harness, options
from benchmarks.report import Report
from benchmarks.shapes import Shape
from biaffine_tf import machine

NAME = "gpu"
SHAPES = ("6x384", "12x768")
GOAL = 1.0  # bfloat16 over float32, and XLA over the same without it
_BATCHES = 24
_QUICK_BATCHES = 4

FLOAT32 = "float32"
HALF = "bfloat16"
COMPILED = "bfloat16, XLA"
SETTINGS: dict[str, dict[str, Any]] = {
    FLOAT32: {},
    HALF: {"precision": "mixed_bfloat16"},
    COMPILED: {"precision": "mixed_bfloat16", "xla": True},
}
SUBJECTS = {
    "fine-tuning": ("ours_training:TrainingSteps", "sentences"),
    "masked LM": ("ours_pretraining:MaskedSteps", "tokens"),
}


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    if not machine.has_gpu():
        options.parse(NAME, __doc__, shapes=SHAPES)  # --help, and mistakes
        print("no GPU here; on one, this would be measured:")
        for shape in SHAPES:
            for task, (_, unit) in SUBJECTS.items():
                print(f"{shape}, {task}, {unit}/s: {'; '.join(SETTINGS)}")
        return 0
    return compare.main(
        NAME,
        __doc__,
        measure,
        shapes=SHAPES,
        packages=(),
        unit="sentences or tokens a second",
        title="Training on a GPU",
    )


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> compare.Panels:
    """Measures one shape into the report; the median rates by subject."""
    panels: compare.Panels = {}
    for task, (subject, unit) in SUBJECTS.items():
        with contextlib.ExitStack() as stack:
            workers = {
                f"{task}, {name}": stack.enter_context(
                    harness.Worker(
                        f"benchmarks.workers.{subject}",
                        on_gpu=True,
                        shape=str(shape),
                        seed=chosen.seed,
                        batches=_QUICK_BATCHES if chosen.quick else _BATCHES,
                        **settings,
                    )
                )
                for name, settings in SETTINGS.items()
            }
            for worker in workers.values():
                worker.about.pop("input_ids", None)
            found, rates = compare.measure_workers(
                shape, workers, chosen, report, unit=unit
            )
        panels |= {f"{name}, {task}": bars for name, bars in rates.items()}
        for faster, slower in ((HALF, FLOAT32), (COMPILED, HALF)):
            compare.add_ratio(
                report,
                shape,
                harness.ratio(
                    found[f"{task}, {faster}"], found[f"{task}, {slower}"]
                ),
                goal=f"{task} {shape}: {faster} over {slower}",
                wanted=GOAL,
                name=f"{task}, {faster} over {slower}",
            )
    return panels


if __name__ == "__main__":
    sys.exit(main())

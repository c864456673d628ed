"""Training: ours against the token classifier of transformers.

python benchmarks/train_speed.py [--quick] [--json=FILE] [--shapes=4x256,...]

Sentences a second in training steps, with two threads on the same sentences of
CLUENER, in batches of 32. A round is a pass over a sample, a full batch of
each length bucket of the train set (of some of them for larger encoders). The
goals compare float32 with float32; rows in bfloat16 (Keras's mixed policy
against PyTorch's autocast) show what the processor's instructions for it give,
and are left out where it has none.

Ours: records, the tf.data pipeline (its shuffling, bucketing and padding are
timed too), the SpanTrainer step with the biaffine head and its loss over all
pairs, clipping, AdamW. The peer has no span head: BertForTokenClassification,
batches sorted by length in random order, tensors made beforehand, clipping,
fused AdamW; run eagerly, and compiled by torch.compile for any length. First
passes, in which ours traces, are rows of their own.
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

NAME = "train_speed"
GOALS = {"4x256": 1.3, "6x384": 1.3, "12x768": 1.15}
COMPILED_GOAL = 1.0  # over the same under torch.compile
# So many that a round takes some 5 to 20 seconds on two cores.
_BATCHES = {"4x256": 24, "6x384": 12, "12x768": 4}
_QUICK_BATCHES = 4

OURS, PEER = "ours", "transformers"
COMPILED = "transformers, compiled"
OURS_HALF, PEER_HALF = "ours, bfloat16", "transformers, bfloat16"


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    return compare.main(
        NAME,
        __doc__,
        measure,
        shapes=list(GOALS),
        packages=("torch", "transformers"),
        unit="sentences a second",
        title="Training",
    )


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> compare.Panels:
    """Measures one shape into the report; the median rates by subject."""
    name = str(shape)
    common = {"shape": name, "seed": chosen.seed}
    batches = _QUICK_BATCHES if chosen.quick else _BATCHES.get(name, 4)
    workers: dict[str, harness.Worker] = {}
    with contextlib.ExitStack() as stack:

        def start(what: str, subject: str, **settings: Any) -> None:
            workers[what] = stack.enter_context(
                harness.Worker(
                    f"benchmarks.workers.{subject}:TrainingSteps",
                    **settings,
                    **common,
                )
            )

        ours = {OURS: "float32"}
        peers: dict[str, dict[str, Any]] = {
            PEER: {},
            COMPILED: {"compiled": True},
        }
        if machine.has_bfloat16():
            ours[OURS_HALF] = "mixed_bfloat16"
            peers[PEER_HALF] = {"bfloat16": True}
        else:
            harness.say("bfloat16 left out: no instructions for it here")
        for what, precision in ours.items():
            start(what, "ours_training", batches=batches, precision=precision)
            input_ids = workers[what].about.pop("input_ids")
        for what, settings in peers.items():
            start(what, "peer_transformers", input_ids=input_ids, **settings)
        found, panels = compare.measure_workers(
            shape, workers, chosen, report, unit="sentences"
        )
    compare.add_ratio(
        report,
        shape,
        harness.ratio(found[OURS], found[PEER]),
        goal=f"training {name}: ours over the token classifier",
        wanted=GOALS.get(name),
    )
    compare.add_ratio(
        report,
        shape,
        harness.ratio(found[OURS], found[COMPILED]),
        goal=f"training {name}: ours over the same under torch.compile",
        wanted=COMPILED_GOAL if name in GOALS else None,
        name="ratio, compiled",
    )
    if OURS_HALF in found:
        halved = harness.ratio(found[OURS_HALF], found[PEER_HALF])
        compare.add_ratio(report, shape, halved, name="ratio, both bfloat16")
    return panels


if __name__ == "__main__":
    sys.exit(main())

"""Pretraining: ours against BertForMaskedLM of transformers.

python benchmarks/pretrain_speed.py [--quick] [--json=FILE] [--shapes=...]

Tokens a second in training steps of masked language modelling, with two threads
on the same batches of 32 sequences of 128 random tokens, 15 % of them masked,
over BERT's Chinese vocabulary. Forward, backward, gradients clipped by their
norm, AdamW. Tensors are made beforehand for both.

Ours scores the vocabulary at masked positions alone, and computes the last
layer for them alone; the peer does both at all positions and then asks for the
loss at the masked ones, as its users do.
"""

from __future__ import annotations

import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import compare, harness, options
from benchmarks.report import Report
from benchmarks.shapes import Shape

NAME = "pretrain_speed"
GOALS = {"4x256": 1.0, "6x384": 1.0}
_BATCHES = {"4x256": 8, "6x384": 4}
_QUICK_BATCHES = 2

OURS, PEER = "ours", "transformers"


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    return compare.main(
        NAME,
        __doc__,
        measure,
        shapes=list(GOALS),
        packages=("torch", "transformers"),
        unit="tokens a second",
        title="Pretraining",
    )


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> compare.Panels:
    """Measures one shape into the report; the median rates by subject."""
    name = str(shape)
    batches = _QUICK_BATCHES if chosen.quick else _BATCHES.get(name, 2)
    modules = {OURS: "ours_pretraining", PEER: "peer_pretraining"}
    with contextlib.ExitStack() as stack:
        workers = {
            what: stack.enter_context(
                harness.Worker(
                    f"benchmarks.workers.{module}:MaskedSteps",
                    shape=name,
                    seed=chosen.seed,
                    batches=batches,
                )
            )
            for what, module in modules.items()
        }
        found, panels = compare.measure_workers(
            shape, workers, chosen, report, unit="tokens"
        )
    compare.add_ratio(
        report,
        shape,
        harness.ratio(found[OURS], found[PEER]),
        goal=f"pretraining {name}: ours over BertForMaskedLM",
        wanted=GOALS.get(name),
    )
    return panels


if __name__ == "__main__":
    sys.exit(main())

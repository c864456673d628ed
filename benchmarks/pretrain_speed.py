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

from benchmarks import data, harness, options, plots
from benchmarks.report import Goal, Report
from benchmarks.shapes import Shape

NAME = "pretrain_speed"
GOALS = {"4x256": 1.0, "6x384": 1.0}
_BATCHES = {"4x256": 8, "6x384": 4}
_QUICK_BATCHES = 2

OURS, PEER = "ours", "transformers"


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    chosen = options.parse(NAME, __doc__, shapes=list(GOALS))
    data.require()
    options.require_packages("torch", "transformers", "matplotlib")
    report = Report(NAME, chosen)
    panels = {
        str(shape): measure(shape, chosen, report) for shape in chosen.shapes
    }
    return report.finish(
        plots.bars(panels, unit="tokens a second", title="Pretraining")
    )


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> dict[str, float]:
    """Measures one shape into the report; the median rates by subject."""
    name = str(shape)
    settings = {
        "shape": name,
        "seed": chosen.seed,
        "batches": _QUICK_BATCHES if chosen.quick else _BATCHES.get(name, 2),
    }
    with contextlib.ExitStack() as stack:
        workers = {
            what: stack.enter_context(
                harness.Worker(
                    f"benchmarks.workers.{module}:MaskedSteps", **settings
                )
            )
            for what, module in (
                (OURS, "ours_pretraining"),
                (PEER, "peer_pretraining"),
            )
        }
        measured = harness.alternate(
            {what: worker.measure for what, worker in workers.items()},
            rounds=chosen.rounds,
            title=f"{name}:",
        )
        about = {what: worker.about for what, worker in workers.items()}
    rows = [
        harness.rate_row(what, found, unit="tokens", shape=name)
        for what, found in measured.items()
    ]
    report.rows += rows
    got = harness.ratio(measured[OURS], measured[PEER])
    report.details[name] = {**about, "ratio": harness.rounded(got)}
    if name in GOALS:
        report.goals.append(
            Goal.at_least(
                f"pretraining {name}: ours over BertForMaskedLM",
                GOALS[name],
                got,
            )
        )
    return {row["what"]: row["median"] for row in rows}


if __name__ == "__main__":
    sys.exit(main())

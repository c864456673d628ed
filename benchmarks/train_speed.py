"""Training: ours against the token classifier of transformers.

python benchmarks/train_speed.py [--quick] [--json=FILE] [--shapes=4x256,...]

Sentences a second in training steps, with two threads on the same sentences of
CLUENER, in batches of 32. A round is a pass over a sample, a full batch of
each length bucket of the train set (of some of them for larger encoders). The
goals compare float32 with float32; rows in bfloat16 (Keras's mixed policy
against PyTorch's autocast) show what the processor's instructions for it give.

Ours: records, the tf.data pipeline (its shuffling, bucketing and padding are
timed too), the SpanTrainer step with the biaffine head and its loss over all
pairs, clipping, AdamW. The peer has no span head: BertForTokenClassification,
batches sorted by length in random order, tensors made beforehand, clipping,
fused AdamW. First passes, in which ours traces, are rows of their own.
"""

from __future__ import annotations

import contextlib
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import data, harness, options, plots
from benchmarks.report import Goal, Report
from benchmarks.shapes import Shape

NAME = "train_speed"
GOALS = {"4x256": 1.3, "6x384": 1.25, "12x768": 1.15}
# So many that a round takes some 5 to 20 seconds on two cores.
_BATCHES = {"4x256": 24, "6x384": 12, "12x768": 4}
_QUICK_BATCHES = 4

OURS, PEER = "ours", "transformers"
OURS_HALF, PEER_HALF = "ours, bfloat16", "transformers, bfloat16"


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    chosen = options.parse(NAME, __doc__, shapes=list(GOALS))
    data.require()
    options.require_packages("torch", "transformers", "matplotlib")
    report = Report(NAME, chosen)
    panels = {}
    for shape in chosen.shapes:
        panels[str(shape)] = measure(shape, chosen, report)
    return report.finish(
        plots.bars(panels, unit="sentences a second", title="Training")
    )


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> dict[str, float]:
    """Measures one shape into the report; the median rates by subject."""
    name = str(shape)
    common = {"shape": name, "seed": chosen.seed}
    batches = _QUICK_BATCHES if chosen.quick else _BATCHES.get(name, 4)
    workers: dict[str, harness.Worker] = {}
    with contextlib.ExitStack() as stack:
        for what, precision in (
            (OURS, "float32"),
            (OURS_HALF, "mixed_bfloat16"),
        ):
            workers[what] = stack.enter_context(
                harness.Worker(
                    "benchmarks.workers.ours_training:TrainingSteps",
                    batches=batches,
                    precision=precision,
                    **common,
                )
            )
            input_ids = workers[what].about.pop("input_ids")
        for what, bfloat16 in ((PEER, False), (PEER_HALF, True)):
            workers[what] = stack.enter_context(
                harness.Worker(
                    "benchmarks.workers.peer_transformers:TrainingSteps",
                    input_ids=input_ids,
                    bfloat16=bfloat16,
                    **common,
                )
            )
        measured = harness.alternate(
            {what: worker.measure for what, worker in workers.items()},
            rounds=chosen.rounds,
            title=f"{name}:",
        )
        about = {what: worker.about for what, worker in workers.items()}
    rows = [
        harness.rate_row(what, found, unit="sentences", shape=name)
        for what, found in measured.items()
    ]
    report.rows += rows
    for what, facts in about.items():
        report.rows.append(
            harness.row(
                f"{what}, first pass",
                [facts["first_pass_seconds"]],
                unit="s",
                shape=name,
            )
        )
    got = harness.ratio(measured[OURS], measured[PEER])
    half = harness.ratio(measured[OURS_HALF], measured[PEER_HALF])
    report.details[name] = {
        **about,
        "ratio": harness.rounded(got),
        "ratio, both bfloat16": harness.rounded(half),
    }
    if name in GOALS:
        report.goals.append(
            Goal.at_least(
                f"training {name}: ours over the token classifier",
                GOALS[name],
                got,
            )
        )
    return {row["what"]: row["median"] for row in rows}


if __name__ == "__main__":
    sys.exit(main())

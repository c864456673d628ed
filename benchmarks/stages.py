"""Where the time of prediction goes, stage by stage.

python benchmarks/stages.py [--quick] [--json=FILE] [--shapes=4x256,...]

Milliseconds of processor time for a sentence of CLUENER's dev set, all
sentences together and one by one (a hundred), of a model directory by
TensorFlow, ONNX, and ONNX in int8. ONNX has one core, so that processor time is
time; TensorFlow has two.

The stages: reading the file, tokenization, windows and batches, encoder,
scoring of all pairs, search for candidates, candidates in characters,
decoding, entities. Scoring and search are differences: of the network that
ends with scores from that which ends with the encoder, and of the whole one
from that. TensorFlow's search scores block by block, and has both in one.

Weights are random; the heads propose some seven candidates for each entity
that is kept, trained ones hardly more than one.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import statistics
import sys
from collections.abc import Sequence

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import compare, data, harness, options
from benchmarks.harness import Measurement
from benchmarks.report import Goal, Report
from benchmarks.shapes import Shape

NAME = "stages"
SHAPES = ("4x256", "6x384", "12x768")
KINDS = ("tensorflow", "onnx", "int8")
SHARE_GOAL = 0.05  # of all but the encoder, in batches
SINGLE_GOAL = 0.5  # ms of all but the encoder, one by one
_ENCODER = "encoder"
_TEXTS = 336
_QUICK_TEXTS = 64
_SINGLE_TEXTS = 100


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    return compare.main(
        NAME,
        __doc__,
        measure,
        shapes=SHAPES,
        packages=("onnxruntime",),
        unit="ms a sentence",
        title="Stages",
    )


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> compare.Panels:
    """Measures one shape into the report; a panel for each way."""
    texts = data.texts("dev")
    texts = data.spread(texts, _QUICK_TEXTS if chosen.quick else _TEXTS)
    ways = {"in batches": False, "one by one": True}
    with contextlib.ExitStack() as stack:
        workers = {
            kind: stack.enter_context(
                harness.Worker(
                    "benchmarks.workers.ours_stages:Stages",
                    shape=str(shape),
                    kind=kind,
                    texts=texts,
                    single_texts=data.spread(texts, _SINGLE_TEXTS),
                    entities_per_sentence=data.entities_per_sentence("dev"),
                    seed=chosen.seed,
                )
            )
            for kind in KINDS
        }
        subjects = {
            (kind, way): functools.partial(worker.measure, one_by_one=is_alone)
            for kind, worker in workers.items()
            for way, is_alone in ways.items()
        }
        measured = harness.alternate(
            {", ".join(key): ask for key, ask in subjects.items()},
            rounds=chosen.rounds,
            title=f"{shape}:",
        )
    panels: compare.Panels = {}
    for kind, way in subjects:
        found = measured[f"{kind}, {way}"]
        panel = add(report, shape, kind, way, found)
        panels[f"{shape}, {kind}, {way}"] = panel
    return panels


def add(
    report: Report,
    shape: Shape,
    kind: str,
    way: str,
    found: Sequence[Measurement],
) -> dict[str, float]:
    """Adds the rows of a kind of model, and its goal; returns the medians."""
    rounds = [one.extra["stages"] for one in found]
    medians = {}
    for stage in rounds[0]:
        values = [stages[stage] for stages in rounds]
        medians[stage] = statistics.median(values)
        report.rows.append(
            harness.row(
                f"{kind}, {way}: {stage}", values, unit="ms", shape=str(shape)
            )
        )
    rest = sum(medians.values()) - medians[_ENCODER]
    share = rest / sum(medians.values())
    name = f"stages {shape}: all but the encoder, {kind}, {way}"
    report.details[name] = {
        "milliseconds": harness.rounded(rest),
        "share": harness.rounded(share),
    }
    if kind != "tensorflow":
        goal = (
            Goal.at_most(f"{name}, ms", SINGLE_GOAL, rest)
            if way == "one by one"
            else Goal.at_most(f"{name}, share", SHARE_GOAL, share)
        )
        report.goals.append(goal)
    return medians


if __name__ == "__main__":
    sys.exit(main())

"""How much of what the machine could do the encoder's products get done.

python benchmarks/utilisation.py [--quick] [--json=FILE] [--shapes=12x768]

The machine's peak is the rate of the best of some float32 matrix products in
TensorFlow, measured in the same rounds. Achieved is the number of operations
of the encoder's matrix products over real positions (`encoder_operations` in
shapes.py; padding, norms, softmax, embeddings count nothing) over the whole
time of the encoder: forward in prediction, forward and backward in training.
The rates over the time of everything (input, head, loss, optimizer; text to
entities) are rows too, and a profile says what operations the time goes to.
"""

from __future__ import annotations

import functools
import pathlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import compare, data, harness, options
from benchmarks.harness import Measurement, Worker
from benchmarks.report import Goal, Report, print_table
from benchmarks.shapes import Shape

NAME = "utilisation"
GOALS = {"training, encoder": 0.65, "prediction, encoder": 0.8}
_GOAL_SHAPE = Shape(12, 768)
_TEXTS = 320  # of the dev set's, evenly spaced
_QUICK_TEXTS = 64
# Encoder positions of a batch of 32 or so.
_POSITIONS = 1280
_PROFILE_BARS = 12


def main() -> int:
    """Measures every shape; the exit code says whether the goals are met."""
    return compare.main(
        NAME,
        __doc__,
        measure,
        shapes=[str(_GOAL_SHAPE)],
        packages=(),
        unit="share",
        title="Utilisation of the machine",
    )


def products(shape: Shape) -> dict[str, tuple[int, int, int]]:
    """Square products, and those of a layer of the encoder."""
    width, intermediate = shape.width, shape.intermediate
    sizes = [
        (1024, 1024, 1024),
        (2048, 2048, 2048),
        (_POSITIONS, width, width),
        (_POSITIONS, width, intermediate),
        (_POSITIONS, intermediate, width),
    ]
    return {f"product {a} x {b} x {c}": (a, b, c) for a, b, c in sizes}


def measure(
    shape: Shape, chosen: options.Options, report: Report
) -> compare.Panels:
    """Measures one shape into the report; the panels of its plot."""
    count = _QUICK_TEXTS if chosen.quick else _TEXTS
    with Worker(
        "benchmarks.workers.ours_utilisation:Utilisation",
        shape=str(shape),
        texts=data.spread(data.texts("dev"), count),
        products=products(shape),
        entities_per_sentence=data.entities_per_sentence("dev"),
        seed=chosen.seed,
    ) as worker:
        names = [*worker.about["products"], *worker.about["parts"]]
        measured = harness.alternate(
            {
                name: functools.partial(worker.measure, part=name)
                for name in names
            },
            rounds=chosen.rounds,
            title=f"{shape}:",
        )
        profiles = {
            part: worker.ask(part=part, profiled=True)["operations"]
            for part in ("training, whole", "prediction, whole")
        }
    shares = add_rows(shape, measured, worker.about["parts"], report)
    report.details[str(shape)] = {"profiles": profiles}
    panels = {f"{shape}: share of the peak": shares}
    for part, rows in profiles.items():
        title = f"{shape}: {part}, by operation"
        print_table(title, rows[:_PROFILE_BARS])
        panels[title] = {
            row["type"]: row["share"] for row in rows[:_PROFILE_BARS]
        }
    return panels


def add_rows(
    shape: Shape,
    measured: Mapping[str, Sequence[Measurement]],
    parts: Sequence[str],
    report: Report,
) -> dict[str, float]:
    """Rates and goals of one shape; the share of the peak of each part."""
    rates = {
        name: statistics.median(m.rate for m in found)
        for name, found in measured.items()
    }
    peak = max(rate for name, rate in rates.items() if name not in parts)
    for name, found in measured.items():
        report.rows.append(_row(shape, name, found, rates[name] / peak))
    shares = {name: rates[name] / peak for name in parts}
    if shape == _GOAL_SHAPE:
        report.goals += [
            Goal.at_least(
                f"{part} {shape}: share of the peak", want, shares[part]
            )
            for part, want in GOALS.items()
        ]
    return shares


def _row(
    shape: Shape, name: str, found: Sequence[Measurement], share: float
) -> dict[str, Any]:
    billions = [m._replace(units=m.units / 1e9) for m in found]
    return harness.rate_row(
        name,
        billions,
        unit="Gflop",
        shape=str(shape),
        share=harness.rounded(share),
    )


if __name__ == "__main__":
    sys.exit(main())

"""Prediction, text in and entities out: ours against what others offer.

python benchmarks/predict_speed.py [--quick] [--json=FILE] [--shapes=...]

Sentences of CLUENER's dev set a second, start-up and first passes apart, all
in float32 (but for int8 weights of ONNX) with two threads: our Predictor, all
at once and one sentence at a time, and what is exported of it; the
token-classification pipeline of transformers with the batch size that is best
for it, and its model alone on tensors made beforehand (sorted by length,
nothing done with the logits: no user gets this, it is a bound); and, at the
smallest shape, SpanMarker with its own defaults. What goes one by one, and
SpanMarker, get a sample of the sentences; at 768 wide all get a quarter of the
set. Ours reads characters, the peers WordPiece tokens, which are a little fewer
where a text has Latin words or numbers.

Weights are random, but ours and the pipeline's are biased to find about as
many entities as the dev set has: random heads find either none or a flood.
"""

from __future__ import annotations

import contextlib
import functools
import pathlib
import statistics
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import compare, data, harness, options, plots
from benchmarks.harness import Measurement, Worker
from benchmarks.report import Goal, Report
from benchmarks.shapes import Shape

NAME = "predict_speed"
PIPELINE_GOALS = {"4x256": 2.5, "6x384": 1.5, "12x768": 1.1}
SINGLE_GOAL = 8
INT8_GOAL = 2.0  # ONNX in int8 over the pipeline, at 12x768
SPAN_MARKER_GOAL = 20
# Where one by one and SpanMarker are compared, the latter also measured.
_SMALL = Shape(4, 256)

OURS = "ours"
SINGLE = "ours, one by one"
INT8 = "ours, ONNX int8"
EXPORTS = {
    "ours, SavedModel": ("saved_model", "float32"),
    "ours, ONNX": ("onnx", "float32"),
    INT8: ("onnx", "int8"),
}
PIPELINE = "transformers, pipeline"
BARE = "transformers, model alone"
SPAN_MARKER = "SpanMarker"

_LARGE_WIDTH = 768
_SINGLE_TEXTS = 100
_SPAN_MARKER_TEXTS = 64
_QUICK_TEXTS = 64
_LARGE_TEXTS = 336  # a quarter of the set: a large encoder takes its time


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    chosen = options.parse(NAME, __doc__, shapes=list(PIPELINE_GOALS))
    data.require()
    options.require_packages(
        "torch", "transformers", "span_marker", "matplotlib"
    )
    report = Report(NAME, chosen)
    texts = data.texts("dev")
    if chosen.quick:
        texts = data.spread(texts, _QUICK_TEXTS)
    report.details["sentences"] = len(texts)
    report.details["entities_per_sentence"] = data.entities_per_sentence("dev")
    panels = {}
    for shape in chosen.shapes:
        sample = texts
        if shape.width >= _LARGE_WIDTH:
            sample = data.spread(texts, _LARGE_TEXTS)
        measured = measure(shape, sample, chosen, report)
        add_goals(shape, measured, report)
        panels[str(shape)] = {
            what: statistics.median(m.rate for m in found)
            for what, found in measured.items()
        }
    return report.finish(
        plots.bars(panels, unit="sentences a second", title="Prediction")
    )


def measure(
    shape: Shape, texts: Sequence[str], chosen: options.Options, report: Report
) -> dict[str, list[Measurement]]:
    """Measures one shape into the report's rows and details."""
    name = str(shape)
    common = {"shape": name, "seed": chosen.seed}
    random_model = {
        "texts": texts,
        "entities_per_sentence": report.details["entities_per_sentence"],
        **common,
    }
    with contextlib.ExitStack() as stack:
        ours = stack.enter_context(
            Worker(
                "benchmarks.workers.ours_prediction:Predictions",
                single_texts=data.spread(texts, _SINGLE_TEXTS),
                **random_model,
            )
        )
        peer = stack.enter_context(
            Worker(
                "benchmarks.workers.peer_transformers:Pipeline", **random_model
            )
        )
        subjects: dict[str, Callable[[], Measurement]] = {
            OURS: ours.measure,
            PIPELINE: peer.measure,
            SINGLE: functools.partial(ours.measure, one_by_one=True),
            BARE: functools.partial(peer.measure, bare=True),
        }
        about = {OURS: ours.about, PIPELINE: peer.about}
        for what, export in EXPORTS.items():
            worker = stack.enter_context(
                Worker(
                    "benchmarks.workers.ours_prediction:Predictions",
                    single_texts=data.spread(texts, 1),
                    export=export,
                    **random_model,
                )
            )
            subjects[what] = worker.measure
            about[what] = worker.about
        if shape == _SMALL:
            span_marker = stack.enter_context(
                Worker(
                    "benchmarks.workers.peer_span_marker:Predictions",
                    texts=data.spread(texts, _SPAN_MARKER_TEXTS),
                    **common,
                )
            )
            subjects[SPAN_MARKER] = span_marker.measure
            about[SPAN_MARKER] = span_marker.about
        measured = harness.alternate(
            subjects, rounds=chosen.rounds, title=f"{name}:"
        )
    compare.add_rows(
        shape, measured, about, report, unit="sentences", columns=_columns
    )
    return measured


def _columns(found: Sequence[Measurement]) -> dict[str, Any]:
    entities = found[0].extra.get("entities_per_sentence")
    return {"sentences": found[0].units, "entities": entities}


def add_goals(
    shape: Shape, measured: Mapping[str, Sequence[Measurement]], report: Report
) -> None:
    """Goals at this shape; all ratios go into the details."""
    name = str(shape)
    ratios = {
        what: harness.ratio(measured[OURS], found)
        for what, found in measured.items()
        if what != OURS
    }
    report.details[name]["ratios"] = {
        what: harness.rounded(got) for what, got in ratios.items()
    }
    wanted = {PIPELINE: PIPELINE_GOALS.get(name)}
    if shape == _SMALL:
        wanted |= {SPAN_MARKER: SPAN_MARKER_GOAL, SINGLE: SINGLE_GOAL}
    report.goals += [
        Goal.at_least(
            f"prediction {name}: ours over {what}", want, ratios[what]
        )
        for what, want in wanted.items()
        if want is not None
    ]
    if shape.width >= _LARGE_WIDTH:
        got = harness.ratio(measured[INT8], measured[PIPELINE])
        report.goals.append(
            Goal.at_least(
                f"prediction {name}: int8 over {PIPELINE}", INT8_GOAL, got
            )
        )


if __name__ == "__main__":
    sys.exit(main())

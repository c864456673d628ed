"""Prediction, text in and entities out: ours against what others offer.

python benchmarks/predict_speed.py [--quick] [--json=FILE] [--shapes=...]

Sentences of CLUENER's dev set a second, all at once, and milliseconds of a
sentence alone, the median of a hundred; start-up and first passes apart. All
have two threads and float32, but for the int8 ones.

Ours: `biaffine_tf.load` of a model directory with its ONNX form, that by
TensorFlow, a SavedModel, and ONNX in int8. The engines (peer_engines): a token
classifier in torch, torch.compile, ONNX Runtime with its own fusions, its int8
and OpenVINO, each in a loop of its own, with the settings that are best for it.
Further, the token-classification pipeline of transformers with the batch size
that is best for it, its model alone on tensors made beforehand (nothing done
with the logits: no user gets this), and, at the smallest shape, SpanMarker on a
sample. At 768 wide all get a quarter of the set. Ours reads characters, the
peers WordPiece tokens, which are a little fewer where a text has Latin words or
numbers.

Weights are random, but heads are biased to find about as many entities as the
dev set has: random ones find either none or a flood.
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
INT8_GOALS = {"12x768": 2.0}  # int8 over the pipeline
ENGINE_GOAL = 1.0  # sentences a second, over the fastest engine
SINGLE_GOAL = 1.15  # time of a sentence alone, over ONNX Runtime's
SPAN_MARKER_GOAL = 20
# Where SpanMarker is compared.
_SMALL = Shape(4, 256)

OURS = "ours"
INT8 = "ours, int8"
# Settings of the worker.
OURS_AS = {
    OURS: {},
    "ours, TensorFlow": {"engine": "tensorflow"},
    "ours, SavedModel": {"export": ("saved_model", "float32")},
    INT8: {"export": ("onnx", "int8")},
}
RUNTIME, RUNTIME_INT8 = "onnxruntime", "onnxruntime, int8"
FLOAT32_ENGINES = ("torch", "torch, compiled", RUNTIME, "OpenVINO")
ENGINES = (*FLOAT32_ENGINES, RUNTIME_INT8)
PIPELINE = "transformers, pipeline"
BARE = "transformers, model alone"
SPAN_MARKER = "SpanMarker"

_LARGE_WIDTH = 768
_SINGLE_TEXTS = 100
_SPAN_MARKER_TEXTS = 64
_QUICK_TEXTS = 64
_LARGE_TEXTS = 336  # a quarter of the set: a large encoder takes its time


def one_by_one(what: str) -> str:
    """Name of a subject that gets one sentence at a time."""
    return f"{what}, one by one"


def main() -> int:
    """Measures every shape; the exit code says whether all goals are met."""
    chosen = options.parse(NAME, __doc__, shapes=list(PIPELINE_GOALS))
    data.require()
    options.require_packages(
        "matplotlib",
        "onnxruntime",
        "openvino",
        "span_marker",
        "torch",
        "transformers",
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
    }
    subjects: dict[str, Callable[[], Measurement]] = {}
    about: dict[str, Mapping[str, Any]] = {}
    with contextlib.ExitStack() as stack:

        def start(what: str, subject: str, **settings: Any) -> Worker:
            worker = stack.enter_context(
                Worker(f"benchmarks.workers.{subject}", **settings, **common)
            )
            subjects[what], about[what] = worker.measure, worker.about
            return worker

        single = {"single_texts": data.spread(texts, _SINGLE_TEXTS)}
        taggers = {name: {"engine": name} for name in ENGINES}
        both = [("ours_prediction:Predictions", OURS_AS)]
        both += [("peer_engines:Tagger", taggers)]
        for subject, kinds in both:
            for what, settings in kinds.items():
                worker = start(
                    what, subject, **settings, **single, **random_model
                )
                subjects[one_by_one(what)] = functools.partial(
                    worker.measure, one_by_one=True
                )
        peer = start(PIPELINE, "peer_transformers:Pipeline", **random_model)
        subjects[BARE] = functools.partial(peer.measure, bare=True)
        if shape == _SMALL:
            start(
                SPAN_MARKER,
                "peer_span_marker:Predictions",
                texts=data.spread(texts, _SPAN_MARKER_TEXTS),
            )
        measured = harness.alternate(
            subjects, rounds=chosen.rounds, title=f"{name}:"
        )
    compare.add_rows(
        shape, measured, about, report, unit="sentences", columns=_columns
    )
    report.rows += [
        harness.row(what, _milliseconds(found), unit="ms", shape=name)
        for what, found in measured.items()
        if "milliseconds" in found[0].extra
    ]
    return measured


def _milliseconds(found: Sequence[Measurement]) -> list[float]:
    return [one.extra["milliseconds"] for one in found]


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
    add = report.goals.append
    wanted = {PIPELINE: PIPELINE_GOALS.get(name)}
    if shape == _SMALL:
        wanted[SPAN_MARKER] = SPAN_MARKER_GOAL
    for what, want in wanted.items():
        if want is not None:
            goal = f"prediction {name}: ours over {what}"
            add(Goal.at_least(goal, want, ratios[what]))
    if name in INT8_GOALS:
        got = harness.ratio(measured[INT8], measured[PIPELINE])
        goal = f"prediction {name}: {INT8} over {PIPELINE}"
        add(Goal.at_least(goal, INT8_GOALS[name], got))
    for what, engines in ((OURS, FLOAT32_ENGINES), (INT8, (RUNTIME_INT8,))):
        got = min(
            harness.ratio(measured[what], measured[engine])
            for engine in engines
        )
        over = "the fastest engine" if len(engines) > 1 else engines[0]
        goal = f"prediction {name}: {what} over {over}"
        add(Goal.at_least(goal, ENGINE_GOAL, got))
    for what, engine in ((OURS, RUNTIME), (INT8, RUNTIME_INT8)):
        got = statistics.median(
            a / b
            for a, b in zip(
                _milliseconds(measured[one_by_one(what)]),
                _milliseconds(measured[one_by_one(engine)]),
                strict=True,
            )
        )
        goal = f"prediction {name}: time of {what} over {engine}, one by one"
        add(Goal.at_most(goal, SINGLE_GOAL, got))


if __name__ == "__main__":
    sys.exit(main())

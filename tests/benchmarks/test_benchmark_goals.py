"""What the benchmarks make of measurements, by workers that are made up."""

import itertools
import json
import math
import subprocess
import sys
from typing import ClassVar

import pytest

from benchmarks import (
    data,
    gpu,
    growth,
    harness,
    head,
    options,
    predict_speed,
    train_speed,
    utilisation,
)
from benchmarks.harness import Measurement
from benchmarks.report import Report
from benchmarks.shapes import Shape
from benchmarks.workers.ours_head import HeadSteps
from benchmarks.workers.ours_prediction import Predictions
from biaffine_tf import machine


class MadeUpWorker:
    """Answers with the rate of its subject, at once."""

    rates: ClassVar[dict] = {}

    def __init__(self, subject, **settings):
        self._subject = subject.rpartition(".")[2]
        self.about = {"first_pass_seconds": 9.0, "input_ids": [[1, 2]]}
        self.settings = settings

    def measure(self, **request):
        rate = self.rates[self._subject, *request]
        extra = {"entities_per_sentence": 2.0}
        if "one_by_one" in request:
            extra["milliseconds"] = 1000 / rate
        return Measurement(1.0, rate, extra)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass


def report_of(name, *arguments):
    return Report(name, options.parse(name, None, arguments=arguments))


def goals_of(report):
    return {goal.goal: (goal.want, goal.got, goal.met) for goal in report.goals}


@pytest.mark.parametrize(
    ("ours", "met", "halves"), [(130.0, True, True), (129.0, False, False)]
)
def test_training_wants_its_ratio_of_each_known_shape(
    monkeypatch, ours, met, halves
):
    monkeypatch.setattr(harness, "Worker", MadeUpWorker)
    monkeypatch.setattr(machine, "has_bfloat16", lambda: halves)
    MadeUpWorker.rates = {
        ("ours_training:TrainingSteps",): ours,
        ("peer_transformers:TrainingSteps",): 100.0,
    }
    report = report_of("train_speed", "--quick")
    chosen = options.parse("train_speed", None, arguments=["--quick"])
    for shape in ("4x256", "1x64"):
        train_speed.measure(Shape.parse(shape), chosen, report)
    assert goals_of(report) == {
        "training 4x256: ours over the token classifier": (
            ">= 1.3",
            ours / 100,
            met,
        ),
        "training 4x256: ours over the same under torch.compile": (
            ">= 1",
            ours / 100,
            True,
        ),
    }
    rows = [(row["what"], row["shape"], row["median"]) for row in report.rows]
    subjects = {
        "ours": ours,
        "ours, bfloat16": ours,
        "transformers": 100.0,
        "transformers, compiled": 100.0,
        "transformers, bfloat16": 100.0,
    }
    if not halves:
        subjects = {k: v for k, v in subjects.items() if "bfloat16" not in k}
    assert [row for row in rows if row[1] == "4x256"] == [
        *((what, "4x256", rate) for what, rate in subjects.items()),
        *((f"{what}, first pass", "4x256", 9.0) for what in subjects),
    ]
    assert ("ratio, both bfloat16" in report.details["4x256"]) == halves
    json.dumps(report.to_json())


def test_a_gpu_is_compared_with_itself(monkeypatch):
    monkeypatch.setattr(harness, "Worker", MadeUpWorker)
    MadeUpWorker.rates = {
        ("ours_training:TrainingSteps",): 20.0,
        ("ours_pretraining:MaskedSteps",): 10.0,
    }
    report = report_of("gpu", "--quick")
    chosen = options.parse("gpu", None, arguments=["--quick"])
    panels = gpu.measure(Shape.parse("6x384"), chosen, report)
    assert goals_of(report) == {
        f"{task} 6x384: {pair}": (">= 1", 1.0, True)
        for task in ("fine-tuning", "masked LM")
        for pair in (
            "bfloat16 over float32",
            "bfloat16, XLA over bfloat16",
        )
    }
    assert panels["6x384, masked LM"]["masked LM, float32"] == 10.0
    details = report.details["6x384"]
    assert details["fine-tuning, bfloat16 over float32"] == 1.0
    assert "input_ids" not in details["fine-tuning, float32"]
    json.dumps(report.to_json())


def test_without_a_gpu_it_lists_what_it_would_measure(monkeypatch, capsys):
    monkeypatch.setattr(machine, "has_gpu", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu.py"])
    assert gpu.main() == 0
    said = capsys.readouterr().out
    for shape in gpu.SHAPES:
        for task in gpu.SUBJECTS:
            assert f"{shape}, {task}, " in said
    assert "bfloat16, XLA" in said


@pytest.mark.parametrize("shape", ["4x256", "12x768"])
def test_prediction_is_compared_with_everything_that_was_measured(
    monkeypatch, shape
):
    monkeypatch.setattr(predict_speed, "Worker", MadeUpWorker)
    MadeUpWorker.rates = {
        ("ours_prediction:Predictions",): 500.0,
        ("ours_prediction:Predictions", "one_by_one"): 100.0,
        ("peer_transformers:Pipeline",): 100.0,
        ("peer_transformers:Pipeline", "bare"): 400.0,
        ("peer_engines:Tagger",): 400.0,
        ("peer_engines:Tagger", "one_by_one"): 125.0,
        ("peer_span_marker:Predictions",): 10.0,
    }
    report = report_of("predict_speed", "--quick")
    report.details["entities_per_sentence"] = 2.3
    chosen = options.parse("predict_speed", None, arguments=["--quick"])
    measured = predict_speed.measure(
        Shape.parse(shape), ["text"], chosen, report
    )
    predict_speed.add_goals(Shape.parse(shape), measured, report)
    start = f"prediction {shape}:"
    common = {
        f"{start} ours over the fastest engine": (">= 1", 1.25, True),
        f"{start} ours, int8 over onnxruntime, int8": (">= 1", 1.25, True),
        f"{start} time of ours over onnxruntime, one by one": (
            "<= 1.15",
            1.25,
            False,
        ),
        f"{start} time of ours, int8 over onnxruntime, int8, one by one": (
            "<= 1.15",
            1.25,
            False,
        ),
    }
    pipeline = f"{start} ours over transformers, pipeline"
    if shape == "4x256":
        assert goals_of(report) == common | {
            pipeline: (">= 2.5", 5.0, True),
            f"{start} ours over SpanMarker": (">= 20", 50.0, True),
        }
    else:
        assert goals_of(report) == common | {
            pipeline: (">= 1.1", 5.0, True),
            f"{start} ours, int8 over transformers, pipeline": (
                ">= 2",
                5.0,
                True,
            ),
        }
    assert report.details[shape]["ratios"]["transformers, model alone"] == 1.25
    json.dumps(report.to_json())


def test_utilisation_is_a_share_of_the_best_product():
    report = report_of("utilisation", "--quick")

    def rates(*billions):
        return [Measurement(1.0, 1e9 * b, {}) for b in billions]

    shares = utilisation.add_rows(
        Shape(12, 768),
        {
            "product a": rates(90, 110, 100),
            "product b": rates(40, 50, 300),
            "training, encoder": rates(65, 65, 65),
            "prediction, encoder": rates(10, 79, 90),
        },
        ["training, encoder", "prediction, encoder"],
        report,
    )
    assert shares == {"training, encoder": 0.65, "prediction, encoder": 0.79}
    assert [goal.met for goal in report.goals] == [True, False]
    assert [row["share"] for row in report.rows] == [1.0, 0.5, 0.65, 0.79]


@pytest.mark.parametrize(("power", "met"), [(0.5, True), (1, True), (2, False)])
def test_memory_of_the_band_is_to_be_linear(power, met):
    report = report_of("head", "--quick")
    lengths = (64, 128, 256, 512, 1024, 2048)
    curve = [(length, 0.1 * length**power) for length in lengths]
    # What is allocated once bends the beginning of the curve.
    curve[0] = (64, 1000.0)
    head.add_slope_goal({4: {}, 50: {head.BAND: curve}}, report)
    (goal,) = report.goals
    assert goal.got == pytest.approx(power, rel=0.01)
    assert goal.met is met


def test_points_that_are_too_large_are_known_before():
    at_bound = math.isqrt(head._MAX_BYTES // (6 * 4 * 50))
    assert head.needed_bytes(head.FULL, at_bound, 50) <= head._MAX_BYTES
    assert head.needed_bytes(head.FULL, 2 * at_bound, 50) > head._MAX_BYTES
    assert head.needed_bytes(head.BAND, 2 * at_bound, 50) < head._MAX_BYTES


@pytest.mark.parametrize(
    ("seconds", "mebibytes", "met"),
    [
        (100.0, 100.0, [True, True]),
        (130.0, 189.0, [False, True]),
        (79.0, 190.0, [False, False]),
    ],
)
def test_growth_is_judged_by_the_last_step(seconds, mebibytes, met):
    report = report_of("growth", "--quick")

    def found(seconds, mebibytes):
        peak = mebibytes * 2**20
        return [Measurement(seconds, 1, {"peak_bytes": peak})] * 3

    measured = {
        "records x1": found(5.0, 1.0),
        "records x10": found(10.0, 100.0),
        "records x100": found(seconds, mebibytes),
    }
    growth.add_goals("records", measured, report)
    assert [goal.met for goal in report.goals] == met


def test_corpora_are_the_train_set_again_and_again(tmp_path, monkeypatch):
    lines = ["a\n", "二\n", "c\n"]
    (tmp_path / "train.json").write_text("".join(lines), encoding="utf-8")
    monkeypatch.setattr(data, "CLUENER", tmp_path)
    assert growth.write_corpora(tmp_path, 2) == {1: 2, 10: 20, 100: 200}
    text = (tmp_path / "x10.json").read_text(encoding="utf-8")
    assert text == "a\n二\n" * 10


@pytest.mark.parametrize("count", [1, 3, 10, 99])
def test_samples_are_spread_over_everything(count):
    items = list(range(10))
    sample = data.spread(items, count)
    assert len(sample) == min(count, 10)
    assert sample == sorted(set(sample))
    steps = {b - a for a, b in itertools.pairwise(sample)}
    assert len(steps) <= 2 and max(steps, default=0) <= -(-10 // len(sample))


@pytest.mark.slow
@pytest.mark.parametrize("width", [None, 4])
def test_our_head_is_put_together_as_it_is_now(width):
    steps = HeadSteps(
        length=40, num_classes=4, width=16, max_span_width=width, seed=0
    )
    assert steps.about["peak_bytes"] >= 0
    assert steps(training=False, repeats=2)["units"] == 2
    assert steps()["seconds"] > 0
    json.dumps([steps.about, steps()])  # as a worker sends them


@pytest.mark.slow
def test_our_training_and_prediction_are_put_together_as_they_are_now(
    root, data_folder, tmp_path
):
    pytest.importorskip("matplotlib")
    target = tmp_path / "found.json"
    subprocess.run(
        [
            sys.executable,
            "benchmarks/utilisation.py",
            "--quick",
            "--rounds=1",
            "--shapes=1x64",
            f"--json={target}",
        ],
        cwd=root,
        check=True,
        capture_output=True,
    )
    found = json.loads(target.read_text(encoding="utf-8"))
    assert {row["what"] for row in found["rows"]} >= {
        "training, whole",
        "prediction, whole",
    }
    for rows in found["details"]["1x64"]["profiles"].values():
        assert any("MatMul" in row["type"] for row in rows)
        assert sum(row["share"] for row in rows) == pytest.approx(1, abs=0.01)


@pytest.mark.slow
def test_exports_are_put_together_as_they_are_now(
    data_folder, answered_in_copies
):
    texts = data.texts("dev")[:5]
    predictions = Predictions(
        shape="1x64",
        texts=texts,
        single_texts=texts[:1],
        entities_per_sentence=2.0,
        seed=0,
        **predict_speed.OURS_AS["ours, SavedModel"],
    )
    assert predictions()["units"] == 5
    json.dumps([predictions.about, predictions()])  # as a worker sends them

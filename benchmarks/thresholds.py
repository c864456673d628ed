r"""Thresholds fitted for F1 on dev, judged on test.

python benchmarks/thresholds.py [MODEL_DIR:DEV:TEST ...] [--json=FILE]

Takes trained models. Fits calibration and thresholds of each to its dev set, as
training does, and scores its test set with the thresholds and without, on the
engine that `biaffine_tf.load` takes. Data files are relative to DATA/ner. FILE
(default: benchmarks/results/thresholds.json) keeps its rows of others. The
models of benchmarks/first_result.py are meant:

    python benchmarks/thresholds.py \
        RUNS/wnut17_after_42:wnut17/emerging.dev.conll:wnut17/emerging.test.annotated
"""

from __future__ import annotations

import pathlib
import statistics
import sys
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import report
from benchmarks.data import DATA, read_results
from biaffine_tf import evaluation, formats
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.calibration.objectives import ThresholdObjective
from biaffine_tf.commands import completion
from biaffine_tf.inference import loading
from biaffine_tf.inference.windowed import WindowedPredictor


def main() -> int:
    """Measures every model, and says whether thresholds pay on average."""
    parser = report.parser("thresholds", __doc__)
    parser.add_argument("models", nargs="*", metavar="MODEL_DIR:DEV:TEST")
    options = parser.parse_args()
    rows = {}
    if options.json.exists():
        known = read_results(options.json, "thresholds")
        rows = {row["model"]: row for row in known}
    for model in options.models:
        row = _measure(*model.split(":"))
        rows[row["model"]] = row
    if not rows:
        parser.error("no model is given, and none is on record")
    gains = [row["gain"] for row in rows.values()]
    goals = [
        report.Goal.at_least("mean gain on test", 0, statistics.mean(gains)),
        report.Goal.at_least("smallest gain on test", -0.01, min(gains)),
    ]
    return report.publish(
        options.json,
        "thresholds.py MODEL_DIR:DEV:TEST ...",
        goals,
        {"thresholds": [*rows.values()]},
    )


def _measure(model: str, dev: str, test: str) -> dict[str, Any]:
    """Micro F1 on dev and test, with thresholds and without."""
    predictor = loading.load(model, {"calibrated": False})
    assert isinstance(predictor, WindowedPredictor)
    dev_set, test_set = (
        list(formats.read(DATA / "ner" / name)) for name in (dev, test)
    )
    predictor.confidence = Confidence()
    plain = _f1(predictor, dev_set), _f1(predictor, test_set)
    fit = completion.fit(predictor, dev_set, ThresholdObjective())
    assert fit is not None and fit.held_out_scores is not None
    predictor.confidence = fit.confidence
    tuned = _f1(predictor, dev_set), _f1(predictor, test_set)
    return {
        "model": pathlib.Path(model).name,
        "dev": plain[0],
        "dev_tuned": tuned[0],
        "dev_held_out": round(fit.held_out_scores.micro.f1, 4),
        "test": plain[1],
        "test_tuned": tuned[1],
        "gain": round(tuned[1] - plain[1], 4),
    }


def _f1(predictor: WindowedPredictor, sentences: list[Any]) -> float:
    pairs = zip(sentences, predictor.predict(sentences), strict=True)
    return round(evaluation.score(pairs).micro.f1, 4)


if __name__ == "__main__":
    sys.exit(main())

r"""Choosing what to label next, and finding wrong labels, on CLUENER.

python benchmarks/labelling.py [--runs=DIR] [--seeds=1,2,3] [--folds=5]
    [--only=PREFIX ...] [--list]

The first part labels 500 sentences of the training data, drawn at random, then
1,000 and 2,000: drawn further at random, or picked by biaffine_tf.selection
with the model of the labels so far. Each model is a BiLSTM with a CRF, without
pretraining; its epoch and its calibration come from a tenth of its sentences.
F1 is that of CLUENER's dev set, which nothing is chosen or fitted on.

The second part puts errors into 5 % of the entities of 5,000 sentences (see
benchmarks/noise.py), trains biaffine-ensemble on --folds of them, and reads
the sentences in the order of biaffine-audit with its out-of-fold predictions:
the share of the errors in the first tenth. A random order finds a tenth.

Each run can be killed: started again, it goes on; what is done is not done
again. Figures go into benchmarks/results/labelling.json.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import noise, report, studies
from benchmarks.data import read_results
from benchmarks.labelling_runs import (
    NOISE,
    PICKED,
    RANDOM,
    SIZES,
    Arm,
    Files,
    arms,
    prepare,
    steps,
)
from biaffine_tf import formats
from biaffine_tf.files import write_json

RESULT = report.RESULTS / "labelling.json"
LABELS_ALONE, WITH_MODEL = "labels alone", "with out-of-fold predictions"


def review(runs: pathlib.Path, folds: int) -> dict[str, Any]:
    """Measures what the audit finds early, with predictions once there are any.

    Args:
        runs: Folder of the runs.
        folds: Number of folds of the ensemble.
    """
    files = Files(runs)
    gold = list(formats.read(files.noisy))
    errors = [
        noise.Injected(place, noise.Kind(kind))
        for place, kind in read_results(files.errors, "errors")
    ]
    found: dict[str, Any] = {
        "sentences": len(gold),
        "errors": len(errors),
        LABELS_ALONE: noise.found_early(gold, errors),
    }
    predictions = files.out_of_fold(folds)
    if predictions.exists():
        scores = predictions.with_name("scores.json")
        found |= {
            "folds": folds,
            "out-of-fold F1": read_results(scores, "out_of_fold")["micro_f1"],
            WITH_MODEL: noise.found_early(
                gold, errors, formats.read(predictions)
            ),
        }
    return found


def measure(runs: pathlib.Path, arm: Arm) -> dict[str, Any]:
    """Scores of a trained model on the dev set, and what it learnt from."""
    scores = read_results(runs / arm.name / "scores.json", "test")
    learnt = list(formats.read(Files(runs).labelled(arm)))
    return {
        **arm._asdict(),
        **{k: round(scores["micro"][k], 4) for k in ("precision", "recall")},
        "f1": round(scores["micro"]["f1"], 4),
        "entities": sum(len(one.spans or ()) for one in learnt),
        "characters": sum(len(one.text) for one in learnt),
    }


def tabulate(known: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Computes a row for each size: F1 of both ways over the same seeds."""
    rows = []
    for size in SIZES:
        own = {
            way: {
                one["seed"]: one
                for one in known.values()
                if (one["way"], one["size"]) == (way, size)
            }
            for way in (RANDOM, PICKED)
        }
        if size == SIZES[0]:
            own[PICKED] = own[RANDOM]
        seeds = sorted(own[RANDOM].keys() & own[PICKED].keys())
        if not seeds:
            continue
        row: dict[str, Any] = {"sentences": size, "seeds": len(seeds)}
        for way, runs in own.items():
            mine = [runs[seed] for seed in seeds]
            for name in ("f1", "entities", "characters"):
                mean = statistics.mean(one[name] for one in mine)
                row[f"{way} {name}"] = round(mean, 4)
        gains = [own[PICKED][s]["f1"] - own[RANDOM][s]["f1"] for s in seeds]
        row["gain"] = round(statistics.mean(gains), 4)
        row["gains"] = [round(one, 4) for one in gains]
        rows.append(row)
    return rows


def goals(
    rows: Sequence[Mapping[str, Any]], noisy: Mapping[str, Any] | None
) -> list[dict[str, Any]]:
    """Compares the figures with what is wanted."""
    wanted = [
        report.Goal.at_least(
            f"F1 at {row['sentences']}, picked minus random", 0, row["gain"]
        )
        for row in rows
        if row["sentences"] > SIZES[0]
    ]
    wanted += [
        report.Goal.at_least(
            f"errors in the first tenth, {name} (random order: 0.1)",
            2 * noise.REVIEWED,
            noisy[name]["found"],
        )
        for name in (LABELS_ALONE, WITH_MODEL)
        if noisy and name in noisy
    ]
    return [goal._asdict() for goal in wanted]


def _summary(
    known: dict[str, Any], noisy: dict[str, Any] | None
) -> dict[str, Any]:
    rows = tabulate(known)
    return {
        "command": "python benchmarks/labelling.py",
        "goals": goals(rows, noisy),
        "rows": rows,
        "noise": noisy,
        "runs": dict(sorted(known.items())),
    }


def main() -> int:
    """Runs what is asked for, and gathers the figures."""
    parser = studies.parser(__doc__, "labelling")
    parser.add_argument("--seeds", default="1,2,3")
    parser.add_argument("--folds", type=int, default=5)
    options = parser.parse_args()
    options.runs = options.runs.resolve()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    named = {arm.name: arm for arm in arms(seeds)}
    known = studies.recorded(RESULT)
    noisy = read_results(RESULT, "noise") if RESULT.exists() else None
    for done in studies.run_or_list(
        options,
        lambda: steps(options.runs, seeds, options.folds),
        lambda: prepare(options.runs, seeds),
    ):
        if done.name.startswith(NOISE) or noisy is None:
            noisy = review(options.runs, options.folds)
        if done.name in named:
            known[done.name] = {
                **measure(options.runs, named[done.name]),
                **studies.machine_of(options.runs, done.name),
            }
        write_json(RESULT, _summary(known, noisy))
    found = _summary(known, noisy)
    report.print_table("dev micro F1", found["rows"])
    report.print_table("goals", found["goals"])
    return int(not all(goal["met"] for goal in found["goals"]))


if __name__ == "__main__":
    sys.exit(main())

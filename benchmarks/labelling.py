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

import collections
import pathlib
import random
import statistics
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import noise, report, studies
from benchmarks.data import CLUENER, read_results, sentences
from benchmarks.studies import Step
from biaffine_tf import formats
from biaffine_tf.files import write_json
from biaffine_tf.model_directory import OUT_OF_FOLD
from biaffine_tf.reports.audit import audit
from biaffine_tf.reports.audit.review import reviews
from biaffine_tf.spans import Sentence

RESULT = report.RESULTS / "labelling.json"
DATA_FOLDER, ERRORS = "data", "errors.json"
SIZES = (500, 1000, 2000)
# Epochs by size: a few thousand updates each, in a minute or two.
EPOCHS = {500: 30, 1000: 24, 2000: 18}
RANDOM, PICKED = "random", "picked"
NOISE, NOISY_SENTENCES, NOISE_SHARE, REVIEWED = "noise", 5000, 0.05, 0.1
NOISE_SEED, NOISE_EPOCHS = 1, 10


class Arm(NamedTuple):
    """A model of the simulation: how its sentences were found, how many."""

    way: str
    size: int
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.way}_{self.size}_{self.seed}"

    @property
    def before(self) -> Arm:
        """The model that its further sentences are picked with."""
        smaller = SIZES[SIZES.index(self.size) - 1]
        way = RANDOM if smaller == SIZES[0] else self.way
        return Arm(way, smaller, self.seed)


def arms(seeds: Sequence[int]) -> list[Arm]:
    """Lists the models, those of the first seed and the smallest first."""
    return [
        Arm(way, size, seed)
        for size in SIZES
        for seed in seeds
        for way in ((RANDOM,) if size == SIZES[0] else (PICKED, RANDOM))
    ]


class Files(NamedTuple):
    """Files of the simulation in the folder of runs."""

    runs: pathlib.Path

    def labelled(self, arm: Arm) -> pathlib.Path:
        """The labelled sentences of a model."""
        return self.runs / DATA_FOLDER / f"{arm.name}.jsonl"

    def unlabelled(self, arm: Arm) -> pathlib.Path:
        """The sentences that a model's successor picks from."""
        return self.runs / DATA_FOLDER / f"{arm.name}.rest.jsonl"

    def picked(self, arm: Arm) -> pathlib.Path:
        """What was picked for a model."""
        return self.runs / f"select_{arm.name}" / "picked.jsonl"

    @property
    def noisy(self) -> pathlib.Path:
        """The sentences with errors."""
        return self.runs / DATA_FOLDER / "noisy.jsonl"


def numbered(part: str) -> list[Sentence]:
    """Returns the sentences of a set with their number as id."""
    return [
        Sentence(one.text, one.spans, str(number))
        for number, one in enumerate(sentences(part))
    ]


def prepare(runs: pathlib.Path, seeds: Sequence[int]) -> None:
    """Writes all files that depend on no model."""
    files = Files(runs)
    (runs / DATA_FOLDER).mkdir(parents=True, exist_ok=True)
    train = numbered("train")
    for arm in arms(seeds):
        files.picked(arm).parent.mkdir(exist_ok=True)
    for seed in seeds:
        order = list(train)
        random.Random(seed).shuffle(order)
        for size in SIZES:
            _write(files.labelled(Arm(RANDOM, size, seed)), order[:size])
        rest = order[SIZES[0] :]
        _write(files.unlabelled(Arm(RANDOM, SIZES[0], seed)), rest)
    if not files.noisy.exists():
        order = list(train)
        random.Random(NOISE_SEED).shuffle(order)
        noisy, errors = noise.inject(
            order[:NOISY_SENTENCES], share=NOISE_SHARE, seed=NOISE_SEED
        )
        write_json(runs / DATA_FOLDER / ERRORS, {"errors": errors})
        _write(files.noisy, noisy)


def _write(path: pathlib.Path, chosen: Sequence[Sentence]) -> None:
    if not path.exists():
        formats.write(path, chosen, "span_jsonl")


def compose(files: Files, arm: Arm) -> bool:
    """Labels what was picked for a model; returns whether it was picked."""
    if files.labelled(arm).exists():
        return True
    if not files.picked(arm).exists():
        return False
    known = list(formats.read(files.labelled(arm.before)))
    rest = {one.id: one for one in formats.read(files.unlabelled(arm.before))}
    new = [rest.pop(one.id) for one in formats.read(files.picked(arm))]
    _write(files.unlabelled(arm), list(rest.values()))
    _write(files.labelled(arm), known + new)
    return True


def steps(runs: pathlib.Path, seeds: Sequence[int], folds: int) -> list[Step]:
    """Lists the commands in an order that works."""
    files = Files(runs)
    made = []
    for arm in arms(seeds):
        if arm.way == PICKED:
            made.append(_selection(files, arm))
        words = _training(files, arm) if compose(files, arm) else None
        made.append(Step(arm.name, words, "scores.json"))
    name = f"{NOISE}_{folds}"
    ensemble = [
        *("-m", "biaffine_tf.ensemble", "train"),
        f"--train_data={files.noisy}",
        f"--folds={folds}",
        f"--num_train_epochs={NOISE_EPOCHS}",
        f"--seed={NOISE_SEED}",
        f"--output_dir={runs / name}",
        "--noreport",
    ]
    return [*made, Step(name, ensemble, OUT_OF_FOLD)]


def _selection(files: Files, arm: Arm) -> Step:
    before = arm.before
    words = [
        *("-m", "biaffine_tf.selection"),
        f"--model_dir={files.runs / before.name}",
        f"--input={files.unlabelled(before)}",
        f"--labelled={files.labelled(before)}",
        f"--number={arm.size - before.size}",
        f"--output={files.picked(arm)}",
        f"--plot={files.picked(arm).with_name('picked.html')}",
        f"--seed={arm.seed}",
    ]
    return Step(files.picked(arm).parent.name, words, "picked.jsonl")


def _training(files: Files, arm: Arm) -> list[str]:
    return [
        "run_classifier.py",
        f"--train_data={files.labelled(arm)}",
        "--dev_fraction=0.1",
        f"--test_data={CLUENER / 'dev.json'}",
        f"--output_dir={files.runs / arm.name}",
        f"--num_train_epochs={EPOCHS[arm.size]}",
        f"--seed={arm.seed}",
        "--train_batch_size=16",
        "--noreport",
    ]


def reviewed(runs: pathlib.Path, folds: int) -> dict[str, Any]:
    """Reads a tenth of the sentences in the audit's order.

    Returns:
        Shares of the injected errors that are in these sentences, all and by
        kind, and the number of sentences with findings.
    """
    files = Files(runs)
    predictions = runs / f"{NOISE}_{folds}" / OUT_OF_FOLD
    errors = read_results(runs / DATA_FOLDER / ERRORS, "errors")
    found: dict[str, Any] = {"sentences": NOISY_SENTENCES}
    found |= {"errors": len(errors), "folds": folds}
    for name, predicted in (("audit", predictions), ("labels alone", None)):
        gold = list(formats.read(files.noisy))
        number = {one.id: place for place, one in enumerate(gold)}
        order = [
            number[one.sentence.id]
            for one in reviews(
                audit(gold, predicted and formats.read(predicted))
            )
        ]
        read = set(order[: round(REVIEWED * len(gold))])
        kinds = collections.Counter(kind for _, kind in errors)
        hits = collections.Counter(
            kind for place, kind in errors if place in read
        )
        found[name] = {
            "sentences with findings": len(order),
            "found": round(hits.total() / len(errors), 4),
            **{kind: round(hits[kind] / kinds[kind], 4) for kind in kinds},
        }
    scores = read_results(predictions.with_name("scores.json"), "out_of_fold")
    return {**found, "out of fold": scores["micro_f1"]}


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
    if noisy:
        wanted.append(
            report.Goal.at_least(
                "errors in the first tenth (random order: 0.1)",
                2 * REVIEWED,
                noisy["audit"]["found"],
            )
        )
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
        where = studies.machine_of(options.runs, done.name)
        if done.name.startswith(NOISE):
            noisy = {**reviewed(options.runs, options.folds), **where}
        elif done.name in named:
            known[done.name] = {
                **measure(options.runs, named[done.name]),
                **where,
            }
        write_json(RESULT, _summary(known, noisy))
    found = _summary(known, noisy)
    report.print_table("dev micro F1", found["rows"])
    report.print_table("goals", found["goals"])
    return int(not all(goal["met"] for goal in found["goals"]))


if __name__ == "__main__":
    sys.exit(main())

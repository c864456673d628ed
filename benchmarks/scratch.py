r"""Training without any encoder beside sklearn-crfsuite, on the same files.

python benchmarks/scratch.py [--runs=DIR] [--seeds=42,43,44] [--peer_python=PY]
    [--only=PREFIX ...] [--list]

Dev micro F1, flat, of `run_classifier.py` with nothing but data and output
directory, and of a CRF with the usual character features (see
workers/peer_crfsuite.py; WNUT17, in English, by words). Seconds are of the
processor, over all cores: others may use the machine. Ours hold loading,
training, evaluation of every epoch and calibration; the peer's hold training.

--peer_python is a Python in which `pip install sklearn-crfsuite` was done;
default: this one. Each run can be killed: started again, it goes on; what is
done is not done again. Figures go into benchmarks/results/scratch.json; runs
that are elsewhere keep what is recorded of them. Real data as in BIAFFINE_DATA.
"""

from __future__ import annotations

import pathlib
import statistics
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import report, studies
from benchmarks.data import DATA, read_results
from benchmarks.studies import Step
from benchmarks.workers.ours_scratch import SECONDS
from biaffine_tf.files import write_json

RESULT = report.RESULTS / "scratch.json"
PEER, OURS = "crfsuite", "ours"


class Corpus(NamedTuple):
    """Data of a run.

    Attributes:
        train: Training file, in DATA/ner.
        dev: Dev file, in DATA/ner.
        units: Units of the peer: "char" or "word".
        is_goal: Whether ours is to be at least as good.
    """

    train: str
    dev: str
    units: str = "char"
    is_goal: bool = True


CORPORA = {
    "ecommerce": Corpus("ecommerce/train.txt", "ecommerce/dev.txt"),
    "address": Corpus("address/train.txt", "address/dev.txt"),
    "weibo": Corpus(
        "weibo/weiboNER_2nd_conll.train", "weibo/weiboNER_2nd_conll.dev"
    ),
    "cluener": Corpus("cluener/train.json", "cluener/dev.json"),
    "wnut17": Corpus(
        "wnut17/wnut17train.conll", "wnut17/emerging.dev.conll", "word", False
    ),
}


class Run(NamedTuple):
    """A training run of the benchmark."""

    corpus: str
    program: str
    seed: int | None

    @property
    def name(self) -> str:
        """Name of its folder."""
        seed = "" if self.seed is None else f"_{self.seed}"
        return f"{self.corpus}_{self.program}{seed}"


def runs(seeds: Sequence[int]) -> Iterator[Run]:
    """Yields the runs: all corpora with one seed, then with the next.

    The peer has no random numbers.
    """
    for number, seed in enumerate(seeds):
        for corpus in CORPORA:
            if number == 0:
                yield Run(corpus, PEER, None)
            yield Run(corpus, OURS, seed)


def step(run: Run, folder: pathlib.Path, peer_python: str) -> Step:
    """The command of a run."""
    corpus = CORPORA[run.corpus]
    train, dev = DATA / "ner" / corpus.train, DATA / "ner" / corpus.dev
    if run.program == PEER:
        words = [
            "benchmarks/workers/peer_crfsuite.py",
            f"--train={train}",
            f"--dev={dev}",
            f"--units={corpus.units}",
            f"--output={folder / run.name / 'scores.json'}",
        ]
        return Step(run.name, words, "scores.json", python=peer_python)
    words = [
        "benchmarks/workers/ours_scratch.py",
        f"--train_data={train}",
        f"--eval_data={dev}",
        f"--output_dir={folder / run.name}",
        f"--seed={run.seed}",
        "--noreport",
    ]
    return Step(run.name, words, "scores.json")


def measure(run: Run, folder: pathlib.Path) -> dict[str, Any]:
    """Scores and seconds of a finished run."""
    scores = read_results(folder / run.name / "scores.json")
    micro = {k: round(scores["micro"][k], 4) for k in scores["micro"]}
    found = {"corpus": run.corpus, "program": run.program, "seed": run.seed}
    if run.program == PEER:
        return {**found, **micro, "seconds": round(scores["seconds"])}
    training = read_results(folder / run.name / "config.json", "training")
    seconds = read_results(folder / run.name / SECONDS, "seconds")
    chosen = ("learning_rate", "train_batch_size", "num_train_epochs")
    return {
        **found,
        **micro,
        "seconds": round(seconds),
        "epoch": scores["epoch"],
        "settings": {name: training[name] for name in chosen},
    }


def tabulate(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Computes a row for each corpus, with means over seeds."""
    rows = []
    for corpus in CORPORA:
        row: dict[str, Any] = {"corpus": corpus}
        for program in (PEER, OURS):
            own = [
                one
                for one in found
                if (one["corpus"], one["program"]) == (corpus, program)
            ]
            if not own:
                continue
            scores = [one["f1"] for one in own]
            row[program] = round(statistics.mean(scores), 4)
            row[f"{program} seconds"] = round(
                statistics.mean(one["seconds"] for one in own)
            )
            if program == OURS:
                row["seeds"] = len(own)
                if len(own) > 1:
                    row["deviation"] = round(statistics.stdev(scores), 4)
        if len(row) > 1:
            rows.append(row)
    return rows


def goals(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compares the table with what is wanted."""
    return [
        report.Goal.at_least(
            f"{row['corpus']}: F1 of ours", row[PEER], row[OURS]
        )._asdict()
        for row in rows
        if CORPORA[row["corpus"]].is_goal and {PEER, OURS} <= row.keys()
    ]


def _summary(known: dict[str, Any]) -> dict[str, Any]:
    rows = tabulate(list(known.values()))
    return {
        "command": "python benchmarks/scratch.py",
        "goals": goals(rows),
        "rows": rows,
        "runs": dict(sorted(known.items())),
    }


def main() -> int:
    """Runs what is asked for, and gathers the figures."""
    parser = studies.parser(__doc__, "scratch")
    parser.add_argument("--seeds", default="42,43,44")
    parser.add_argument("--peer_python", default=sys.executable, metavar="PY")
    options = parser.parse_args()
    options.runs = options.runs.resolve()
    seeds = [int(seed) for seed in options.seeds.split(",")]
    named = {run.name: run for run in runs(seeds)}
    known = studies.recorded(RESULT)
    for done in studies.run_or_list(
        options,
        lambda: [
            step(run, options.runs, options.peer_python)
            for run in named.values()
        ],
        lambda: options.runs.mkdir(parents=True, exist_ok=True),
    ):
        known[done.name] = {
            **measure(named[done.name], options.runs),
            **studies.machine_of(options.runs, done.name),
        }
        write_json(RESULT, _summary(known))
    found = _summary(known)
    report.print_table("dev micro F1", found["rows"])
    report.print_table("goals", found["goals"])
    return int(not all(goal["met"] for goal in found["goals"]))


if __name__ == "__main__":
    sys.exit(main())

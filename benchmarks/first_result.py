r"""F1 of the first command that people type, before a change and after it.

python benchmarks/first_result.py [--runs=DIR] [--encoder=DIR] [--before=COMMIT]
    [--only=PREFIX ...] [--seeds=42,43,44] [--sweep] [--jobs=1] [--list]

Trains with nothing but data, encoder and output directory given, by the program
of an earlier commit and by this one, and gathers dev micro F1 after the first,
the third and the last epoch (the best one's, which is what a model directory
holds). --sweep adds runs of other learning rates, batch sizes and numbers of
epochs, which tell what the best run known is.

Each run can be killed: started again, it goes on; what is done is not done
again. Figures go into benchmarks/results/first_result.json; runs that are
elsewhere keep what is recorded of them.

--encoder is the encoder of recipes/pretrain_mlm.flags, for Chinese (default:
that of benchmarks/pretraining.py). English has MiniLM's, see
benchmarks/requirements.txt. Real data as in BIAFFINE_DATA.
"""

from __future__ import annotations

import pathlib
import statistics
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import report, studies
from benchmarks.data import DATA, ROOT, read_results
from benchmarks.studies import Step
from biaffine_tf import formats
from biaffine_tf.files import write_json

RESULT = report.RESULTS / "first_result.json"
BEFORE = "8bded0b"
POINTS = ("first", "third", "last")
# Points of F1: mean over three epochs from a pretrained encoder, and how far
# the end may be from the best run known.
WANTED_GAIN, WANTED_DISTANCE = 0.15, 0.01


class Corpus(NamedTuple):
    """Data of a run.

    Attributes:
        train: Training file, in DATA/ner.
        dev: Dev file, in DATA/ner.
        sentences: How many training sentences to take; None for all.
        is_english: Whether it is read by MiniLM.
    """

    train: str
    dev: str
    sentences: int | None = None
    is_english: bool = False


CORPORA = {
    "wnut17": Corpus(
        "wnut17/wnut17train.conll", "wnut17/emerging.dev.conll", None, True
    ),
    "genia": Corpus(
        "genia/train_partial.jsonlines", "genia/dev.jsonlines", None, True
    ),
    "cluener_1000": Corpus("cluener/train.json", "cluener/dev.json", 1000),
    "weibo": Corpus(
        "weibo/weiboNER_2nd_conll.train", "weibo/weiboNER_2nd_conll.dev"
    ),
    "address_1000": Corpus("address/train.txt", "address/dev.txt", 1000),
    "ecommerce": Corpus("ecommerce/train.txt", "ecommerce/dev.txt"),
    "cmeee": Corpus("cmeee_v2/train.jsonl", "cmeee_v2/dev.jsonl"),
    "cluener": Corpus("cluener/train.json", "cluener/dev.json"),
}

# Flags of the sweep, by name.
SWEEP = {
    "lower_rate": lambda chosen: [
        f"--learning_rate={chosen['learning_rate'] * 0.7:g}"
    ],
    "higher_rate": lambda chosen: [
        f"--learning_rate={chosen['learning_rate'] * 1.4:g}"
    ],
    "half_batch": lambda chosen: [
        f"--train_batch_size={chosen['train_batch_size'] // 2}"
    ],
    "twice_epochs": lambda chosen: [
        f"--num_train_epochs={chosen['num_train_epochs'] * 2}"
    ],
}


class Run(NamedTuple):
    """A training run of the benchmark.

    Attributes:
        corpus: Its data.
        program: "before", "after" or a name of the sweep; in the results also
            settings that were the trainer's choice once.
        seed: Random seed.
    """

    corpus: str
    program: str
    seed: int

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.corpus}_{self.program}_{self.seed}"


class Study:
    """All runs of the benchmark, and their figures.

    Args:
        runs: Folder that they write to.
        encoder: Chinese encoder.
        minilm: English encoder.
        before: Commit to compare with.
    """

    def __init__(
        self,
        runs: pathlib.Path,
        *,
        encoder: pathlib.Path,
        minilm: pathlib.Path,
        before: str,
    ) -> None:
        self.folder = runs
        self._encoders = {False: encoder, True: minilm}
        self._before = before

    def runs(self, seeds: Sequence[int], *, sweep: bool) -> Iterator[Run]:
        """Yields the runs: all corpora with one seed, then with the next."""
        for seed in seeds:
            for corpus in CORPORA:
                yield Run(corpus, "after", seed)
                yield Run(corpus, "before", seed)
            for corpus in CORPORA if sweep and seed == seeds[0] else ():
                for program in SWEEP:
                    yield Run(corpus, program, seed)

    def prepare(self) -> None:
        """Writes the program of before, and parts of corpora."""
        tree = self.folder / "before"
        if not tree.exists():
            archive = subprocess.run(
                ["git", "archive", self._before],
                cwd=ROOT,
                check=True,
                capture_output=True,
            )
            tree.mkdir(parents=True)
            subprocess.run(
                ["tar", "x", "-C", tree], input=archive.stdout, check=True
            )
        for name, corpus in CORPORA.items():
            if corpus.sentences is None or self._train(name).exists():
                continue
            source = formats.read(DATA / "ner" / corpus.train)
            kept = [next(source) for _ in range(corpus.sentences)]
            formats.write(self._train(name), kept, "span_jsonl")

    def _train(self, name: str) -> pathlib.Path:
        corpus = CORPORA[name]
        if corpus.sentences is None:
            return DATA / "ner" / corpus.train
        return self.folder / f"{name}.jsonl"

    def step(self, run: Run) -> Step:
        """The command of a run."""
        corpus = CORPORA[run.corpus]
        words: list[str] | None = [
            "run_classifier.py",
            f"--train_data={self._train(run.corpus)}",
            f"--eval_data={DATA / 'ner' / corpus.dev}",
            f"--encoder_dir={self._encoders[corpus.is_english]}",
            f"--output_dir={self.folder / run.name}",
            f"--seed={run.seed}",
        ]
        if run.program in SWEEP:  # changes what the run without it has chosen
            after = run._replace(program="after").name
            config = self.folder / after / "config.json"
            if config.exists():
                words += SWEEP[run.program](read_results(config, "training"))
            else:
                words = None
        where = self.folder / "before" if run.program == "before" else ROOT
        return Step(run.name, words, "scores.json", where)

    def measure(self, run: Run) -> dict[str, Any]:
        """F1 after each epoch of a finished run, and its settings."""
        folder = self.folder / run.name
        epochs = read_results(folder / "history.json", "epochs")
        f1 = [round(epoch["micro_f1"], 4) for epoch in epochs]
        training = read_results(folder / "config.json", "training")
        chosen = (
            "learning_rate",
            "train_batch_size",
            "num_train_epochs",
            "warmup_proportion",
        )
        return {
            "corpus": run.corpus,
            "program": run.program,
            "seed": run.seed,
            "epochs": f1,
            "first": f1[0],
            "third": f1[min(2, len(f1) - 1)],
            "last": max(f1),
            "seconds": round(sum(epoch["seconds"] for epoch in epochs)),
            "settings": {name: training[name] for name in chosen},
        }


def tabulate(runs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Computes means over seeds, a row for each corpus.

    A setting of the sweep is compared with what was chosen by the mean over the
    seeds that both were run with: the best of several seeds would be luck.

    Args:
        runs: From `Study.measure`.
    """
    rows = []
    for corpus in CORPORA:
        own = [run for run in runs if run["corpus"] == corpus]
        row: dict[str, Any] = {"corpus": corpus}
        for program in ("before", "after"):
            found = [run for run in own if run["program"] == program]
            row[f"{program}_seeds"] = len(found)
            for point in POINTS if found else ():
                row[f"{program}_{point}"] = _mean(r[point] for r in found)
            if found:
                row[f"{program}_mean_of_3"] = _mean(
                    statistics.mean(run["epochs"][:3]) for run in found
                )
        row |= _best_setting(own)
        if own:
            rows.append(row)
    return rows


def _best_setting(runs: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The setting furthest above what was chosen, {} without a sweep.

    Args:
        runs: Those of one corpus.
    """
    last = {(run["program"], run["seed"]): run["last"] for run in runs}
    found = []
    for setting in sorted({p for p, _ in last} - {"before", "after"}):
        seeds = [s for p, s in last if p == setting and ("after", s) in last]
        if not seeds:
            continue
        after, best = (
            _mean(last[program, seed] for seed in seeds)
            for program in ("after", setting)
        )
        found.append((best - after, setting, after, best, len(seeds)))
    if not found:
        return {}
    _, setting, after, best, number = max(found)
    return {
        "after_of_sweep": after,
        "best_known": max(after, best),
        "best_setting": setting if best > after else "after",
        "sweep_seeds": number,
    }


def _mean(values: Any) -> float:
    return round(statistics.mean(values), 4)


def goals(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Compares the table with what is wanted."""
    found = []
    for row in rows:
        corpus = row["corpus"]
        if row["before_seeds"] and row["after_seeds"]:
            for point in POINTS:
                gain = row[f"after_{point}"] - row[f"before_{point}"]
                found.append(
                    report.Goal.at_least(
                        f"{corpus}: gain, {point} epoch", 0, gain
                    )
                )
            gain = row["after_mean_of_3"] - row["before_mean_of_3"]
            found.append(
                report.Goal.at_least(
                    f"{corpus}: gain, mean of three epochs", WANTED_GAIN, gain
                )
            )
        if "after_of_sweep" not in row:
            continue
        distance = row["best_known"] - row["after_of_sweep"]
        found.append(
            report.Goal.at_most(
                f"{corpus}: below the best run known", WANTED_DISTANCE, distance
            )
        )
    return [goal._asdict() for goal in found]


def main() -> int:
    """Runs what is asked for, and gathers the figures."""
    parser = studies.parser(__doc__, "first_result")
    parser.add_argument(
        "--encoder",
        type=pathlib.Path,
        default=ROOT / "runs" / "pretraining" / "mlm",
    )
    parser.add_argument("--before", default=BEFORE, metavar="COMMIT")
    parser.add_argument("--seeds", default="42,43,44")
    parser.add_argument("--sweep", action="store_true")
    parser.add_argument(
        "--jobs", type=int, default=1, help="how many runs go side by side"
    )
    options = parser.parse_args()
    options.runs = options.runs.resolve()
    study = Study(
        options.runs,
        encoder=options.encoder.resolve(),
        minilm=studies.minilm(),
        before=options.before,
    )
    seeds = [int(seed) for seed in options.seeds.split(",")]
    runs = {one.name: one for one in study.runs(seeds, sweep=options.sweep)}
    known = studies.recorded(RESULT)
    for step in studies.run_or_list(
        options,
        lambda: [study.step(run) for run in runs.values()],
        study.prepare,
        jobs=options.jobs,
    ):
        known[step.name] = {
            **known.get(step.name, {}),
            **study.measure(runs[step.name]),
            **studies.machine_of(options.runs, step.name),
        }
        write_json(RESULT, _summary(known, options.before))
    found = _summary(known, options.before)
    for title, rows in _tables(found["rows"]).items():
        report.print_table(f"dev micro F1, {title}", rows)
    report.print_table("goals", found["goals"])
    return int(not all(goal["met"] for goal in found["goals"]))


def _tables(
    rows: Sequence[dict[str, Any]],
) -> dict[str, list[dict[str, Any]]]:
    """Divides the rows into tables that are narrow enough for a terminal."""
    columns = ("seeds", *POINTS, "mean_of_3")
    sweep = ("sweep_seeds", "after_of_sweep", "best_known", "best_setting")
    names = {
        "before": {name: f"before_{name}" for name in columns},
        "after": {name: f"after_{name}" for name in columns},
        "sweep": dict(zip(sweep, sweep, strict=True)),
    }
    return {
        title: [
            {"corpus": row["corpus"]}
            | {name: row.get(key) for name, key in own.items()}
            for row in rows
        ]
        for title, own in names.items()
    }


def _summary(known: dict[str, Any], before: str) -> dict[str, Any]:
    rows = tabulate(list(known.values()))
    return {
        "command": "python benchmarks/first_result.py --sweep",
        "before": before,
        "goals": goals(rows),
        "rows": rows,
        "runs": dict(sorted(known.items())),
    }


if __name__ == "__main__":
    sys.exit(main())

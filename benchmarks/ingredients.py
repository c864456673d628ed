r"""Worth of the ingredients of training: heads, losses, averages and the like.

python benchmarks/ingredients.py [--runs=DIR] [--encoder=DIR] [--seeds=42,43,44]
    [--only=PREFIX ...] [--list]

Trains a baseline, and the same with the flags of one ingredient: 1,000
sentences, three layers of the encoder, eight epochs, everything else as the
trainer chooses it, so that two cores can do the tables; what is above the noise
of seeds, the intervals tell. A table for each corpus has micro F1 on dev, mean
and deviation over seeds; the difference to the baseline with its interval
(sentences and seeds drawn, as `python -m biaffine_tf.evaluation --compare`
does); and the time of training over that of the baseline. The learning rate of
each head is the best of a sweep with one seed.

Each run can be killed: started again, it goes on; what is done is not done
again. Figures go into benchmarks/results/ingredients.json; runs that are
elsewhere keep what is recorded of them.

--encoder is a Chinese one, by default MiniLM's layers under word vectors, which
`python benchmarks/pretraining.py --only corpus start` makes in minutes; English
has MiniLM's own. Real data as in BIAFFINE_DATA.
"""

from __future__ import annotations

import itertools
import pathlib
import shlex
import shutil
import statistics
import sys
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import report, studies
from benchmarks.data import DATA, ROOT, read_results
from benchmarks.studies import Step
from biaffine_tf import formats, model_directory
from biaffine_tf.evaluation.comparison import compare_runs
from biaffine_tf.evaluation.matching import match
from biaffine_tf.files import write_json

RESULT = report.RESULTS / "ingredients.json"
BASELINE = "baseline"

LAYERS, EPOCHS = 3, 8
# Files of an encoder directory that are read.
_ENCODER_FILES = ("model.safetensors", "tokenizer_config.json", "vocab.txt")


class Corpus(NamedTuple):
    """Data of a table.

    Attributes:
        train: Training file, in DATA/ner.
        dev: Dev file, in DATA/ner.
        is_english: Whether MiniLM reads it.
    """

    train: str
    dev: str
    is_english: bool = False


SENTENCES = {"train": 1000, "dev": 1000}
CORPORA = {
    "cluener": Corpus("cluener/train.json", "cluener/dev.json"),
    "address": Corpus("address/train.txt", "address/dev.txt"),
    "cmeee": Corpus("cmeee_v2/train.jsonl", "cmeee_v2/dev.jsonl"),
    "genia": Corpus(
        "genia/train_partial.jsonlines", "genia/dev.jsonlines", True
    ),
}

HEADS = {
    "biaffine": ["--head=biaffine"],
    "feed_forward": ["--projection_activation=leaky_relu"],
    "global_pointer": ["--head=global_pointer"],
    "efficient_global_pointer": ["--head=efficient_global_pointer"],
    "cnn": ["--head=cnn"],
    "softmax": ["--head=softmax"],
    "crf": ["--head=crf"],
}
_NESTED = ("feed_forward", "global_pointer", "efficient_global_pointer", "cnn")
LOSSES = {
    "focal": ["--loss=focal"],
    "dice": ["--loss=dice"],
    "multi_label": ["--loss=multi_label"],
    "negative_sampling": ["--neg_sample=0.3"],
    "near_gold": ["--neg_sample=0.3", "--keep_near_gold=1"],
    "smoothing": ["--boundary_smoothing=0.1"],
    "class_weights": ["--class_weights=sqrt_inverse"],
}
POSITIONS = {
    f"position_{name}": [f"--position={name}"]
    for name in ("joined", "rotary", "width")
}
TRAINING = {
    "fgm": ["--adversarial=fgm"],
    "pgd": ["--adversarial=pgd"],
    "virtual": ["--adversarial=virtual"],
    "rdrop": ["--adversarial=rdrop"],
    "ema": ["--average=ema"],
    "swa": ["--average=swa"],
    "layer_decay": ["--layer_decay=0.9"],
    "lstm": ["--lstm_size=128"],
    "layer_mix": ["--layer_mix=learned"],
    "embedding_dropout": ["--embedding_dropout=0.1"],
    "spatial_dropout": ["--spatial_dropout=0.1"],
}
FLAGS = {**HEADS, **LOSSES, **POSITIONS, **TRAINING}
TABLES = {
    "cluener": [*FLAGS],
    "address": [*HEADS, "fgm", "ema", "embedding_dropout", "spatial_dropout"],
    "cmeee": [*_NESTED, "multi_label", "focal", "smoothing"],
    "genia": [*_NESTED, "multi_label", "focal", "smoothing"],
}

# Learning rates of the sweep of heads, over the chosen one of the baseline.
RATES = (0.5, 1.0, 2.0)
SWEPT = "cluener"

# Points of F1 that biaffine is to be ahead of the taggers.
WANTED_OVER = {"softmax": 0.02, "crf": 0.015}


class Run(NamedTuple):
    """A training run.

    Attributes:
        corpus: Its data.
        ingredient: Name of its flags, or "baseline".
        seed: Random seed.
        rate: Factor of the learning rate in the sweep; None for the best one.
    """

    corpus: str
    ingredient: str
    seed: int
    rate: float | None = None

    @property
    def name(self) -> str:
        """Name of its folder."""
        rate = "" if self.rate is None else f"_rate{self.rate:g}"
        return f"{self.corpus}_{self.ingredient}{rate}_{self.seed}"


class Study:
    """All runs of the benchmark, and their metrics.

    Args:
        folder: Folder that they write to.
        encoder: Chinese encoder.
        minilm: English encoder.
        seeds: Random seeds; the first is that of the sweep.
    """

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        encoder: pathlib.Path,
        minilm: pathlib.Path,
        seeds: Sequence[int],
    ) -> None:
        self.folder = folder
        self.seeds = seeds
        self._encoders = {False: encoder, True: minilm}

    def runs(self) -> Iterator[Run]:
        """Yields the baselines, the sweep, and each ingredient, by seeds."""
        for corpus in CORPORA:
            yield Run(corpus, BASELINE, self.seeds[0])
        for head, rate in itertools.product(HEADS, RATES):
            yield Run(SWEPT, head, self.seeds[0], rate)
        for seed, (corpus, names) in itertools.product(
            self.seeds, TABLES.items()
        ):
            for name in (BASELINE, *names):
                run = Run(corpus, name, seed)
                if seed != self.seeds[0] or name != BASELINE:
                    yield run

    def prepare(self) -> None:
        """Writes the first sentences of the corpora, and the encoders."""
        self.folder.mkdir(parents=True, exist_ok=True)
        for name, corpus in CORPORA.items():
            for part, count in SENTENCES.items():
                path = self._part(name, part)
                if not path.exists():
                    source = DATA / "ner" / getattr(corpus, part)
                    first = itertools.islice(formats.read(source), count)
                    formats.write(path, first, "span_jsonl")
        for is_english, source in self._encoders.items():
            target = self._encoder(is_english=is_english)
            if (target / "config.json").exists():
                continue
            target.mkdir(exist_ok=True)
            for name in _ENCODER_FILES:
                shutil.copyfile(source / name, target / name)
            config = read_results(source / "config.json")
            write_json(
                str(target / "config.json"),
                {**config, "num_hidden_layers": LAYERS},
            )

    def _part(self, corpus: str, part: str) -> pathlib.Path:
        return self.folder / f"{corpus}_{part}.jsonl"

    def _encoder(self, *, is_english: bool) -> pathlib.Path:
        return self.folder / f"encoder_{'en' if is_english else 'zh'}"

    def step(self, run: Run) -> Step:
        """Returns the command of a run."""
        corpus = CORPORA[run.corpus]
        words: list[str] | None = [
            "run_classifier.py",
            f"--train_data={self._part(run.corpus, 'train')}",
            f"--eval_data={self._part(run.corpus, 'dev')}",
            f"--encoder_dir={self._encoder(is_english=corpus.is_english)}",
            f"--num_train_epochs={EPOCHS}",
            f"--output_dir={self.folder / run.name}",
            f"--seed={run.seed}",
            "--noreport",
            *FLAGS.get(run.ingredient, []),
        ]
        factor = run.rate
        if factor is None and run.ingredient in HEADS:
            factor = self.best_rate(run.ingredient)
            if factor is None:
                return Step(run.name, None, "scores.json")
        if factor not in (None, 1.0):
            rate = self._chosen_rate(run)
            if rate is None:
                words = None
            else:
                words = [*words, f"--learning_rate={rate * factor:g}"]
        return Step(run.name, words, "scores.json")

    def _chosen_rate(self, run: Run) -> float | None:
        """Returns the rate that the baseline has chosen, once it is known."""
        first = Run(run.corpus, BASELINE, self.seeds[0]).name
        path = self.folder / first / "config.json"
        if not path.exists():
            return None
        return read_results(path, "training")["learning_rate"]

    def best_rate(self, head: str) -> float | None:
        """Returns the best factor of the sweep; None until it has ended."""
        f1 = {}
        for rate in RATES:
            run = Run(SWEPT, head, self.seeds[0], rate)
            if not self.step(run).is_done(self.folder):
                return None
            f1[rate] = self._scores(run)["micro"]["f1"]
        return max(RATES, key=lambda rate: f1[rate])

    def measure(self, run: Run) -> dict[str, Any]:
        """Returns the metrics of a finished run."""
        epochs = read_results(self.folder / run.name / "history.json", "epochs")
        training = read_results(
            self.folder / run.name / "config.json", "training"
        )
        scores = self._scores(run)
        return {
            **run._asdict(),
            "f1": round(scores["micro"]["f1"], 4),
            "epoch": scores["epoch"],
            "training_seconds": round(
                sum(epoch["training_seconds"] for epoch in epochs)
            ),
            "learning_rate": training["learning_rate"],
            "epochs": training["num_train_epochs"],
        }

    def _scores(self, run: Run) -> dict[str, Any]:
        return read_results(self.folder / run.name / "scores.json")

    def difference(self, corpus: str, ingredient: str) -> dict[str, float]:
        """Compares an ingredient with the baseline, over their common seeds."""
        gold = list(formats.read(self._part(corpus, "dev")))

        def pairs(name: str, seed: int) -> Any:
            folder = self.folder / Run(corpus, name, seed).name
            path = folder / model_directory.PREDICTIONS
            return match(gold, list(formats.read(path)))

        seeds = [
            seed
            for seed in self.seeds
            if all(
                self.step(Run(corpus, name, seed)).is_done(self.folder)
                for name in (BASELINE, ingredient)
            )
        ]
        if not seeds:
            return {}
        found = compare_runs(
            [pairs(ingredient, seed) for seed in seeds],
            [pairs(BASELINE, seed) for seed in seeds],
        ).differences.micro.f1
        return {
            "difference": round(found.value, 4),
            "low": round(found.interval.low, 4),
            "high": round(found.interval.high, 4),
        }


def tabulate(
    runs: Sequence[dict[str, Any]], differences: dict[str, dict[str, float]]
) -> dict[str, list[dict[str, Any]]]:
    """Makes a table for each corpus, and one of the sweep.

    Args:
        runs: From `Study.measure`.
        differences: From `Study.difference`, by "corpus_ingredient".
    """
    tables: dict[str, list[dict[str, Any]]] = {}
    for corpus, names in TABLES.items():
        seconds: dict[int, float] = {}
        for name in (BASELINE, *names):
            own = [
                run
                for run in runs
                if (run["corpus"], run["ingredient"]) == (corpus, name)
                and run["rate"] is None
            ]
            if not own:
                continue
            f1 = [run["f1"] for run in own]
            if name == BASELINE:
                seconds = {run["seed"]: run["training_seconds"] for run in own}
            times = [
                run["training_seconds"] / seconds[run["seed"]]
                for run in own
                if seconds.get(run["seed"])
            ]
            tables.setdefault(corpus, []).append(
                {
                    "ingredient": name,
                    "seeds": len(f1),
                    "micro_f1": round(statistics.mean(f1), 4),
                    "deviation": round(statistics.stdev(f1), 4)
                    if len(f1) > 1
                    else None,
                    **differences.get(f"{corpus}_{name}", {}),
                    "time": round(statistics.median(times), 2)
                    if times
                    else None,
                }
            )
    swept = [run for run in runs if run["rate"] is not None]
    for head in HEADS:
        rates = {
            f"{run['rate']:g}": run["f1"]
            for run in swept
            if run["ingredient"] == head
        }
        if rates:
            row = {"head": head, **rates}
            tables.setdefault("rates", []).append(row)
    return tables


def goals(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Compares biaffine with the taggers on CLUENER."""
    f1 = {
        row["ingredient"]: row["micro_f1"] for row in tables.get("cluener", [])
    }
    return [
        report.Goal.at_least(
            f"CLUENER: biaffine over {head}", want, f1["biaffine"] - f1[head]
        )._asdict()
        for head, want in WANTED_OVER.items()
        if {"biaffine", head} <= f1.keys()
    ]


def main() -> int:
    """Runs what is asked for, and gathers the metrics."""
    parser = studies.parser(__doc__, "ingredients")
    parser.add_argument(
        "--encoder",
        type=pathlib.Path,
        default=ROOT / "runs" / "pretraining" / "start",
    )
    parser.add_argument("--seeds", default="42,43,44")
    options = parser.parse_args()
    options.runs = options.runs.resolve()
    study = Study(
        options.runs,
        encoder=options.encoder.resolve(),
        minilm=studies.minilm(),
        seeds=[int(seed) for seed in options.seeds.split(",")],
    )
    runs = {run.name: run for run in study.runs()}
    known = studies.recorded(RESULT)
    differences = read_results(RESULT)["differences"] if known else {}
    for step in studies.run_or_list(
        options,
        lambda: [study.step(run) for run in runs.values()],
        study.prepare,
    ):
        run, words = runs[step.name], step.words or []
        known[step.name] = {
            **known.get(step.name, {}),
            **study.measure(run),
            "flags": shlex.join(words[words.index("--noreport") + 1 :])
            if words
            else "",
            **studies.machine_of(options.runs, step.name),
        }
        if run.rate is None and run.ingredient != BASELINE:
            name = f"{run.corpus}_{run.ingredient}"
            differences[name] = study.difference(run.corpus, run.ingredient)
        _write(known, differences)
    found = _write(known, differences)
    for name, rows in found["tables"].items():
        report.print_table(name, rows)
    report.print_table("goals", found["goals"])
    return int(not all(goal["met"] for goal in found["goals"]))


def _write(
    known: dict[str, Any], differences: dict[str, Any]
) -> dict[str, Any]:
    tables = tabulate(list(known.values()), differences)
    found = {
        "command": "python benchmarks/ingredients.py",
        "goals": goals(tables),
        "tables": tables,
        "differences": dict(sorted(differences.items())),
        "runs": dict(sorted(known.items())),
    }
    write_json(RESULT, found)
    return found


if __name__ == "__main__":
    sys.exit(main())

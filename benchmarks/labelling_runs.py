"""Models of the labelling study: their sentences, and the commands."""

from __future__ import annotations

import pathlib
import random
from collections.abc import Sequence
from typing import NamedTuple

from benchmarks import noise
from benchmarks.data import CLUENER, sentences
from benchmarks.studies import Step
from biaffine_tf import formats
from biaffine_tf.files import write_json
from biaffine_tf.model_directory import OUT_OF_FOLD
from biaffine_tf.spans import Sentence

SIZES = (500, 1000, 2000)
# Epochs by size: a few thousand updates each, in a minute or two.
EPOCHS = {500: 30, 1000: 24, 2000: 18}
RANDOM, PICKED = "random", "picked"
NOISE, NOISY_SENTENCES, NOISE_SHARE = "noise", 5000, 0.05
NOISE_SEED, NOISE_EPOCHS = 1, 10
_DATA = "data"


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
        return self.runs / _DATA / f"{arm.name}.jsonl"

    def unlabelled(self, arm: Arm) -> pathlib.Path:
        """The sentences that a model's successor picks from."""
        return self.runs / _DATA / f"{arm.name}.rest.jsonl"

    def picked(self, arm: Arm) -> pathlib.Path:
        """Returns the sentences that were picked for a model."""
        return self.runs / f"select_{arm.name}" / "picked.jsonl"

    @property
    def errors(self) -> pathlib.Path:
        """The errors in the noisy sentences."""
        return self.runs / _DATA / "errors.json"

    def out_of_fold(self, folds: int) -> pathlib.Path:
        """Predictions of the ensemble for the noisy sentences."""
        return self.runs / f"{NOISE}_{folds}" / OUT_OF_FOLD

    @property
    def noisy(self) -> pathlib.Path:
        """The sentences with errors."""
        return self.runs / _DATA / "noisy.jsonl"


def numbered(part: str) -> list[Sentence]:
    """Returns the sentences of a set with their number as id."""
    return [
        Sentence(one.text, one.spans, str(number))
        for number, one in enumerate(sentences(part))
    ]


def prepare(runs: pathlib.Path, seeds: Sequence[int]) -> None:
    """Writes all files that depend on no model."""
    files = Files(runs)
    (runs / _DATA).mkdir(parents=True, exist_ok=True)
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
        write_json(files.errors, {"errors": errors})
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

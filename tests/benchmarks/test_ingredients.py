"""The study of ingredients: its runs, and its tables."""

import dataclasses
import json
import pathlib

import pytest
import tiny

from benchmarks import ingredients
from biaffine_tf import formats


@pytest.fixture
def study(tmp_path):
    return ingredients.Study(
        tmp_path,
        encoder=pathlib.Path("CHINESE"),
        minilm=pathlib.Path("MINILM"),
        seeds=[42, 43],
    )


def _write(study, run, f1, rate=2e-4, epochs=3):
    folder = study.folder / run.name
    folder.mkdir()
    training = {"learning_rate": rate, "num_train_epochs": epochs}
    files = {
        "scores.json": {"complete": True, "micro": {"f1": f1}, "epoch": 2},
        "config.json": {"training": training},
        "history.json": {"epochs": [{"training_seconds": 10.0}] * epochs},
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_every_run_has_a_name_of_its_own(study):
    names = [run.name for run in study.runs()]
    assert len(set(names)) == len(names)
    for corpus, table in ingredients.TABLES.items():
        for name in (ingredients.BASELINE, *table):
            for seed in study.seeds:
                assert f"{corpus}_{name}_{seed}" in names


def test_a_head_has_the_best_rate_of_its_sweep(study):
    def words():
        return study.step(ingredients.Run("genia", "cnn", 42)).words

    for corpus in ingredients.CORPORA:
        _write(study, ingredients.Run(corpus, "baseline", 42), 0.5)
    scores = (0.5, 0.6, 0.7)
    for rate, f1 in zip(ingredients.RATES, scores, strict=True):
        assert words() is None
        _write(study, ingredients.Run("cluener", "cnn", 42, rate), f1)
    assert words()[-2:] == ["--head=cnn", "--learning_rate=0.0004"]


def test_tables_have_means_times_and_goals(study):
    runs = []
    for name, values, epochs in (
        ("baseline", (0.5, 0.52), 3),
        ("biaffine", (0.53, 0.55), 3),
        ("crf", (0.52, 0.54), 6),
    ):
        for seed, f1 in zip(study.seeds, values, strict=True):
            run = ingredients.Run("cluener", name, seed)
            _write(study, run, f1, epochs=epochs)
            runs.append(study.measure(run))
    tables = ingredients.tabulate(runs, {"cluener_crf": {"difference": 0.02}})
    rows = {row["ingredient"]: row for row in tables["cluener"]}
    assert rows["crf"] == {
        "ingredient": "crf",
        "seeds": 2,
        "micro_f1": 0.53,
        "deviation": 0.0141,
        "difference": 0.02,
        "time": 2.0,
    }
    (goal,) = ingredients.goals(tables)
    assert goal["got"] == pytest.approx(0.01) and not goal["met"]


def test_runs_read_the_first_sentences_and_layers(tmp_path, monkeypatch):
    monkeypatch.setattr(ingredients, "DATA", tmp_path)
    sizes = {"train": 1200, "dev": 30}
    for corpus in ingredients.CORPORA.values():
        for part, count in sizes.items():
            path = tmp_path / "ner" / getattr(corpus, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            tags = "".join(f"{k}\tB-a\n\n" for k in range(count))
            lines = "".join(f'{{"text": "{k}"}}\n' for k in range(count))
            is_tags = path.suffix in (".txt", ".conll")
            path.write_text(tags if is_tags else lines)
    encoder = tmp_path / "ENCODER"
    encoder.mkdir()
    for name in ingredients._ENCODER_FILES:
        (encoder / name).write_text(name)
    (encoder / "config.json").write_text(
        '{"num_hidden_layers": 6, "hidden_size": 384}'
    )
    study = ingredients.Study(
        tmp_path / "runs", encoder=encoder, minilm=encoder, seeds=[42]
    )
    for _ in range(2):
        study.prepare()
    for corpus in ingredients.CORPORA:
        run = ingredients.Run(corpus, ingredients.BASELINE, 42)
        flags = dict(
            word[2:].split("=") for word in study.step(run).words if "=" in word
        )
        for part, count in sizes.items():
            name = {"train": "train_data", "dev": "eval_data"}[part]
            texts = [one.text for one in formats.read(flags[name])]
            assert texts == [str(k) for k in range(min(count, 1000))]
        config = pathlib.Path(flags["encoder_dir"]) / "config.json"
        assert json.loads(config.read_text()) == {
            "num_hidden_layers": 3,
            "hidden_size": 384,
        }


def test_differences_are_of_common_seeds(study):
    """A system that finds everything against one that finds nothing."""
    gold = tiny.sentences(20)
    formats.write(study.folder / "cluener_dev.jsonl", gold, "span_jsonl")
    nothing = [dataclasses.replace(one, spans=()) for one in gold]
    for name, seeds, found in (
        ("baseline", (42, 43), nothing),
        ("fgm", (43,), gold),
    ):
        for seed in seeds:
            run = ingredients.Run("cluener", name, seed)
            _write(study, run, 0.0)
            path = study.folder / run.name / "predictions.jsonl"
            formats.write(path, found, "span_jsonl")
    assert study.difference("cluener", "fgm") == {
        "difference": 1.0,
        "low": 1.0,
        "high": 1.0,
    }

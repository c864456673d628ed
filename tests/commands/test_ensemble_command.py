"""An ensemble from folds to pseudo labels, on a tiny corpus."""

import json

import forked
import pytest
import tiny
import tiny_runs

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.commands.names import COMMANDS
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split_fold

ENSEMBLE = "biaffine_tf/ensemble/__main__.py"
FLAGS = (*tiny_runs.SETTINGS, "--noreport", "--seed=5", "--learning_rate=1e-2")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A corpus, and an ensemble of two folds of it; what its command said."""
    place = tiny_runs.make_corpus(
        tmp_path_factory.mktemp("ensemble"),
        num_layers=2,  # one is never certain
        train=48,
        dev=16,
        more=12,
    )
    train = f"--train_data={place / 'train.jsonl'}"
    given = [train, *tiny_runs.encoder_flags(place), *FLAGS]
    output = place / "all"
    for number in (1, 2):  # quicker here than in processes that begin anew
        forked.check(
            tiny_runs.SCRIPT,
            "train",
            *given,
            f"--fold={number}/2",
            f"--output_dir={output / f'fold-{number}'}",
        )
    done = forked.check(
        ENSEMBLE,
        "train",
        *given,
        f"--eval_data={place / 'dev.jsonl'}",
        "--folds=2",
        f"--output_dir={output}",
    )
    return place, done.stdout


@pytest.mark.slow
def test_folds_are_taken_up_and_judged_out_of_fold(place):
    folder, said = place
    output = folder / "all"
    ensemble = model_directory.read_ensemble(str(output))
    names = [one.directory for one in ensemble.members]
    assert names == [str(output / f"fold-{number}") for number in (1, 2)]
    assert f"chosen: --rule={ensemble.rule} (out-of-fold micro F1" in said
    assert "eval_data: micro F1" in said
    corpus = Corpus((str(folder / "train.jsonl"),))
    gold = list(corpus.read())
    found = list(formats.read(str(output / "out_of_fold.jsonl")))
    assert [one.text for one in found] == [one.text for one in gold]
    assert all(s.score is not None for one in found for s in one.spans)
    scores = json.loads((output / "scores.json").read_text())
    f1 = evaluation.score(zip(gold, found, strict=True)).micro.f1
    assert f1 == pytest.approx(scores["out_of_fold"]["micro_f1"][ensemble.rule])
    assert scores["out_of_fold"]["opinions"] == 1
    # Each sentence is judged by the member that has not seen it.
    for number in (1, 2):
        dev = split_fold(corpus, number=number, folds=2, seed=5).dev
        lines = output / "opinions" / f"fold-{number}.out_of_fold.jsonl"
        header, *rest = lines.read_text(encoding="utf-8").splitlines()
        assert json.loads(header)["sentences"] == len(rest)
        assert len(rest) == sum(dev.part.chosen)
        for sentence, line in zip(dev.read(), rest, strict=True):
            length = len(sentence.text)
            assert all(end <= length for _, end, *_ in json.loads(line)[0])
    f1 = scores["eval_data"]["micro_f1"]
    assert {*f1} == {"fold-1", "fold-2", "votes", "average"}


@pytest.mark.slow
def test_certain_sentences_are_learnt_by_their_weight(place, tmp_path):
    folder, _ = place
    pseudo = tmp_path / "pseudo.jsonl"
    given = [f"--model_dir={folder / 'all'}", f"--output={pseudo}"]
    done = forked.check(
        ENSEMBLE,
        "pseudo_label",
        *given,
        f"--input={folder / 'more.jsonl'}",
        f"--eval_data={folder / 'dev.jsonl'}",
        "--min_score=0.2",
        "--max_doubt=0.2",
    )
    kept = list(formats.read(str(pseudo)))
    assert kept and f"{len(kept)} of 12 sentences" in done.stdout
    for one in kept:
        assert 0.2 <= one.extra["weight"] <= 1
    flags = [
        f"--train_data={folder / 'train.jsonl'}",
        *tiny_runs.encoder_flags(folder),
        f"--pseudo_data={pseudo}",
        "--num_train_epochs=1",
    ]
    said = tiny_runs.run(tmp_path / "model", *flags)
    assert f"pseudo labels: {len(kept)} sentences" in said
    assert "chosen: --pseudo_weight=1.0 (with --pseudo_data)" in said
    config = tiny_runs.read_json(tmp_path / "model", "config.json")
    assert config["training"]["pseudo_weight"] == 1.0
    assert config["data"]["pseudo_data"]
    (epoch,) = tiny_runs.history(tmp_path / "model")
    assert epoch["sentences"] == 48 + len(kept)
    # Text that scores the model is refused, here and there.
    held_out = f"--eval_data={pseudo}"
    said = tiny_runs.run(tmp_path / "other", *flags, held_out, code=2)
    assert "its text is also in --eval_data" in said
    done = forked.check(
        ENSEMBLE,
        "pseudo_label",
        *given,
        f"--input={folder / 'dev.jsonl'}",
        f"--test_data={folder / 'dev.jsonl'}",
        code=2,
    )
    assert "its text is also in --test_data" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--dev_fraction=0.1"], "which an ensemble does without"),
        (["--folds=1"], "--folds must be at least 2"),
        (["--member_weights=1"], "without model directories"),
        (["--members=absent.toml"], "cannot be read"),
        (["--members=absent"], "no such directory"),
        (["--rule=all"], "--rule must be one of auto, votes, average"),
    ],
)
def test_bad_flags_are_refused_in_a_line(tmp_path, flags, message):
    formats.write(tmp_path / "a.jsonl", tiny.sentences(9), "span_jsonl")
    given = [
        f"--train_data={tmp_path / 'a.jsonl'}",
        f"--output_dir={tmp_path}/o",
    ]
    done = forked.check(ENSEMBLE, "train", *given, *flags, code=2)
    assert message in done.stderr and done.stderr.count("\n") == 1


def test_every_console_command_has_a_name(root):
    text = (root / "pyproject.toml").read_text(encoding="utf-8")
    for name, module in COMMANDS.items():
        line = f'biaffine-{name} = "biaffine_tf.commands.{module}:run"'
        assert line in text
    assert text.count("\nbiaffine-") == len(COMMANDS)

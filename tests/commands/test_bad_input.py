"""Bad input through the real commands: one clear line, exit code 2."""

import json
import os
import pathlib
import subprocess
import sys
from typing import NamedTuple

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import formats, model_directory
from biaffine_tf.commands.reading_arguments import HELP
from biaffine_tf.config import ExperimentConfig

GOOD = '{"text": "ab天", "spans": [{"start": 0, "end": 2, "label": "x"}]}\n'
OUTSIDE = '{"text": "ab", "spans": [{"start": 1, "end": 9, "label": "x"}]}\n'
CLUENER = '{"text": "ab天", "label": {"x": {"ab": [[0, 1]]}}}\n'
MENTION = '{"text": "ab天", "label": {"x": {"ab": [[1, 2]]}}}\n'
FILES = {
    "good.jsonl": GOOD * 3,
    "broken.jsonl": GOOD + '{"text": "ab", \n' + GOOD,
    "broken_first.jsonl": '{"text": "ab", \n' + GOOD,
    "outside.jsonl": GOOD + OUTSIDE,
    "mention.json": CLUENER + MENTION,
    "unlabelled.jsonl": GOOD + '{"text": "ab"}\n' * 2 + GOOD,
    "none.jsonl": '{"text": "ab", "spans": []}\n' * 2,
    "blank.jsonl": '{"text": " ", "spans": [{"start": 0, "end": 1, "label": '
    '"x"}]}\n',
    "white.jsonl": OUTSIDE.replace("9", "2").replace('"ab"', '"a  b"'),
    "two_columns.conll": "a B-x\nb O\n\n",
    "four_columns.conll": "a 1 B-x O\nb 2 O O\n\n",
    "tags.conll": "a Q-x\nb E-x\n\n",
    "columns.conll": "a B-x\nb\n\nb O\n\nc O\n\nd O\n",
    "mixed.jsonl": GOOD.encode() + GOOD.replace("天", "地").encode("gb18030"),
    "utf16.jsonl": GOOD.encode("utf-16"),
    "long.jsonl": GOOD + GOOD.replace("ab天", "ab天" * 13),
    "empty.jsonl": "",
    "blank.txt": "\n\n",
    "no_special.txt": "[PAD]\na\nb\n",
    "repeated.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\na\n",
    "short_vocab.txt": "[PAD]\n[UNK]\n[CLS]\n[SEP]\na\n",
    "not_json.json": "{",
    "no_bert.json": '{"a": 1}',
    "odd.json": '{"vocab_size": 5, "hidden_size": 10}',
    "not.flags": "--learning_rat=1\n",
}
TRAINING = {
    "train_data": "{f}/good.jsonl",
    "eval_data": "{f}/good.jsonl",
    "vocab_file": "{f}/vocab.txt",
    "bert_config_file": "{f}/bert_config.json",
    "output_dir": "{f}/new",
    "max_seq_length": "40",
    "num_train_epochs": "1",
}
PREDICTION = {
    "model_dir": "{f}/model",
    "input": "{f}/good.jsonl",
    "output": "{f}/predictions.jsonl",
}


class Case(NamedTuple):
    """Flags that differ from good ones (None: left out) and the message."""

    changes: dict
    parts: list[str]


def _file(flag, name, line, *parts):
    place = f"{{f}}/{name}" + (f":{line}: " if line else ": ")
    return Case({flag: f"{{f}}/{name}"}, [place, *parts])


def _initial(changes, model, *parts):
    """A run that goes on from a model, and says nothing that it knows."""
    known = {"vocab_file": None, "bert_config_file": None}
    known["init_model"] = f"{{f}}/{model}"
    return Case(known | changes, list(parts))


# Known before TensorFlow is loaded.
EARLY_TRAINING = {
    "no train file": _file("train_data", "none", 0, "no such file"),
    "no eval file": _file("eval_data", "none", 0, "no such file"),
    "no test file": _file("test_data", "none", 0, "no such", "--test_data"),
    "a pattern of no train file": Case(
        {"train_data": "{f}/good.jsonl,{f}/absent*.jsonl"},
        ["{f}/absent*.jsonl: ", "as a pattern it matches none", "--train_data"],
    ),
    "a file of several is broken": Case(
        {"eval_data": "{f}/good.jsonl,{f}/outside.jsonl"},
        ["{f}/outside.jsonl:2: "],
    ),
    "unlabelled test file": _file(
        "test_data", "unlabelled.jsonl", 2, "--test_data must be labelled"
    ),
    "broken test file": _file("test_data", "broken.jsonl", 2, "skip"),
    "a fraction and a dev set": Case(
        {"dev_fraction": "0.1"},
        ["--dev_fraction and --eval_data are both given"],
    ),
    **{
        f"a fraction of {value}": Case(
            {"dev_fraction": value, "eval_data": None},
            ["--dev_fraction must be above 0 and below 1"],
        )
        for value in ("0", "1", "-0.1", "nan")
    },
    "nothing to divide": Case(  # its texts are the same
        {"dev_fraction": "0.5", "eval_data": None},
        ["{f}/good.jsonl: --dev_fraction=0.5 leaves no", "--eval_data"],
    ),
    **{
        f"--{flag} without a dev set": Case(
            {flag: value, "eval_data": None},
            [f"--{flag} is given but there is no dev set", "--dev_fraction"],
        )
        for flag, value in {
            "early_stopping_patience": "3",
            "calibrate": "true",
            "threshold_aim": "f1",
            "threshold_target": "0.9",
            "report": "true",
        }.items()
    },
    "no model to go on from": _initial({}, "none", "none: no such directory"),
    "an encoder to go on from": _initial({}, "encoder", "not of a model"),
    "a model without weights": _initial({}, "half", "no epoch of this run"),
    "a model that is cut off": _initial({}, "cut", "restore"),
    **{
        f"--init_model and --{flag}": _initial(
            {flag: value},
            "model",
            f"--{flag} and --init_model are both given; leave out --{flag}",
        )
        for flag, value in {
            "encoder_dir": "{f}/model",
            "init_checkpoint": "{f}/model",
            "vocab_file": "{f}/vocab.txt",
            "bert_config_file": "{f}/bert_config.json",
            "extend_positions": "true",
        }.items()
    },
    **{
        f"--init_model and another {flag}": _initial(
            {flag: value},
            "model",
            f"--{flag}={shown} contradicts --init_model=",
            f"leave out --{flag}, or",
        )
        for flag, value, shown in [
            ("tokenizer", "wordpiece", "wordpiece"),
            ("do_lower_case", "true", "True"),
            ("projection_size", "9", "9"),
            ("position", "joined", "joined"),
        ]
    },
    "a model longer than it has positions": _initial(
        {"max_seq_length": "41"}, "model", "--max_seq_length=40"
    ),
    "a model onto itself": _initial(
        {"output_dir": "{f}/./model"}, "model", "--output_dir is --init_model="
    ),
    "no vocabulary": _file("vocab_file", "none", 0, "No such", "vocab.txt"),
    "no config": _file("bert_config_file", "none", 0, "No such file"),
    "folder as train file": _file("train_data", "folder", 0, "a folder"),
    "pipe as train file": Case(
        {"train_data": "/dev/null"}, ["/dev/null: ", "a device", "to a file"]
    ),
    "data_dir": Case(
        {"data_dir": "{f}/folder", "eval_data": "a"}, ["{f}/folder/a: "]
    ),
    "empty train file": _file("train_data", "empty.jsonl", 0, "empty"),
    "empty eval file": _file("eval_data", "empty.jsonl", 0, "empty"),
    "blank eval file": _file("eval_data", "blank.txt", 0, "no sentence"),
    "broken JSON": _file("eval_data", "broken.jsonl", 2, "--on_bad_data=skip"),
    "broken JSON at once": _file("train_data", "broken_first.jsonl", 1),
    "span outside": _file("eval_data", "outside.jsonl", 2, "[1, 9)", "skip"),
    "not the mention": _file("eval_data", "mention.json", 2, "'b天'", "skip"),
    **{
        f"unlabelled in {name}": _file(
            name,
            "unlabelled.jsonl",
            2,
            "2 of the 4",
            "not labelled",
            "--unlabelled=skip",
        )
        for name in ("train_data", "eval_data")
    },
    "no entity to train on": _file("train_data", "none.jsonl", 0, "no entity"),
    "no token to train on": Case(
        {"train_data": "{f}/blank.jsonl", "tokenizer": "wordpiece"},
        ["{f}/blank.jsonl:1: none of the 1 sentences", "has a token"],
    ),
    "only white space": Case(
        {"train_data": "{f}/blank.jsonl", "trim_spans": "true"}, ["no entity"]
    ),
    "all spans unaligned": Case(
        {"train_data": "{f}/white.jsonl", "tokenizer": "wordpiece"},
        ["{f}/white.jsonl:1: ", "none of the 1 spans", "--trim_spans"],
    ),
    "all spans too wide": Case(
        {"max_span_width": "1"},
        ["{f}/good.jsonl:1: none of the 3 spans", "3 are wider than --max_s"],
    ),
    **{
        f"{flag} absent in {name}": Case(
            {name: f"{{f}}/{columns}.conll", flag: "7"},
            [f"{{f}}/{columns}.conll:1: ", "column 7", f"correct --{flag}"],
        )
        for flag in ("tag_columns", "token_column")
        for name in ("train_data", "eval_data")
        for columns in ("two_columns", "four_columns")
    },
    "late broken JSON": _file("train_data", "broken.jsonl", 2, "skip"),
    "late mixed encodings": _file("train_data", "mixed.jsonl", 2, "iconv"),
    "overwritten by what is bad": Case(
        {
            "output_dir": "{f}/model",
            "overwrite": "true",
            "train_data": "{f}/outside.jsonl",
        },
        ["{f}/outside.jsonl:2: "],
    ),
    "unknown scheme": _file("train_data", "tags.conll", 1, "'Q-x'"),
    "columns": _file("eval_data", "columns.conll", 2, "column"),
    "mixed encodings": _file("eval_data", "mixed.jsonl", 2, "GB18030", "iconv"),
    "UTF-16": _file("eval_data", "utf16.jsonl", 1, "UTF-16", "iconv"),
    "vocabulary without [CLS]": _file(
        "vocab_file", "no_special.txt", 0, "[UNK], [CLS], [SEP] missing"
    ),
    "repeated piece": _file("vocab_file", "repeated.txt", 6, "'a' repeats"),
    "vocab_size": Case(
        {
            "vocab_file": "{f}/short_vocab.txt",
            "init_checkpoint": "{f}/model",
        },
        ["{f}/bert_config.json: vocab_size is", "{f}/short_vocab.txt holds 5"],
    ),
    "config not JSON": _file("bert_config_file", "not_json.json", 0, "JSON"),
    "config no BERT's": _file("bert_config_file", "no_bert.json", 0, "vocab_"),
    "config odd": _file("bert_config_file", "odd.json", 0, "multiple of num_"),
    "config binary": _file("bert_config_file", "utf16.jsonl", 0, "not JSON"),
    "too long": Case(
        {"max_seq_length": "41"}, ["only 40", "--max_seq_length=40"]
    ),
    "too short": Case(
        {"max_seq_length": "2"},
        ["--max_seq_length must be at least 3 (", ", got 2"],
    ),
    "another experiment": Case(
        {"output_dir": "{f}/model"}, ["{f}/model: holds another", "--overwrite"]
    ),
    "an encoder's folder": Case(
        {"output_dir": "{f}/encoder", "overwrite": "true"},
        ["{f}/encoder: holds", "config.json, vocab.txt", "another"],
    ),
    "file as output_dir": Case(
        {"output_dir": "{f}/good.jsonl/a"}, ["{f}/good.jsonl is not a folder"]
    ),
    "file as records_dir": Case(
        {"records_dir": "{f}/good.jsonl"}, ["{f}/good.jsonl is not a folder"]
    ),
    "init_checkpoint absent": Case(
        {"init_checkpoint": "{f}/folder"}, ["{f}/folder: not a model", "give"]
    ),
    "init_checkpoint without weights": Case(
        {"init_checkpoint": "{f}/half"}, ["weights.safetensors", "epoch"]
    ),
    "init_checkpoint of another shape": Case(
        {"init_checkpoint": "{f}/wide"},
        ["hidden_size (32, not 16)", "bert_config.json"],
    ),
    "tag_columns twice": Case(
        {"tag_columns": "1,1"}, ["tag_columns", "(1, 1)"]
    ),
    "unknown flag": Case({"learning_rat": "1"}, ["Did you mean", "--help"]),
    "unknown long_text": Case(
        {"long_text": "fold"}, ["--long_text=fold", "truncate"]
    ),
    "whole window as overlap": Case(
        {"window_overlap": "38"},
        ["--window_overlap must be at least 0 and below 38, ", "got 38"],
    ),
    "unknown choice": Case({"loss": "hinge"}, ["--loss=hinge", "focal"]),
    "unknown tag_scheme": Case({"tag_scheme": "bioo"}, ["--tag_scheme=bioo"]),
    "flagfile": Case({"flagfile": "{f}/nope"}, ["'{f}/nope'", "--help"]),
    "flag in flagfile": Case(
        {"flagfile": "{f}/not.flags"}, ["'learning_rat'", "Did you mean"]
    ),
    **{
        f"--{name} missing": Case({name: None}, [f"--{name} is missing"])
        for name in list(TRAINING)[:5]
        if name != "eval_data"
    },
    **{
        f"--{name}={value}": Case({name: value}, [name, value])
        for name, value in [
            ("learning_rate", "0"),
            ("learning_rate", "nan"),
            ("learning_rate", "inf"),
            ("learning_rate", "fast"),
            ("num_train_epochs", "1.5"),
            ("num_train_epochs", "inf"),
            ("num_train_epochs", "nan"),
            ("num_train_epochs", "0"),
            ("tag_columns", "x"),
            ("token_column", "-1"),
            ("neg_sample", "0"),
            ("warmup_proportion", "2"),
            ("train_batch_size", "0"),
            ("token_budget", "-1"),
            ("window_overlap", "-1"),
            ("early_stopping_patience", "0"),
            ("records_processes", "-1"),
            ("projection_size", "0"),
            ("weight_decay", "-1"),
            ("seed", "-1"),
            ("seed", str(2**63)),
            ("seed", "1.5"),
            ("seed", "x"),
        ]
    },
    **{
        f"--{name} names its flag": Case(
            {name: value}, [f"error: --{name} must be {want}, got {value}"]
        )
        for name, value, want in [
            ("head_dropout", "1.0", "at least 0 and below 1"),
            ("neg_sample", "1.5", "above 0 and at most 1"),
            ("learning_rate", "-0.5", "positive and finite"),
            ("warmup_proportion", "2.0", "from 0 to 1"),
            ("focal_gamma", "-1.0", "at least 0 and finite"),
            ("num_train_epochs", "1.5", "a whole number"),
        ]
    },
    "--max_width names two flags": Case(
        {"min_width": "3", "max_width": "2"},
        ["error: --max_width must be an integer of at least --min_width=3, "],
    ),
}
EARLY_PREDICTION = {
    "--model_dir missing": Case(
        {"model_dir": None}, ["--model_dir is missing"]
    ),
    "nothing to do": Case({"input": None, "output": None}, ["--text"]),
    "input alone": Case({"output": None}, ["--output is not"]),
    "output alone": Case({"input": None, "text": "a"}, ["--input is not"]),
    "no model_dir": Case(
        {"model_dir": "{f}/none"}, ["{f}/none: no such directory"]
    ),
    "folder": Case({"model_dir": "{f}/folder"}, ["{f}/folder: not a model"]),
    "an encoder's folder": Case(
        {"model_dir": "{f}/encoder"},
        ["{f}/encoder/config.json: not of a model directory", "run_classifier"],
    ),
    "no epoch ended": Case(
        {"model_dir": "{f}/half"}, ["{f}/half/weights.safetensors: ", "again"]
    ),
    "weights cut off": Case(
        {"model_dir": "{f}/cut"}, ["{f}/cut/weights.safetensors: ", "restore"]
    ),
    "no labels": Case(
        {"model_dir": "{f}/no_labels"},
        ["{f}/no_labels/labels.txt: ", "restore"],
    ),
    "empty labels": Case(
        {"model_dir": "{f}/empty_labels"}, ["/labels.txt: ", "restore"]
    ),
    "other vocabulary": Case(
        {"model_dir": "{f}/other_vocab"}, ["/vocab.txt: 5 pieces", "restore"]
    ),
    "no input": _file("input", "none", 0, "no such file"),
    "folder as input": _file("input", "folder", 0, "directory"),
    "empty input": _file("input", "empty.jsonl", 0, "empty"),
    "broken at once": _file("input", "broken_first.jsonl", 1, "skip"),
    **{
        f"{flag} absent": Case(
            {"input": "{f}/four_columns.conll", flag: "7"},
            ["{f}/four_columns.conll:1: ", "column 7", f"correct --{flag}"],
        )
        for flag in ("tag_columns", "token_column")
    },
    "output in no folder": Case(
        {"output": "{f}/none/a.jsonl"}, ["no folder {f}/none", "make it"]
    ),
    "folder as output": Case({"output": "{f}/folder"}, ["is a folder"]),
    "output is input": Case({"output": "{f}/good.jsonl"}, ["is the input"]),
    "scores in columns": Case(
        {"output_format": "conll", "output_score": "true"}, ["no scores"]
    ),
    "layers elsewhere": Case({"output_layers": "2"}, ["--output_layers"]),
    "batch_size": Case({"batch_size": "0"}, ["--batch_size=0"]),
    "long_text": Case({"long_text": "fold"}, ["--long_text=fold", "truncate"]),
    "negative overlap": Case({"window_overlap": "-1"}, ["--window_overlap=-1"]),
    "whole window as overlap": Case(
        {"window_overlap": "38"},
        ["--window_overlap must be at least 0 and below 38, ", "got 38"],
    ),
    "output_format": Case({"output_format": "xml"}, ["xml", "cluener"]),
    "export into something": Case(
        {"export_dir": "{f}/folder_with_file"},
        ["folder_with_file: exists and is not an empty folder", "delete it"],
    ),
    "export in a format of none": Case(
        {"export_dir": "{f}/new", "export_format": "torch"},
        ["torch", "saved_model|onnx"],
    ),
    "export and precision": Case(
        {"export_dir": "{f}/new", "precision": "mixed_bfloat16"},
        ["--precision is that of prediction", "give --export_precision"],
    ),
    **{
        f"eval_data of an export, {name}": Case(
            {"export_dir": "{f}/new", "eval_data": f"{{f}}/good.jsonl,{file}"},
            [f"{file}{part}", "--eval_data"],
        )
        for name, file, part in [
            ("absent", "{f}/absent*", ": there is no such file"),
            ("unlabelled", "{f}/unlabelled.jsonl", ":2: the sentence is not"),
        ]
    },
    "eval_data and no export": Case(
        {"eval_data": "{f}/good.json"},
        ["--eval_data is given but --export_dir is not"],
    ),
    "text half a character": Case(
        {"text": "a\udc80"}, ["--text is not UTF-8", "convert"]
    ),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All the files that the cases name."""
    folder = tmp_path_factory.mktemp("bad")
    for name, content in FILES.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    (folder / "folder").mkdir()
    (folder / "folder_with_file").mkdir()
    (folder / "folder_with_file" / "file").write_text("")
    vocabulary = tiny.tokenizer(folder).vocabulary
    vocabulary.save(folder / "vocab.txt")
    (folder / "bert_config.json").write_text(
        json.dumps(tiny.encoder_config().to_dict())
    )
    config = ExperimentConfig(model=tiny.model_config())
    wide = ExperimentConfig(
        model=tiny.model_config(encoder={"hidden_size": 32})
    )
    for name, written in [
        *dict.fromkeys(
            ["model", "half", "cut", "no_labels", "empty_labels"], config
        ).items(),
        ("other_vocab", config),
        ("wide", wide),
    ]:
        path = str(folder / name)
        model_directory.write_description(
            path, written, tiny.LABELS, vocabulary
        )
        if name != "half":
            model_directory.save_weights(path, tiny.model())
    weights = folder / "cut" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    (folder / "no_labels" / "labels.txt").unlink()
    (folder / "empty_labels" / "labels.txt").write_text("")
    (folder / "other_vocab" / "vocab.txt").write_text(FILES["short_vocab.txt"])
    (folder / "encoder").mkdir()
    (folder / "encoder" / "config.json").write_text('{"hidden_size": 8}')
    (folder / "encoder" / "vocab.txt").write_text(FILES["short_vocab.txt"])
    return folder


def _call(script, good, changes, folder):
    flags = {k: v for k, v in (good | changes).items() if v is not None}
    return [script, *(f"--{k}={v.format(f=folder)}" for k, v in flags.items())]


def _tree(folder):
    return {
        str(path): path.read_bytes() if path.is_file() else b""
        for path in sorted(folder.rglob("*"))
    }


def _outcomes(folder, training, prediction):
    calls = {
        ("training", name): _call(
            "run_classifier.py", TRAINING, case.changes, folder
        )
        for name, case in training.items()
    }
    calls |= {
        ("prediction", name): _call(
            "run_predict.py", PREDICTION, case.changes, folder
        )
        for name, case in prediction.items()
    }
    return dict(zip(calls, run_all(list(calls.values())), strict=True))


def _assert_one_clear_line(outcome, parts, folder):
    assert outcome.code == 2, outcome
    assert "Traceback" not in outcome.err
    *_, line = lines = outcome.err.splitlines()
    assert line.startswith("error: ")
    assert len(lines) == 1, lines
    assert "; " in line or " must be " in line, "no remedy"
    for part in parts:
        assert part.format(f=folder) in line


def _without_bars(err):
    """Standard error without progress bars."""
    bars = ("records:", "predicting:", "epoch ")
    lines = err.replace("\r", "\n").splitlines(keepends=True)
    return "".join(x for x in lines if x.strip() and not x.startswith(bars))


@pytest.fixture(scope="module")
def early(folder):
    before = _tree(folder)
    outcomes = _outcomes(folder, EARLY_TRAINING, EARLY_PREDICTION)
    assert _tree(folder) == before, "something was written"
    return outcomes


@pytest.mark.parametrize("name", EARLY_TRAINING)
def test_training_refuses_before_it_loads_tensorflow(folder, early, name):
    outcome = early["training", name]
    _assert_one_clear_line(outcome, EARLY_TRAINING[name].parts, folder)
    assert not outcome.tensorflow
    assert not outcome.out


@pytest.mark.parametrize("name", EARLY_PREDICTION)
def test_prediction_refuses_before_it_loads_tensorflow(folder, early, name):
    outcome = early["prediction", name]
    _assert_one_clear_line(outcome, EARLY_PREDICTION[name].parts, folder)
    assert not outcome.tensorflow
    assert not outcome.out


LATE_TRAINING = {
    **{
        f"too long in {name}": Case(
            {name: "{f}/long.jsonl", "long_text": "error"},
            ["{f}/long.jsonl:2: the text has 39 pieces", "--long_text=window"],
        )
        for name in ("train_data", "eval_data")
    },
}
LATE_PREDICTION = {
    "too long": Case(
        {"input": "{f}/long.jsonl", "long_text": "error"},
        ["{f}/long.jsonl:2: the text has 39 pieces", "--long_text=window"],
    ),
    "late broken JSON": _file("input", "broken.jsonl", 2, "skip"),
    "late mixed encodings": _file("input", "mixed.jsonl", 2, "iconv"),
}


@pytest.fixture(scope="module")
def late(folder):
    before = _tree(folder)
    outcomes = _outcomes(folder, LATE_TRAINING, LATE_PREDICTION)
    after = _tree(folder)
    assert {k: after.get(k) for k in before} == before
    left = {pathlib.Path(path) for path in after.keys() - before.keys()}
    # The records of good training data are whole, and stay for the next try.
    assert all(folder / "new" in [p, *p.parents] for p in left)
    assert not [p for p in left if p.suffix == ".tmp"]
    assert {p.name for p in left if p.parent == folder / "new"} <= {"records"}
    return outcomes


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE_TRAINING)
def test_training_refuses_and_leaves_no_half(folder, late, name):
    outcome = late["training", name]
    outcome.err = _without_bars(outcome.err)
    _assert_one_clear_line(outcome, LATE_TRAINING[name].parts, folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", LATE_PREDICTION)
def test_prediction_refuses_and_leaves_no_half(folder, late, name):
    outcome = late["prediction", name]
    outcome.err = _without_bars(outcome.err)
    _assert_one_clear_line(outcome, LATE_PREDICTION[name].parts, folder)


@pytest.mark.parametrize("script", ["run_classifier.py", "run_predict.py"])
def test_help_shows_every_flag(script):
    (outcome,) = run_all([[script, "--help"]])
    assert outcome.code == 0 and not outcome.err
    flags = TRAINING if script == "run_classifier.py" else PREDICTION
    for name in [*flags, *HELP]:
        assert f"--{name}" in outcome.out or f"--[no]{name}" in outcome.out
    assert "--flagfile" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


@pytest.mark.slow
def test_skipping_bad_data_counts_it(folder, tmp_path):
    """Trains, in a process of its own, as users do; stderr stays clean."""
    changes = {
        "train_data": "{f}/broken.jsonl",
        "eval_data": "{f}/outside.jsonl",
        "output_dir": str(tmp_path / "out"),
        "on_bad_data": "skip",
    }
    call = _call("run_classifier.py", TRAINING, changes, folder)
    done = subprocess.run(
        [sys.executable, *call],
        capture_output=True,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
        env={k: v for k, v in os.environ.items() if "TF_CPP" not in k},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "training data: bad sentence skipped: 1" in done.stdout
    assert "eval data: bad sentence skipped: 1" in done.stdout
    (records,) = (tmp_path / "out" / "records").iterdir()
    meta = json.loads((records / "records.json").read_text())
    assert meta["problems"]["bad sentence skipped"]["count"] == 1
    assert meta["counts"]["sentences"] == 2
    assert not _without_bars(done.stderr)
    predicted = formats.read(tmp_path / "out" / "predictions.jsonl")
    assert len(list(predicted)) == 1

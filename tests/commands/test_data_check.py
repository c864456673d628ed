"""The data check of run_classifier.py, alone and before training."""

import json
import re

import pytest
import tiny
from command_harness import run_all

from biaffine_tf import model_directory

HOSTS = "Ann Bo lives in Rye."
NESTED = [(0, 6, "person"), (16, 19, "place")]


def _line(text, spans):
    record = {"text": text}
    if spans is not None:
        keys = ("start", "end", "label")
        record["spans"] = [dict(zip(keys, one, strict=True)) for one in spans]
    return json.dumps(record) + "\n"


GOOD = _line(HOSTS, NESTED)
FILES = {
    "good.jsonl": GOOD * 3,
    "dev.jsonl": _line("Bo Li left Ely.", [(0, 5, "person"), (11, 14, "place")])
    * 2,
    "unlabelled.jsonl": GOOD + _line("a", None) + GOOD + _line("b", None),
    "new_label.jsonl": GOOD + _line("The Tern", [(4, 8, "ship")]),
    "empty.jsonl": _line("Nobody came.", []) * 4,
    "nested.jsonl": GOOD + _line("Ely Inn", [(0, 7, "inn"), (0, 3, "place")]),
    "white.jsonl": _line(" Ely ", [(0, 4, "place"), (4, 5, "place")]),
    "bad.jsonl": GOOD + '{"text": 3}\n',
    "columns.conll": "Ely B-inn B-place\nInn I-inn O\n\n",
    "lines.jsonl": _line("Ely\n" * 70, [(0, 3, "place")]),
    "tokenless.jsonl": _line(" ", [(0, 1, "place")]),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    for name, content in FILES.items():
        (folder / name).write_text(content, encoding="utf-8")
    tiny.write_encoder_files(folder)
    return folder


# Training data, dev data and flags; below, what standard output holds. Errors
# are the beginnings of all lines of standard error, and give exit code 2.
CASES = """
good dev
    sentences                                  3             2
    --long_text=line (no training text has several lines)
    --head=crf (no pretrained encoder and no nested spans
    --nonested (--head=crf gives each token one tag)
good dev --head=biaffine
    --nonested (0 of 6 spans of the training data lie within others)
good
    --nonested (--head=crf
good dev --pseudo_data=F/lines.jsonl
    --long_text=window (some training text has several lines)
good dev --pseudo_data=F/lines.jsonl PLAIN
    --train_batch_size=16 (randomly initialized encoder, 4 training sentences)
    --max_seq_length=40 (1 of 4 training sentences are longer
    --long_text=window (some training text has several lines)
good dev --pseudo_data=F/dev.jsonl
    error: F/dev.jsonl:1: its text is also in --eval_data
unlabelled dev
    not labelled                             2             0
    error: F/unlabelled.jsonl:2: 2 of the 4 sentences of the training data are
unlabelled dev --unlabelled=skip
    warning: training data: unlabelled sentence left out: 2 (
    (F/unlabelled.jsonl:2; F/unlabelled.jsonl:4)
    sentences                                  2             2
unlabelled unlabelled
    error: F/unlabelled.jsonl:2: 2 of the 4 sentences of the training data
    error: F/unlabelled.jsonl:2: 2 of the 4 sentences of the eval data
good new_label
    warning: eval data: labels that the training data lacks: ship (1);
    warning: eval data: 1 of 2 texts are in the training data, too
good empty
    warning: eval data: no entity in 4 sentences
nested nested
    --nested (1 of 4 spans of the training data lie within others)
    nested, within others
nested nested --nonested
    warning: training data: 1 of 4 spans lie within others and cannot be learnt
    by --head=crf
nested nested --nonested --head=biaffine
    warning: training data: 1 of 4 spans lie within others and cannot be found
    warning: eval data: 1 of 4 spans lie within others and cannot be found
    beside them without --nested
white dev
    warning: training data: span begins or ends in white space (--trim_spans
    cuts it off): 2 (F/white.jsonl:1: [0, 4) ' Ely'; F/white.jsonl:1: [4, 5)
white dev --trim_spans
    training data: white space at an end of a span cut off: 1 (
    training data: span of nothing but white space dropped: 1 (
bad dev
    error: F/bad.jsonl:2: 'text'
bad dev --on_bad_data=skip
    warning: training data: bad sentence skipped: 1 (F/bad.jsonl:2:
columns.conll dev
    warning: training data: several columns look like tags, and --tag_columns is
    not given: 1 (F/columns.conll: columns 1, 2 look like tags, column 2 is read
columns.conll columns.conll --tag_columns=1,2
    --nested (1 of 2 spans of the training data lie within others)
empty dev
    without entities                         4             0
    error: F/empty.jsonl: the 4 sentences of the training data
tokenless dev
    sentences
tokenless dev ENCODER --tokenizer=wordpiece
    error: F/tokenless.jsonl:1: none of the 1 sentences of the tr
good dev --encoder_dir=F/none
    error: F/none:
good dev --output_dir=F/good.jsonl/folder
    sentences
"""
PLAIN = "--vocab_file=F/vocab.txt --bert_config_file=F/bert_config.json"
ENCODER = f"{PLAIN} --max_seq_length=40"


def _cases():
    """What each line of flags is to say."""
    blocks = re.split(r"\n(?! )", CASES.strip())
    lines = [block.split("\n    ") for block in blocks]
    return {flags: said for flags, *said in lines}


def _call(folder, train, *rest):
    def path(names):
        return ",".join(
            str(folder / (name if "." in name else f"{name}.jsonl"))
            for name in names.split(",")
        )

    flags = [f"--train_data={path(train)}"]
    for one in rest:
        flags.append(
            one.replace("F/", f"{folder}/")
            if one.startswith("--")
            else f"--eval_data={path(one)}"
        )
    return ["run_classifier.py", *flags]


@pytest.fixture(scope="module")
def checked(folder):
    before = sorted(folder.rglob("*"))
    calls = [
        [
            *_call(
                folder,
                *line.replace("ENCODER", ENCODER)
                .replace("PLAIN", PLAIN)
                .split(),
            ),
            "--check_only",
        ]
        for line in _cases()
    ]
    outcomes = dict(zip(_cases(), run_all(calls), strict=True))
    assert sorted(folder.rglob("*")) == before, "something was written"
    return outcomes


@pytest.mark.parametrize("flags", _cases())
def test_check_only_says_it_without_tensorflow(folder, checked, flags):
    outcome = checked[flags]
    said = [one.replace("F/", f"{folder}/") for one in _cases()[flags]]
    errors = [one for one in said if one.startswith("error: ")]
    assert outcome.code == (2 if errors else 0), outcome
    assert not outcome.tensorflow
    for one in said:
        assert one in (outcome.err if one in errors else outcome.out)
    lines = outcome.err.splitlines()
    assert len(lines) == len(errors), lines
    for line, expected in zip(lines, errors, strict=True):
        assert line.startswith(expected)
        assert "; " in line, "no remedy"


SHORT = [
    *ENCODER.split(),
    *["--num_train_epochs=1", "--noreport", "--noonnx"],
]
MIXED = "unlabelled.jsonl,nested.jsonl,white.jsonl"
MENDED = ["--unlabelled=skip", "--trim_spans"]
RUNS = {
    "mended": [MIXED, "new_label", *MENDED],
    "flat": [MIXED, "empty", *MENDED, "--nonested"],
}


@pytest.fixture(scope="module")
def trained(folder, tmp_path_factory):
    """Outcomes and directories of runs of one epoch."""
    models = tmp_path_factory.mktemp("models")
    calls = [
        _call(folder, *flags, *SHORT, f"--output_dir={models / name}")
        for name, flags in RUNS.items()
    ]
    outcomes = run_all(calls, has_loaded=True)
    return {
        name: (outcome, models / name)
        for name, outcome in zip(RUNS, outcomes, strict=True)
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", RUNS)
def test_training_goes_on_and_says_the_same(trained, name):
    outcome, directory = trained[name]
    assert outcome.code == 0, outcome.err
    assert "data  " in outcome.out.splitlines()[1]
    assert (directory / "README.md").exists()
    scores = json.loads((directory / "scores.json").read_text())
    assert scores["complete"]


@pytest.mark.slow
def test_what_is_left_out_or_trimmed_is_not_trained_on(trained):
    outcome, directory = trained["mended"]
    assert "unlabelled sentence left out: 2" in outcome.out
    (records,) = (directory / "records").iterdir()
    meta = json.loads((records / "records.json").read_text())
    assert meta["counts"]["sentences"] == 5
    assert meta["problems"]["unlabelled sentence left out"]["count"] == 2
    # " Ely " is trimmed to three tokens, and " " is no span.
    assert meta["counts"]["spans"] == sum(meta["widths"].values()) == 9
    assert meta["widths"]["3"] == 5


@pytest.mark.slow
def test_a_label_that_only_dev_has_is_scored_as_missed(trained):
    outcome, directory = trained["mended"]
    assert "ship (1); their spans are scored as missed" in outcome.out
    scores = json.loads((directory / "scores.json").read_text())
    ship = scores["labels"]["ship"]
    assert (ship["gold"], ship["predicted"], ship["f1"]) == (1, 0, 0)
    assert scores["eval_counts"]["unknown_label_spans"] == 1
    assert "ship" not in (directory / "labels.txt").read_text()
    assert "ship" in (directory / "README.md").read_text()


@pytest.mark.slow
def test_nested_or_flat_is_stored_with_the_model(trained):
    for name, nested in (("mended", True), ("flat", False)):
        config = model_directory.read_config(str(trained[name][1]))
        assert config.decoding.nested is nested
    assert "--nested (1 of 9 spans" in trained["mended"][0].out
    assert "--nonested (" not in trained["flat"][0].out  # it was given

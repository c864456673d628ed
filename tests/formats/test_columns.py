"""Columns of tags: which are read, which could be, in every command."""

from __future__ import annotations

import json

import pytest

from biaffine_tf.commands.audit import main as audit
from biaffine_tf.commands.describe_data import main as readers
from biaffine_tf.commands.display import main as display
from biaffine_tf.commands.evaluate import main as evaluation
from biaffine_tf.errors import DataError

SEVERAL = "several columns look like tags, and --tag_columns is not given"
# Outer entities, inner ones; words in the second column.
NESTED = (
    "1\tUniversität\tB-ORG\tO\n2\tJena\tI-ORG\tB-LOC\n\n"
    "1\tHeute\tO\tO\n2\tregnet\tO\tO\n"
)
# Commands, with the side that FILE is of.
COMMANDS = {
    "readers": (readers, ["FILE"], ""),
    "display": (display, ["FILE"], ""),
    "display's gold": (display, ["SAME", "--gold=FILE"], "gold_"),
    "audit": (audit, ["FILE"], ""),
    "evaluation's gold": (evaluation, ["FILE", "SAME"], "gold_"),
    "evaluation's predictions": (evaluation, ["SAME", "FILE"], "predicted_"),
    "evaluation's training data": (
        evaluation,
        ["SAME", "SAME", "--train=FILE"],
        "train_",
    ),
    "evaluation's other system": (
        evaluation,
        ["SAME", "SAME", "--compare=FILE"],
        "compare_",
    ),
}


@pytest.fixture
def run(tmp_path, capsys):
    """Runs a command on a file of columns, and on its texts in span JSON."""
    path, same = tmp_path / "nested.conll", tmp_path / "same.jsonl"
    path.write_text(NESTED)
    same.write_text(
        "\n".join(
            json.dumps({"text": text, "spans": []})
            for text in ("Universität Jena", "Heute regnet")
        )
    )

    def run(name, *flags):
        command, arguments, side = COMMANDS[name]
        filled = [
            one.replace("FILE", str(path)).replace("SAME", str(same))
            for one in arguments
        ]
        code = command([*filled, *(f"--{side}{flag}" for flag in flags)])
        shown = capsys.readouterr()
        return code, " ".join((shown.out + shown.err).split())

    return run


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_says_which_columns_look_like_tags(run, name):
    code, shown = run(name, "token_column=1")
    assert code == 0
    assert SEVERAL in shown
    assert "columns 2, 3 look like tags, column 3 is read" in shown
    code, shown = run(name, "token_column=1", "tag_columns=2,3")
    assert code == 0 and SEVERAL not in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_a_column_that_does_not_exist_is_an_error_in_every_command(run, name):
    for flags in (["tag_columns=4"], ["token_column=4"], ["tag_columns=1,-5"]):
        code, shown = run(name, *flags)
        assert code == 2
        assert "the file has 4 columns, counted from 0" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_takes_scheme_and_join(run, name):
    code, shown = run(
        name, "token_column=1", "tag_columns=2", "tag_scheme=bmes"
    )
    assert code == 2 and "I-ORG" in shown and "(scheme bmes)" in shown
    flags = ["token_column=1", "tag_columns=2,3", "join=chars"]
    code, shown = run(name, *flags)
    if "SAME" in COMMANDS[name][1] and name != "evaluation's training data":
        # Only with this flag do the texts differ from those in JSON.
        assert code == 2 and "UniversitätJena" in shown
    else:
        assert code == 0


def test_all_layers_are_read_when_named(reading):
    (sentence, _) = reading(NESTED, token_column=1, tag_columns=(2, 3))
    assert {(sentence.surface(s), s.label) for s in sentence.spans} == {
        ("Universität Jena", "ORG"),
        ("Jena", "LOC"),
    }
    assert not reading.problems
    (sentence, _) = reading(NESTED, token_column=1)
    assert [s.label for s in sentence.spans] == ["LOC"]
    assert reading.problems.counts == {SEVERAL: 1}


def test_one_column_of_tags_is_no_choice(reading):
    reading("Bonn NE B-LOC\nist VB O\n")
    assert not reading.problems


def test_named_columns_that_hold_no_tags_are_an_error(reading):
    with pytest.raises(DataError, match=r"'NE'.*pass --tag_columns=2,"):
        reading("Bonn NE B-LOC\nist VB O\n", tag_columns=(1,))


def test_prose_stays_prose_whatever_columns_are_named(reading):
    prose = "A cat sat here.\nIt was O so dull today.\n\nNobody came.\n"
    found = reading(prose, tag_columns=(7,), token_column=5)
    assert len(found) == 3


def test_a_file_of_tokens_has_no_named_column(reading):
    assert reading("a\nb\n", format="conll")[0].spans is None
    with pytest.raises(DataError, match="no tag column 1: the file has 1"):
        reading("a\nb\n", format="conll", tag_columns=(1,))

"""Members of an ensemble as they are written."""

import pytest

from biaffine_tf.decoding import Candidate
from biaffine_tf.ensemble.members import (
    Kind,
    is_list_of_kinds,
    read_kinds,
    trainings,
)
from biaffine_tf.ensemble.opinions import read_opinions, write_opinions
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.ensemble import Opinion


def test_each_kind_is_trained_on_each_fold():
    kinds = [Kind(name="a"), Kind(name="b", weight=2.0)]
    planned = trainings(kinds, folds=2, repeats=2, seed=7)
    assert [(one.name, one.fold, one.seed) for one in planned[:4]] == [
        ("a-repeat-1-fold-1", 1, 7),
        ("a-repeat-1-fold-2", 2, 7),
        ("a-repeat-2-fold-1", 1, 8),
        ("a-repeat-2-fold-2", 2, 8),
    ]
    assert len({one.name for one in planned}) == 8
    (one, _, _) = trainings([Kind()], folds=3, repeats=1, seed=0)
    assert one.name == "fold-1"


def test_kinds_are_read_from_toml(tmp_path):
    path = tmp_path / "members.toml"
    path.write_text(
        '[[member]]\nname = "a"\nweight = 2\n'
        'flags = {head = "crf", nested = true}'
        '\n[[member]]\nname = "b"\n'
    )
    assert read_kinds(str(path)) == [
        Kind(name="a", weight=2, flags={"head": "crf", "nested": True}),
        Kind(name="b"),
    ]
    assert is_list_of_kinds([str(path)])
    assert not is_list_of_kinds(["one", "two"])
    with pytest.raises(ConfigError, match="a TOML file and others"):
        is_list_of_kinds([str(path), "two"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("member = 1", "must be a list"),
        ("", "member is missing"),
        ("member = []", "lists no member"),
        ('[[member]]\nname = "../a"', "is no name"),
        (2 * '[[member]]\nname = "a"\n', "two members"),
        ('[[member]]\nname = "a"\nweight = 0', "positive"),
        ('[[member]]\nname = "a"\nhead = "crf"', "has no 'head'"),
        ("[[", "not TOML"),
    ],
)
def test_bad_files_are_refused_in_a_line(tmp_path, text, message):
    path = tmp_path / "members.toml"
    path.write_text(text)
    with pytest.raises(ConfigError, match=message):
        read_kinds(str(path))


def test_opinions_are_what_was_written_or_none(tmp_path):
    path = str(tmp_path / "opinions" / "one.jsonl")
    opinions = [
        Opinion([Candidate(0, 2, "x", 1.5, 1.5, 1.5)], []),
        Opinion([], [Candidate(1, 3, "名", 0.0)]),
    ]
    assert read_opinions(path, "f") is None
    write_opinions(path, "f", opinions)
    assert read_opinions(path, "f") == opinions
    assert read_opinions(path, "g") is None
    with open(path, encoding="utf-8") as file:
        lines = file.readlines()
    for damaged in (lines[:2], lines[:1], [], [*lines[:2], "[["]):
        with open(path, "w", encoding="utf-8") as file:
            file.writelines(damaged)
        assert read_opinions(path, "f") is None

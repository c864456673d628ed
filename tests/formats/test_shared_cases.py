"""The folder of small files as users bring them, where it is present."""

from __future__ import annotations

import collections
import contextlib
import io
import json
import pathlib
import re

import pytest

from biaffine_tf.commands.describe_data import main
from biaffine_tf.errors import DataError
from biaffine_tf.formats import ReadOptions, parse_columns, read

FOLDER = pathlib.Path(__file__).parents[3] / "shared" / "cases"
EXPECTED = FOLDER / "expected.jsonl"
ENTRIES = (
    [json.loads(line) for line in EXPECTED.read_text().splitlines()]
    if EXPECTED.exists()
    else []
)
CASES = [
    pytest.param(entry, id=" ".join([entry["file"], *entry.get("flags", [])]))
    for entry in ENTRIES
    if "command" not in entry
] or [
    pytest.param(None, marks=pytest.mark.skip(f"no cases: {FOLDER} is absent"))
]


def options_of(flags: list[str]) -> ReadOptions:
    values: dict[str, object] = {}
    for flag in flags:
        name, _, value = flag.removeprefix("--").partition("=")
        values[name] = value or True
    if "tag_columns" in values:
        values["tag_columns"] = parse_columns(values["tag_columns"])
    if "token_column" in values:
        values["token_column"] = int(values["token_column"])
    return ReadOptions(**values)


def is_read(entry) -> bool:
    number = unlabelled = 0
    spans = collections.Counter()
    try:
        for one in read(FOLDER / entry["file"], options_of(entry["flags"])):
            number += 1
            unlabelled += one.spans is None
            spans.update((one.surface(s), s.label) for s in one.spans or ())
    except DataError:
        return False
    if unlabelled != entry.get("unlabelled", unlabelled):
        return False
    return number == entry["sentences"] and spans == collections.Counter(
        map(tuple, entry["spans"])
    )


def says(entry, words, code) -> bool:
    shown, path = io.StringIO(), str(FOLDER / entry["file"])
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        status = main([path, *entry["flags"]])
    text = re.sub(r"\s+", " ", shown.getvalue().replace(path, "FILE"))
    return status == code and all(
        any(one.casefold() in text.casefold() for one in word.split("|"))
        for word in words
    )


@pytest.mark.parametrize("entry", CASES)
def test_every_case_is_right(entry, monkeypatch):
    monkeypatch.setenv("COLUMNS", "1000")
    entry = {"flags": []} | entry
    read_right = "spans" not in entry or is_read(entry)
    warned = "warns" not in entry or says(entry, entry["warns"], 0)
    as_error = "says" in entry and says(entry, entry["says"], entry["exit"])
    has_reading = "spans" in entry or "warns" in entry
    assert (has_reading and read_right and warned) or as_error

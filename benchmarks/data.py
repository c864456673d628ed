"""The real data that the benchmarks run on, and samples of it."""

from __future__ import annotations

import os
import pathlib
import sys
from collections.abc import Sequence
from typing import Any, TypeVar

from biaffine_tf import formats
from biaffine_tf.json_files import read_json
from biaffine_tf.spans import Sentence

ROOT = pathlib.Path(__file__).resolve().parent.parent
DATA = pathlib.Path(os.environ.get("BIAFFINE_DATA") or ROOT / "../shared/data")
CLUENER = DATA / "ner" / "cluener"
VOCABULARY = DATA / "vocab" / "bert_base_chinese_vocab.txt"

_Item = TypeVar("_Item")


def require() -> None:
    """Ends the program if there is no real data."""
    for path in (CLUENER, VOCABULARY):
        if not path.exists():
            sys.exit(f"no real data: {path} is absent (set BIAFFINE_DATA)")


def sentences(part: str) -> list[Sentence]:
    """CLUENER's "train" or "dev" set."""
    return list(formats.read(CLUENER / f"{part}.json"))


def texts(part: str) -> list[str]:
    """Texts of a set."""
    return [sentence.text for sentence in sentences(part)]


def entities_per_sentence(part: str) -> float:
    """Gold entities of a set, per sentence."""
    gold = [len(sentence.spans or ()) for sentence in sentences(part)]
    return sum(gold) / len(gold)


def label_names() -> list[str]:
    """CLUENER's labels, sorted."""
    return sorted({s.label for t in sentences("dev") for s in t.spans or ()})


def spread(items: Sequence[_Item], count: int) -> list[_Item]:
    """At most `count` items, evenly spaced over all of them, in order."""
    count = min(count, len(items))
    return [items[number * len(items) // count] for number in range(count)]


def read_results(path: str | os.PathLike[str], key: str | None = None) -> Any:
    """Reads a JSON file of a run or a benchmark, or the value of a key."""
    found = read_json(
        path,
        {} if key is None else {key: object},
        what="results of a run",
        remedy="delete what the run wrote, and run it again",
    )
    return found if key is None else found[key]

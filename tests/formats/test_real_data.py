"""The counts of the public corpora, known from elsewhere, file by file.

The corpora are not part of the project: their folder is named by the variable
BIAFFINE_DATA, or is the one beside the checkout.
"""

from __future__ import annotations

import collections
import json
import os
import pathlib
from typing import NamedTuple

import pytest

from biaffine_tf import formats
from biaffine_tf.corpora.summary import quantiles, summarize
from biaffine_tf.spans import Sentence

_ROOT = pathlib.Path(__file__).parents[2]
DATA = pathlib.Path(
    os.environ.get("BIAFFINE_DATA", _ROOT.parent / "shared" / "data")
)


class Counts(NamedTuple):
    """Lengths and widths are in tokens, or characters if there are none."""

    format: str
    sentences: int
    tokens: int
    longest: int
    without_spans: int
    widths: list[int]  # p50, p99, maximum
    overlapping: int
    with_overlap: int
    crossing: int
    duplicate_texts: int | None
    labels: dict[str, int]


FILES = {
    name: Counts(**counts)
    for name, counts in json.loads(
        pathlib.Path(__file__).with_name("known_counts.json").read_text()
    ).items()
}


def path_of(name: str) -> pathlib.Path:
    path = DATA / "ner" / name
    if not path.exists():
        pytest.skip(f"{path} is not here; set BIAFFINE_DATA to the corpora")
    return path


def tokens_of(sentence: Sentence) -> tuple[tuple[int, int], ...]:
    if sentence.tokens is not None:
        return sentence.tokens
    return tuple((i, i + 1) for i in range(len(sentence.text)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_summary_has_the_known_counts(name):
    expected = FILES[name]
    summary = summarize(path_of(name))
    assert summary.format == expected.format
    assert summary.sentences == expected.sentences
    assert summary.unlabelled == 0
    assert summary.without_spans == expected.without_spans
    assert (summary.tokens or summary.characters) == expected.tokens
    assert dict(summary.labels) == expected.labels
    assert summary.overlaps.overlapping == expected.overlapping
    assert summary.with_overlap == expected.with_overlap
    assert summary.overlaps.crossing == expected.crossing
    assert summary.overlaps.duplicates == 0
    assert "bad sentence skipped" not in summary.problems.counts


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_lengths_and_widths_in_tokens(name):
    expected = FILES[name]
    longest = 0
    widths: collections.Counter[int] = collections.Counter()
    texts = set()
    for sentence in formats.read(path_of(name)):
        tokens = tokens_of(sentence)
        longest = max(longest, len(tokens))
        texts.add("".join(sentence.text[start:end] for start, end in tokens))
        for span in sentence.spans:
            inside = [t for t in tokens if span.start <= t[0] < span.end]
            assert inside[0][0] == span.start
            assert inside[-1][1] == span.end
            widths[len(inside)] += 1
    assert longest == expected.longest
    found = quantiles(widths)
    assert [found["p50"], found["p99"], found["max"]] == expected.widths
    if expected.duplicate_texts is not None:
        repeated = expected.sentences - len(texts)
        assert repeated == expected.duplicate_texts


@pytest.mark.parametrize(
    ("name", "kind", "amount"),
    [
        ("weibo/weiboNER_2nd_conll.train", "not begun", 9),
        ("weibo/weiboNER_2nd_conll.train", "another label", 1),
        ("weibo/weiboNER_2nd_conll.test", "not begun", 4),
        ("weibo/weiboNER_2nd_conll.dev", "segmentation digit", 14509),
        ("wnut17/wnut17train.conll", "white space", 2394),
    ],
)
def test_known_oddities_are_counted(name, kind, amount):
    counts = summarize(path_of(name)).problems.counts
    assert [n for key, n in counts.items() if kind in key] == [amount]


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_written_and_read_again(name, tmp_path):
    path = tmp_path / "copy.jsonl"
    before = list(formats.read(path_of(name)))
    formats.write(path, before, formats.Format.SPAN_JSONL)
    after = formats.read(path)
    for old, new in zip(before, after, strict=True):
        assert (old.text, old.spans, old.id) == (new.text, new.spans, new.id)

"""The counts of the public corpora, known from elsewhere, file by file."""

from __future__ import annotations

import collections
import json
import pathlib
from typing import NamedTuple

import pytest

from biaffine_tf import formats
from biaffine_tf.corpora.summary import quantiles, summarize
from biaffine_tf.spans import Sentence


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


@pytest.fixture
def path_of(data_folder):
    return lambda name: data_folder / "ner" / name


def tokens_of(sentence: Sentence) -> tuple[tuple[int, int], ...]:
    if sentence.words is not None:
        return sentence.words
    return tuple((i, i + 1) for i in range(len(sentence.text)))


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_the_counts_are_known_and_survive_writing(path_of, tmp_path, name):
    expected, summary = FILES[name], summarize(path_of(name))
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
    sentences = list(formats.read(path_of(name)))
    longest = 0
    widths: collections.Counter[int] = collections.Counter()
    texts = set()
    for sentence in sentences:
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
    copy = tmp_path / "copy.jsonl"
    formats.write(copy, sentences, formats.Format.SPAN_JSONL)
    for old, new in zip(sentences, formats.read(copy), strict=True):
        assert (old.text, old.spans, old.id) == (new.text, new.spans, new.id)


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
def test_known_oddities_are_counted(path_of, name, kind, amount):
    counts = summarize(path_of(name)).problems.counts
    assert [n for key, n in counts.items() if kind in key] == [amount]

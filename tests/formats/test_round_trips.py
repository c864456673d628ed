"""Spans survive every format that can hold them, and every pair of formats."""

from __future__ import annotations

import dataclasses
import itertools
import os
import pathlib
import random
from collections.abc import Callable
from importlib.util import find_spec

import pytest

from biaffine_tf.formats import (
    Format,
    Problems,
    ReadOptions,
    all_formats,
    detect_format,
    read,
    write,
)
from biaffine_tf.spans import Sentence, Span

# By hand, with more: BIAFFINE_ROUND_TRIPS=2000 pytest tests/formats/...
TEXTS = int(os.environ.get("BIAFFINE_ROUND_TRIPS", "40"))
# Everything that has ever moved an offset, split a line, or ended a markup.
PIECES = [
    *"a1bZ 北京ß한#-{}:|,;<>&\"'\\",
    *"\u3000\x85\u2028\x0c\x1c\xa0\u200b\ufeff\u0301İ😀\r\n\t\0",
    *["the ", "cat ", "  ", "{{", "}}", "\\{", "{{x:", "|t|", "👩‍👩‍👧"],
]
LABELS = ["PER", "地址", "creative-work", "x.y", "A_B"]
LAYERS = 6
WRITTEN = [one for one in all_formats() if one.write and one.spans]
FLAT = ("hf", "arrow", "parquet")
LINES = ("pubtator", "inline")
COLUMNS = ("conll", "conllu")


def made(rng: random.Random, number: int) -> Sentence:
    text = "".join(rng.choices(PIECES, k=rng.randrange(1, 12)))
    spans = {}
    for _ in range(rng.randrange(4)):
        start = rng.randrange(len(text))
        end = rng.randrange(start + 1, len(text) + 1)
        label = rng.choice(LABELS)
        spans[start, end, label] = Span(start, end, label)
    return Sentence(text, tuple(spans.values()), f"n{number}")


def keep(
    sentence: Sentence, test: Callable[[list[Span], Span], bool]
) -> Sentence:
    """Keeps the spans that may stand beside those kept before."""
    kept: list[Span] = []
    for span in sorted(sentence.spans, key=lambda one: (one[0], -one[1])):
        if test(kept, span):
            kept.append(span)
    return sentence.replace_spans(kept)


def holdable(sentence: Sentence, name: str) -> Sentence | None:
    """The part of a sentence that a format can hold, by its definition."""
    text = sentence.text
    if name in LINES:
        text = text.translate(str.maketrans("\r\n\0", "___"))
    if name == "conll":
        text = text.translate(str.maketrans("\r\n\0\t", "____"))
    if name == "conllu":
        text = text.replace("\0", "_")
    if name in ("inline", "conll") and not text.strip():
        return None
    sentence = dataclasses.replace(sentence, text=text)
    if name in FLAT:
        return keep(sentence, lambda kept, s: not kept or kept[-1][1] <= s[0])
    if name == "inline":
        return keep(
            sentence,
            lambda kept, s: all(s[0] >= k[1] or s[1] <= k[1] for k in kept),
        )
    if name == "mrc":
        return keep(sentence, lambda _, s: not _has_edge(text, s, str.isspace))
    if name == "brat":
        return keep(
            sentence, lambda _, s: not _has_edge(text, s, "\r\n".__contains__)
        )
    return sentence


def _has_edge(text: str, span: Span, test: Callable[[str], bool]) -> bool:
    return test(text[span.start]) or test(text[span.end - 1])


def is_missing(name: Format) -> bool:
    return name.package is not None and find_spec(name.package) is None


def needs(name: Format) -> None:
    if is_missing(name):
        pytest.skip(f"{name.package} is not installed")


def reading(name: str) -> ReadOptions:
    if name == "conll":
        columns = tuple(range(1, LAYERS + 1))
        return ReadOptions(format=name, tag_columns=columns, join="chars")
    return ReadOptions(format=name)


def through(
    path: pathlib.Path, sentences: list[Sentence], name: str
) -> tuple[list[Sentence], Problems]:
    problems = Problems()
    write(path, sentences, name, layers=LAYERS, problems=problems)
    return list(read(path, reading(name))), problems


def content(sentence: Sentence) -> tuple[str, list[tuple[int, int, str]]]:
    return sentence.text, sorted(span.key for span in sentence.spans or ())


def sample(*names: str, seed: int = 3, number: int = TEXTS) -> list[Sentence]:
    rng = random.Random(seed)
    found = []
    while len(found) < number:
        one: Sentence | None = made(rng, len(found))
        for name in names:
            one = one and holdable(one, name)
        if one is not None:
            found.append(one)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_what_a_format_can_hold_survives(tmp_path, name):
    needs(name)
    sentences = sample(name)
    path = tmp_path / "f"
    found, problems = through(path, sentences, name)
    # The text of a document is named by its id in brat, in no order.
    found.sort(key=lambda one: int((one.id or "n0")[1:].split(".")[0]))
    assert list(map(content, found)) == list(map(content, sentences))
    assert not [one for one in problems.counts if "span not written" in one]
    if name != "conll":
        assert detect_format(path) == name


@pytest.mark.parametrize("name", [one for one in WRITTEN if one != "conll"])
def test_what_is_lost_is_counted(tmp_path, name):
    needs(name)
    sentences = sample(seed=5)
    if name == "inline":
        sentences = [
            one for one in sentences if one.text.replace("\0", " ").strip()
        ]
    found, problems = through(tmp_path / "f", sentences, name)
    found.sort(key=lambda one: int((one.id or "n0")[1:].split(".")[0]))
    lost = sum(
        len(before.spans) - len(after.spans)
        for before, after in zip(sentences, found, strict=True)
    )
    counted = sum(
        amount
        for kind, amount in problems.counts.items()
        if kind.startswith("span not written")
    )
    assert lost == counted
    changed = sum(
        a.text != b.text for a, b in zip(sentences, found, strict=True)
    )
    assert (changed > 0) == any("as a space" in one for one in problems.counts)


@pytest.mark.slow
@pytest.mark.parametrize("name", WRITTEN)
def test_every_pair_of_formats(tmp_path, name):
    """From one format into another, and back into sentences."""
    needs(name)
    for other in WRITTEN:
        if is_missing(other):
            continue
        sentences = sample(name, other, number=max(TEXTS // 4, 8))
        first, second = tmp_path / f"{other}.1", tmp_path / f"{other}.2"
        write(first, sentences, name, layers=LAYERS)
        between = list(read(first, reading(name)))
        if other == "conll":  # holds words alone, or each character
            between = [dataclasses.replace(one, words=None) for one in between]
        write(second, between, other, layers=LAYERS)
        found = list(read(second, reading(other)))
        wanted = sorted(map(content, sentences))
        assert sorted(map(content, found)) == wanted, other


def test_the_words_of_the_source_survive(tmp_path):
    text = "New York's  mayor 北京"
    words = ((0, 3), (4, 8), (8, 10), (12, 17), (18, 20))
    sentence = Sentence(text, (Span(0, 8, "LOC"),), "1", words)
    for name in ("hf", "gliner", "w2ner", "prodigy"):
        ((found,), _) = through(tmp_path / name, [sentence], name)
        assert (found.words, found.spans) == (words, sentence.spans), name


def test_unlabelled_sentences_stay_so_or_are_counted(tmp_path):
    sentences = [Sentence("a b", None, "n0"), Sentence("c", (), "n1")]
    for name in WRITTEN:
        if is_missing(name):
            continue
        found, problems = through(tmp_path / name, sentences, name)
        told = [one.spans for one in found] == [None, ()]
        assert told == name.unlabelled, name
        assert told != any("unlabelled" in one for one in problems.counts)


@pytest.mark.parametrize(
    "name", [one for one in all_formats() if one.write is not None]
)
def test_ids_and_documents_survive_or_are_counted(tmp_path, name):
    needs(name)
    given = [("n0", "a"), ("12", "b"), ("n2", "b")]
    sentences = [Sentence("a b", (), i, document=d) for i, d in given]
    found, problems = through(tmp_path / "f", sentences, name)
    for held, attribute in ((name.ids, "id"), (name.documents, "document")):
        wanted = [getattr(one, attribute) for one in sentences]
        kept = {getattr(one, attribute) for one in found}
        assert kept == (set(wanted) if held else {None})
        counts = [
            amount
            for kind, amount in problems.counts.items()
            if kind.startswith(f"{attribute} not written")
        ]
        assert counts == ([] if held else [3])


@pytest.mark.parametrize(
    "name", [one for one in WRITTEN if one.scores and one != "cluener"]
)
def test_scores_survive(tmp_path, name):
    sentences = [
        Sentence("ab cd", (Span(0, 2, "X", 0.1234567), Span(3, 5, "Y", 1.0)))
    ]
    write(tmp_path / "f", sentences, name, with_scores=True, predicted=True)
    (found,) = read(tmp_path / "f", ReadOptions(format=name))
    assert found.spans == sentences[0].spans


@pytest.mark.slow
@pytest.mark.parametrize(
    "file", ["cluener/dev.json", "cmeee_v2/dev.jsonl", "genia/dev.jsonlines"]
)
def test_real_data(data_folder, tmp_path, file):
    sentences = [
        dataclasses.replace(one, id=f"n{number}", document=None, words=None)
        for number, one in enumerate(
            itertools.islice(read(data_folder / "ner" / file), 400)
        )
    ]
    for name in WRITTEN:
        if is_missing(name):
            continue
        kept = [holdable(one, name) for one in sentences]
        found, _ = through(tmp_path / name, kept, name)
        found.sort(key=lambda one: int((one.id or "n0")[1:].split(".")[0]))
        assert list(map(content, found)) == list(map(content, kept)), name

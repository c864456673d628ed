"""Several files as one corpus, and a dev set taken out of it."""

import dataclasses
import hashlib
import itertools
import random

import pytest
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from biaffine_tf import formats
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.formats.inputs import find_files, split_patterns
from biaffine_tf.spans import Sentence, Span


def _content(sentences):
    return [(one.text, one.spans, one.document) for one in sentences]


@pytest.fixture
def files(tmp_path):
    """The same kind of data in three formats."""
    parts = [tiny.sentences(12, seed=seed) for seed in range(3)]
    names = ("a.jsonl", "b.json", "c.conll")
    kinds = ("span_jsonl", "cluener", "conll")
    paths = [tmp_path / name for name in names]
    for path, part, kind in zip(paths, parts, kinds, strict=True):
        formats.write(path, part, kind, layers=3)
    return [str(path) for path in paths]


def test_files_of_several_formats_are_read_one_after_another(files):
    options = formats.ReadOptions(tag_columns=(1, 2, 3))
    corpus = Corpus(tuple(files), options)
    expected = [list(formats.read(path, options)) for path in files]
    assert list(corpus.read()) == list(itertools.chain(*expected))
    assert {one.file for one in corpus.read()} == set(files)


def test_problems_of_all_files_are_counted(tmp_path):
    good = '{"text": "ab", "spans": []}\n'
    for name in ("a", "b"):
        (tmp_path / name).write_text(good + "{\n" + good)
    paths = (str(tmp_path / "a"), str(tmp_path / "b"))
    skipping = formats.ReadOptions(on_bad_data=formats.OnBadData.SKIP)
    problems = formats.Problems()
    assert len(list(Corpus(paths, skipping).read(problems))) == 4
    assert problems.counts["bad sentence skipped"] == 2
    with pytest.raises(DataError) as caught:
        list(Corpus(paths).read())
    assert (caught.value.file, caught.value.line) == (paths[0], 2)


def test_fingerprints_are_those_of_content_and_order(files, tmp_path):
    (one, two, _) = files
    data = (tmp_path / "a.jsonl").read_bytes()
    assert Corpus((one,)).fingerprint() == hashlib.sha256(data).hexdigest()
    copy = tmp_path / "copy"
    copy.write_bytes(data)
    found = [
        Corpus(paths).fingerprint()
        for paths in (
            (one,),
            (two,),
            (one, two),
            (two, one),
            (one, one),
            (str(copy), two),
        )
    ]
    assert found[5] == found[2]
    assert len(set(found[:5])) == 5


def test_unlabelled_sentences_are_named(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "ab", "spans": []}\n{"text": "ab"}\n')
    with pytest.raises(DataError, match="--eval_data must be labelled") as e:
        list(Corpus((str(path),)).read_labelled(flag="eval_data"))
    assert e.value.line == 2


def test_patterns_are_taken_from_a_folder(tmp_path, monkeypatch):
    folder = tmp_path / "[data]"  # no pattern, although it looks like one
    folder.mkdir()
    for name in ("a.txt", "b.txt", "c,d.txt", "[a].txt"):
        (folder / name).write_text("x")

    def find(*given):
        patterns = split_patterns(given, folder=str(folder))
        return [
            path.removeprefix(f"{folder}/")
            for path in find_files(patterns, flag="--train_data")
        ]

    assert find("a.txt,b.txt") == ["a.txt", "b.txt"]
    assert find("b.txt", "a.txt") == ["b.txt", "a.txt"]
    assert find("[ab].txt") == ["a.txt", "b.txt"]
    assert find("[a].txt") == ["[a].txt"]
    assert find("c,d.txt") == ["c,d.txt"]
    assert find("b.*,*.txt") == ["b.txt", "[a].txt", "a.txt", "c,d.txt"]
    assert find(str(folder / "a.txt")) == ["a.txt"]
    for wrong in ("none.txt", "*.json", "a.txt,*.json"):
        with pytest.raises(DataError, match="no such file") as caught:
            find(wrong)
        assert "check --train_data" in str(caught.value)
    monkeypatch.setenv("HOME", str(folder))
    assert find("a.txt,~/b.txt") == ["a.txt", "b.txt"]


TEXTS = st.text("abc ", max_size=3)
SENTENCES = st.lists(
    st.builds(
        lambda text, document, label: Sentence(
            text,
            (Span(0, 1, label),) if text and label else (),
            document=document,
        ),
        TEXTS,
        st.none() | st.sampled_from("123456"),
        st.sampled_from(["", "x", "y", "z"]),
    ),
    min_size=1,
    max_size=60,
)


@settings(max_examples=60)
@given(
    SENTENCES, st.sampled_from([0.1, 0.3, 0.6]), st.integers(0, 3), st.data()
)
def test_a_split_loses_nothing_and_divides_no_document(
    tmp_path_factory, sentences, fraction, seed, data
):
    folder = tmp_path_factory.mktemp("split")
    cut = data.draw(st.integers(0, len(sentences)))
    parts = [part for part in (sentences[:cut], sentences[cut:]) if part]
    paths = [str(folder / f"{n}.jsonl") for n in range(len(parts))]
    for path, part in zip(paths, parts, strict=True):
        formats.write(path, part, "span_jsonl")
    corpus = Corpus(tuple(paths))
    try:
        found = split(corpus, fraction=fraction, seed=seed)
    except DataError as error:
        assert "--eval_data" in error.remedy
        documents = {(one.file, one.document) for one in corpus.read()}
        texts = {" ".join(one.text.split()) for one in corpus.read()}
        assert (
            len(documents) == 1
            or len(texts) == 1
            or None in {document for _, document in documents}
        )
        return
    train, dev = list(found.train.read()), list(found.dev.read())
    assert train and dev
    whole = list(corpus.read())
    iterators = iter(train), iter(dev)
    taken = [next(iterators[one in dev]) for one in whole]
    assert taken == whole  # each in one of them, in order
    assert len(train) + len(dev) == len(whole)
    sides = [
        {(one.file, one.document) for one in part if one.document is not None}
        for part in (train, dev)
    ]
    assert not sides[0] & sides[1]
    if not any(sides):
        texts = [{" ".join(o.text.split()) for o in s} for s in (train, dev)]
        assert not texts[0] & texts[1]
    again = split(corpus, fraction=fraction, seed=seed)
    assert again == found


@pytest.fixture
def documents(tmp_path):
    """Two files of documents with the same names."""
    rng = random.Random(0)
    paths = []
    for number in range(2):
        sentences = [
            dataclasses.replace(one, document=str(rng.randint(0, 19)))
            for one in tiny.sentences(150, seed=number)
        ]
        sentences.sort(key=lambda one: one.document)
        path = tmp_path / f"{number}.jsonl"
        formats.write(path, sentences, "span_jsonl")
        paths.append(str(path))
    return Corpus(tuple(paths))


def test_documents_of_a_name_in_two_files_are_two(documents):
    found = split(documents, fraction=0.3, seed=1)
    train, dev = (
        {(one.file, one.document) for one in part.read()}
        for part in (found.train, found.dev)
    )
    assert len(train) + len(dev) == 40 and not train & dev
    names = [{name for _, name in part} for part in (train, dev)]
    assert names[0] & names[1]
    sentences, labels = found.lines
    assert f"{len(dev)} of 40 documents are the dev set" in sentences
    assert "--dev_fraction=0.3 --seed=1: " in sentences
    size = len(list(found.dev.read()))
    assert f" {size} of 300 sentences, " in sentences
    assert size == pytest.approx(90, abs=9)
    spans = sum(len(one.spans) for one in found.dev.read())
    assert f"entities of the dev set: {spans} of " in labels


def test_texts_that_tie_documents_together_give_way(tmp_path):
    """A headline that each document has would leave nothing to divide."""
    sentences = [
        Sentence(text, (), document=str(number))
        for number in range(20)
        for text in ("Headline", f"text of {number}")
    ]
    path = tmp_path / "a.jsonl"
    formats.write(path, sentences, "span_jsonl")
    corpus = Corpus((str(path),))
    found = split(corpus, fraction=0.2, seed=0)
    dev = list(found.dev.read())
    assert len(dev) == 8
    assert (
        "4 sentences of the dev set repeat the text of a training"
        in (found.lines[-1])
    )
    assert "documents stay whole" in found.lines[-1]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0, float("nan")])
def test_fractions_out_of_range(documents, fraction):
    with pytest.raises(ConfigError, match="--dev_fraction must be above 0"):
        split(documents, fraction=fraction, seed=0)


@pytest.mark.parametrize(
    ("sentences", "problem"),
    [
        ([Sentence("ab", ())], "leaves no sentence"),
        ([Sentence("ab", ()), Sentence(" ab ", ())], "leaves no sentence"),
        (
            [Sentence(text, (), document="1") for text in "abc"],
            "are from 1 documents, which stay whole",
        ),
    ],
)
def test_what_cannot_be_divided(tmp_path, sentences, problem):
    path = tmp_path / "a.jsonl"
    formats.write(path, sentences, "span_jsonl")
    with pytest.raises(DataError, match=problem) as caught:
        split(Corpus((str(path),)), fraction=0.5, seed=0)
    assert "--eval_data" in caught.value.remedy


def test_parts_have_fingerprints_of_their_own(documents):
    found = [
        part.fingerprint()
        for fraction, seed in ((0.3, 1), (0.3, 2), (0.31, 1))
        for part in split(documents, fraction=fraction, seed=seed)[:2]
    ]
    assert len({*found, documents.fingerprint()}) == 7
    again = split(documents, fraction=0.3, seed=1)
    assert [again.train.fingerprint(), again.dev.fingerprint()] == found[:2]


@pytest.mark.parametrize("change", [-1, 1])
def test_files_that_change_meanwhile(documents, tmp_path, change):
    found = split(documents, fraction=0.3, seed=1)
    path = tmp_path / "1.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines = lines[:-1] if change < 0 else [*lines, lines[-1]]
    path.write_text("".join(lines), encoding="utf-8")
    with pytest.raises(DataError, match="has changed while"):
        list(found.train.read())

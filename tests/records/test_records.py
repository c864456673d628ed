"""Records: round trip, freshness, size, several processes."""

import collections
import dataclasses
import fcntl
import json
import os
import pathlib

import pytest
import tensorflow as tf
import tiny

from biaffine_tf import formats
from biaffine_tf.config import LongText
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.corpora.splitting import split
from biaffine_tf.errors import DataError
from biaffine_tf.records import span_records as records_module
from biaffine_tf.records.features import Counts, featurize
from biaffine_tf.records.span_records import prepare_records
from biaffine_tf.records.span_schema import parse
from biaffine_tf.records.span_shards import RecordOptions
from biaffine_tf.spans import LabelMap, Sentence
from biaffine_tf.tokenization import Vocabulary, Windowing, make_tokenizer

OPTIONS = RecordOptions(max_tokens=38, sentences_per_shard=16)


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "train.jsonl"
    formats.write(path, tiny.sentences(50), "span_jsonl")
    return str(path)


@pytest.fixture
def tokenizer(tmp_path):
    return tiny.tokenizer(tmp_path)


def _prepare(
    source, tokenizer, folder, options=OPTIONS, read_options=None, **changes
):
    corpus = Corpus((source,), read_options or formats.ReadOptions())
    return prepare_records(
        corpus, str(folder), tokenizer, options, progress=False, **changes
    )


def _read(records):
    dataset = tf.data.TFRecordDataset(records.paths, records.compression)
    return [
        (r["input_ids"].numpy().tolist(), r["cells"].numpy().tolist())
        for r in map(parse, dataset)
    ]


@pytest.mark.parametrize("gzip", [False, True])
@pytest.mark.parametrize("long_text", [LongText.WINDOW, LongText.TRUNCATE])
def test_round_trip(source, tokenizer, tmp_path, gzip, long_text):
    options = RecordOptions(
        max_tokens=12, long_text=long_text, sentences_per_shard=16, gzip=gzip
    )
    records = _prepare(source, tokenizer, tmp_path / "r", options)
    counts = Counts()
    want = []
    lengths, widths = collections.Counter(), collections.Counter()
    for sentence in formats.read(source):
        windows, own_widths = featurize(
            sentence,
            tokenizer,
            records.labels,
            windowing=Windowing(max_tokens=12, long_text=long_text),
            counts=counts,
        )
        for window in windows:
            want.append((window.input_ids, [list(c) for c in window.cells]))
            lengths[window.num_tokens] += 1
        widths.update(own_widths)
    windowed = long_text is LongText.WINDOW
    assert counts.windows == len(want) == lengths.total()
    assert (len(want) > 50) == bool(counts.windowed_sentences) == windowed
    assert bool(counts.cut_sentences) == (not windowed)
    assert widths.total() == counts.cells
    assert _read(records) == want
    # Sparse: a dense matrix of 12 tokens alone would take 78 bytes.
    size = sum(os.path.getsize(path) for path in records.paths)
    assert size < 140 * len(want)
    assert records.labels == LabelMap(["both", "letter", "sky"])
    assert len(records.shards) == 4
    assert records.counts == counts
    assert records.lengths == lengths
    assert records.widths == widths
    assert records.max_cells == max(len(cells) for _, cells in want)


def test_fresh_records_are_found_again(source, tokenizer, tmp_path):
    first = _prepare(source, tokenizer, tmp_path / "r")
    times = [os.stat(p).st_mtime_ns for p in first.paths]
    second = _prepare(source, tokenizer, tmp_path / "r")
    assert first.built
    assert not second.built
    assert first.paths == second.paths
    assert times == [os.stat(p).st_mtime_ns for p in second.paths]


def test_any_change_makes_other_records(source, tokenizer, tmp_path):
    def directory(**changes):
        arguments = {
            "source": source,
            "tokenizer": tokenizer,
            "folder": tmp_path / "r",
        }
        records = _prepare(**(arguments | changes))
        assert records.built, changes
        return records.directory

    vocabulary = tokenizer.vocabulary
    lower = make_tokenizer("char", vocabulary, do_lower_case=True)
    other = tmp_path / "other.txt"
    text = (tmp_path / "v.txt").read_text(encoding="utf-8")
    other.write_text(text + "é\n", encoding="utf-8")
    wider = make_tokenizer("char", Vocabulary.from_file(other))
    directories = [
        directory(),
        directory(tokenizer=lower),
        directory(tokenizer=wider),
        *(
            directory(options=RecordOptions(**options))
            for options in (
                {"max_tokens": 7},
                {"max_tokens": 7, "window_overlap": 2},
                {"max_tokens": 7, "long_text": LongText.TRUNCATE},
                {"max_tokens": 38, "long_text": LongText.ERROR},
            )
        ),
        directory(known_labels=LabelMap(["sky", "letter", "both"])),
        directory(
            read_options=formats.ReadOptions(on_bad_data=formats.OnBadData.SKIP)
        ),
    ]
    formats.write(source, tiny.sentences(50, seed=1), "span_jsonl")
    directories.append(directory())
    assert len(set(directories)) == len(directories)


def test_an_overlap_that_changes_nothing_makes_no_others(
    source, tokenizer, tmp_path
):
    """A quarter by default or by name; what truncates has no windows."""
    for long_text, overlap in (("window", 3), ("truncate", 5)):
        options = RecordOptions(max_tokens=12, long_text=LongText(long_text))
        same = dataclasses.replace(options, window_overlap=overlap)
        assert _prepare(source, tokenizer, tmp_path / "r", options).built
        assert not _prepare(source, tokenizer, tmp_path / "r", same).built


@pytest.mark.parametrize(
    "processes", [1, pytest.param(2, marks=pytest.mark.slow)]
)
def test_too_long_a_sentence_is_named_and_leaves_nothing(
    tokenizer, tmp_path, processes
):
    path = tmp_path / "long.jsonl"
    sentences = tiny.sentences(40)
    sentences[20:20] = [Sentence("a" * 39, ()), Sentence("b" * 99, ())]
    formats.write(path, sentences, "span_jsonl")
    options = RecordOptions(
        max_tokens=38,
        long_text=LongText.ERROR,
        sentences_per_shard=10,
        processes=processes,
    )
    with pytest.raises(DataError, match=r"long\.jsonl:21: .* has 39 tokens"):
        _prepare(str(path), tokenizer, tmp_path / "r", options)
    assert not list((tmp_path / "r").iterdir())


def test_records_of_an_older_schema_are_written_again(
    source, tokenizer, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        patch.setattr(records_module, "SCHEMA_VERSION", 1)
        old = _prepare(source, tokenizer, tmp_path / "r")
    new = _prepare(source, tokenizer, tmp_path / "r")
    assert new.built
    assert new.directory != old.directory


def test_damaged_records_are_written_again(source, tokenizer, tmp_path):
    records = _prepare(source, tokenizer, tmp_path / "r")
    want = _read(records)
    for damage in (os.unlink, lambda path: os.truncate(path, 40)):
        damage(records.paths[1])
        again = _prepare(source, tokenizer, tmp_path / "r")
        assert again.built
        assert _read(again) == want


@pytest.mark.parametrize(
    "change",
    [
        *[lambda meta: [], lambda meta: None, lambda meta: {}],
        lambda meta: {"fingerprint": meta["fingerprint"]},
        lambda meta: meta | {"shards": []},
        lambda meta: meta | {"shards": dict.fromkeys(meta["shards"], "1")},
        lambda meta: meta | {"labels": "letter"},
        lambda meta: meta | {"counts": {"unheard_of": 1}},
        lambda meta: meta | {"lengths": {"long": 1}},
        lambda meta: meta | {"cells": [[1]]},
    ],
)
def test_records_with_another_description_are_written_again(
    source, tokenizer, tmp_path, change
):
    records = _prepare(source, tokenizer, tmp_path / "r")
    path = pathlib.Path(records.directory, "records.json")
    want = path.read_text(encoding="utf-8")
    path.write_text(json.dumps(change(json.loads(want))), encoding="utf-8")
    again = _prepare(source, tokenizer, tmp_path / "r")
    assert again.built and path.read_text(encoding="utf-8") == want


def test_what_a_killed_run_left_is_removed(source, tokenizer, tmp_path):
    records = _prepare(source, tokenizer, tmp_path / "r")
    dead, alive = (
        tmp_path / "r" / f".{os.path.basename(records.directory)}.{name}.tmp"
        for name in ("abcdefg1", "abcdefg2")
    )
    for folder in (dead, alive):
        folder.mkdir()
    (dead / "00000.tfrecord").write_bytes(b"half")
    os.unlink(records.paths[0])
    descriptor = os.open(alive, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    _prepare(source, tokenizer, tmp_path / "r")
    os.close(descriptor)
    assert not dead.exists()
    assert alive.exists()


def test_a_failed_run_leaves_nothing(tokenizer, tmp_path):
    path = tmp_path / "bad.jsonl"
    path.write_text(
        '{"text": "ab", "spans": [{"start": 0, "end": 1, "label": "x"}]}\n'
        '{"text": "ab", "spans": [{"start": 0, "end": 9, "label": "x"}]}\n'
    )
    with pytest.raises(DataError, match=r"bad\.jsonl:2"):
        _prepare(str(path), tokenizer, tmp_path / "r")
    assert not (tmp_path / "r").exists()
    skipping = formats.ReadOptions(on_bad_data=formats.OnBadData.SKIP)
    records = _prepare(
        str(path), tokenizer, tmp_path / "r", read_options=skipping
    )
    assert records.counts.sentences == 1
    assert sum(p["count"] for p in records.problems.values()) == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"text": "ab"}', "1 of the 1 sentences .* not labelled"),
        ('{"text": "ab", "spans": []}', "hold no entity"),
    ],
)
def test_nothing_to_train_on(tokenizer, tmp_path, line, message):
    path = tmp_path / "train.jsonl"
    path.write_text(line + "\n")
    with pytest.raises(DataError, match=message):
        _prepare(str(path), tokenizer, tmp_path / "r")


def test_known_labels_come_first(source, tokenizer, tmp_path):
    known = LabelMap(["zebra", "sky"])
    plain = _prepare(source, tokenizer, tmp_path / "r")
    assert plain.found_labels == tuple(plain.labels)
    for built in (True, False):
        records = _prepare(
            source, tokenizer, tmp_path / "r", known_labels=known
        )
        assert records.built == built
        assert records.labels == LabelMap(["zebra", "sky", "both", "letter"])
        assert records.found_labels == ("both", "letter", "sky")
    swapped = {
        plain.labels.id(name): records.labels.id(name) for name in plain.labels
    }
    assert _read(records) == [
        (ids, [[first, last, swapped[label]] for first, last, label in cells])
        for ids, cells in _read(plain)
    ]


def test_files_and_parts_have_records_of_their_own(source, tokenizer, tmp_path):
    other = tmp_path / "other.json"
    formats.write(other, tiny.sentences(30, seed=5), "cluener")
    whole = Corpus((source, str(other)))
    train, dev, _ = split(whole, fraction=0.3, seed=1)
    found = [
        prepare_records(
            corpus, str(tmp_path / "r"), tokenizer, OPTIONS, progress=False
        )
        for corpus in (Corpus((source,)), whole, train, dev)
    ]
    assert all(records.built for records in found)
    sizes = [records.counts.sentences for records in found]
    assert sizes[:2] == [50, 80] and sizes[2] + sizes[3] == 80
    assert _read(found[1])[:50] == _read(found[0])
    expected = [one.text for one in train.read()]
    lengths = [len(ids) - 2 for ids, _ in _read(found[2])]
    assert lengths == [len(text) for text in expected]


def test_records_depend_on_the_version_of_the_readers(
    source, tokenizer, tmp_path, monkeypatch
):
    first = _prepare(source, tokenizer, tmp_path / "r")
    assert (first.built, first.outdated) == (True, None)
    monkeypatch.setattr(formats, "READER_VERSION", 0)
    second = _prepare(source, tokenizer, tmp_path / "r")
    assert second.built and second.directory != first.directory
    assert second.outdated == os.path.basename(first.directory)
    again = _prepare(source, tokenizer, tmp_path / "r")
    assert (again.built, again.outdated) == (False, None)
    assert again.directory == second.directory
    other = RecordOptions(max_tokens=20)
    assert _prepare(source, tokenizer, tmp_path / "r", other).outdated is None


def test_records_of_one_file_are_known_as_ever(tokenizer, tmp_path):
    """The fingerprint that version 0.1.0 gave, at this schema.

    Records of that time knew no version of the readers.
    """
    path = tmp_path / "train.jsonl"
    path.write_text(
        '{"text": "ab", "spans": [{"start": 0, "end": 1, "label": "x"}]}\n'
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "SCHEMA_VERSION", 3)
        found = _prepare(str(path), tokenizer, tmp_path / "r")
    earlier = "72d150a32812ce3058d321ef720985d845fd35fe837cc2d6aefddd65f5bd7f4a"
    description = pathlib.Path(found.directory, "records.json")
    values = json.loads(description.read_text())
    assert values.pop("made_of") == earlier
    old = pathlib.Path(found.directory).rename(tmp_path / "r" / "records-old")
    values["fingerprint"] = earlier
    (old / "records.json").write_text(json.dumps(values))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(records_module, "SCHEMA_VERSION", 3)
        again = _prepare(str(path), tokenizer, tmp_path / "r")
    assert (again.built, again.outdated) == (True, "records-old")


@pytest.mark.slow
def test_several_processes_write_the_same_bytes(source, tokenizer, tmp_path):
    one = _prepare(source, tokenizer, tmp_path / "one")
    two = _prepare(
        source,
        tokenizer,
        tmp_path / "two",
        RecordOptions(max_tokens=38, sentences_per_shard=16, processes=2),
    )
    assert two.built
    for first, second in zip(one.paths, two.paths, strict=True):
        with open(first, "rb") as a, open(second, "rb") as b:
            assert a.read() == b.read()
    metas = [
        json.loads(pathlib.Path(r.directory, "records.json").read_text())
        for r in (one, two)
    ]
    assert metas[0] == metas[1]

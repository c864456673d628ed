"""Records: what must be in them, and in which directories."""

import collections
import itertools
import json
import os
import pathlib

import pretraining_texts
import pytest
import tiny

from biaffine_tf.config import DataConfig, Masking
from biaffine_tf.errors import ConfigError, DataError
from biaffine_tf.records import publishing
from biaffine_tf.records import texts as texts_module
from biaffine_tf.records.text_building import create_records
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.records.text_shards import ShardWriter
from biaffine_tf.tokenization import Vocabulary, make_tokenizer

DOCUMENTS = pretraining_texts.documents(60)


def read_texts(records, split):
    return [
        pretraining_texts.text_of(records, record["input_ids"])
        for record in pretraining_texts.read(records, split)
    ]


def files_of(directory) -> dict[str, bytes]:
    return {p.name: p.read_bytes() for p in pathlib.Path(directory).iterdir()}


def create(folder, config=pretraining_texts.CONFIG, **changes):
    """Records of the documents, in a folder of its own."""
    settings = {"tokenizer": tiny.tokenizer(folder), "progress": False}
    return create_records(
        [pretraining_texts.write(folder / "a.txt", DOCUMENTS)],
        str(folder / "records"),
        config=config,
        **settings | changes,
    )


@pytest.fixture
def many_chunks(monkeypatch):
    """Cuts the text into chunks of a few documents."""
    monkeypatch.setattr(texts_module, "_CHUNK_CHARACTERS", 300)
    monkeypatch.setattr(texts_module, "_LARGEST_CHUNK", 1200)


@pytest.mark.usefixtures("many_chunks")
@pytest.mark.parametrize("split", Split)
def test_every_token_once_in_order_and_documents_apart(tmp_path, split):
    records = pretraining_texts.make(tmp_path, DOCUMENTS)
    expected = pretraining_texts.expected(DOCUMENTS, split)
    assert len(expected) > 20
    assert read_texts(records, split) == expected
    lengths = collections.Counter(map(len, expected))
    assert records.lengths[split] == lengths
    assert records.num_records(split) == len(expected)


def test_counts(tmp_path):
    config = DataConfig(
        **pretraining_texts.CONFIG.to_dict() | {"min_tokens": 6}
    )
    records = pretraining_texts.make(
        tmp_path, [*DOCUMENTS, ["龘a"], ["abcdefgh"]], min_tokens=6
    )
    counts = records.counts
    lines = [*itertools.chain(*DOCUMENTS), "龘a", "abcdefgh"]
    kept = [
        text
        for split in Split
        for text in pretraining_texts.expected(DOCUMENTS, split, config)
    ] + ["abcdefgh"]
    assert counts.documents == len(DOCUMENTS) + 2
    assert counts.lines == len(lines)
    assert counts.tokens == sum(map(len, lines))
    assert counts.unknown_tokens == 1
    found = sum(records.num_records(split) for split in Split)
    assert found == len(kept)
    assert counts.dropped_tokens == counts.tokens - sum(map(len, kept))
    assert counts.dropped_sequences > 10
    share = 1 - (sum(map(len, kept)) + 2 * len(kept)) / (12 * len(kept))
    assert records.padding_share == pytest.approx(share)


def test_words_are_recorded(tmp_path):
    records = pretraining_texts.make(
        tmp_path, [["ab 天地", "123"]], words="alphanumeric", held_out=0
    )
    (record,) = pretraining_texts.read(records, Split.TRAIN)
    assert record["word_starts"] == [1, 1, 0, 1, 1, 1, 1, 0, 0, 1]


@pytest.mark.usefixtures("many_chunks")
def test_static_masks(tmp_path):
    plain = pretraining_texts.make(tmp_path, DOCUMENTS, output="plain")
    masking = Masking(kind="word", rate=0.3)
    static = pretraining_texts.make(
        tmp_path,
        DOCUMENTS,
        output="static",
        dupe_factor=3,
        masking=masking,
        words="alphanumeric",
        max_predictions_per_seq=2,
    )
    assert Records.open(static.directory).config.masking == masking
    for split, copies in ((Split.TRAIN, 3), (Split.HELD_OUT, 1)):
        restored, seen = collections.Counter(), collections.defaultdict(set)
        for record in pretraining_texts.read(static, split):
            ids = list(record["input_ids"])
            assert len(record["positions"]) <= 2
            for position, label in zip(
                record["positions"], record["labels"], strict=True
            ):
                ids[position] = label
            restored[tuple(ids)] += 1
            seen[tuple(ids)].add(tuple(record["positions"]))
        originals = collections.Counter(
            tuple(r["input_ids"]) for r in pretraining_texts.read(plain, split)
        )
        assert restored == {k: copies * n for k, n in originals.items()}
        assert static.num_records(split) == copies * plain.num_records(split)
        several = [masks for ids, masks in seen.items() if len(masks) > 1]
        assert len(several) > 0.5 * len(seen) or copies == 1


@pytest.mark.slow
@pytest.mark.usefixtures("many_chunks")
def test_the_number_of_processes_changes_nothing(tmp_path):
    config = DataConfig(
        **pretraining_texts.CONFIG.to_dict()
        | {"dupe_factor": 2, "masking": Masking()}
    )
    made = []
    for processes in (1, 2):
        (tmp_path / str(processes)).mkdir()
        folder = tmp_path / str(processes)
        made.append(create(folder, config, processes=processes))
    assert files_of(made[0].directory) == files_of(made[1].directory)


def test_the_seed_decides(tmp_path):
    made = {}
    for name, seed in (("one", 1), ("again", 1), ("two", 2)):
        records = pretraining_texts.make(
            tmp_path,
            DOCUMENTS,
            output=name,
            seed=seed,
            dupe_factor=1,
            masking=Masking(),
        )
        made[name] = files_of(records.directory)
    assert made["one"] == made["again"]
    assert made["one"] != made["two"]


def test_the_same_again_is_found(tmp_path):
    first = pretraining_texts.make(tmp_path, DOCUMENTS)
    before = files_of(first.directory)
    again = pretraining_texts.make(tmp_path, DOCUMENTS)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.fingerprint == first.fingerprint
    assert files_of(first.directory) == before


def test_other_records_are_replaced_only_on_request(tmp_path):
    old = pretraining_texts.make(tmp_path, DOCUMENTS)
    before = files_of(old.directory)
    config = DataConfig(max_seq_length=10, min_tokens=2)
    with pytest.raises(
        ConfigError,
        match=r"differs in held_out, max_seq_length, min_tokens; .*--overw",
    ):
        create(tmp_path, config)
    assert files_of(old.directory) == before
    stray = pathlib.Path(old.directory, "train-00001-of-00002.tfrecord")
    stray.write_bytes(b"of records that were larger")
    new = create(tmp_path, config, overwrite=True)
    assert not stray.exists()
    assert Records.open(old.directory).fingerprint == new.fingerprint
    expected = pretraining_texts.expected(DOCUMENTS, Split.TRAIN, config)
    assert read_texts(new, Split.TRAIN) == expected


def test_another_text_is_another_set_of_records(tmp_path):
    pretraining_texts.make(tmp_path, DOCUMENTS)
    with pytest.raises(ConfigError, match="differs in input_file; "):
        pretraining_texts.make(tmp_path, DOCUMENTS[1:])


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train.txt", "no pretraining data: train.txt; give another"),
        ("info.json", "an info.json that is not of pretraining data; give"),
    ],
)
@pytest.mark.parametrize("overwrite", [False, True])
def test_foreign_files_are_never_replaced(tmp_path, name, message, overwrite):
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / name).write_text("{}")
    with pytest.raises(ConfigError, match=message):
        create(tmp_path, overwrite=overwrite)
    assert files_of(tmp_path / "records") == {name: b"{}"}


def test_what_a_kill_leaves_is_no_hindrance(tmp_path):
    expected = files_of(
        pretraining_texts.make(tmp_path, DOCUMENTS, output="a").directory
    )
    killed = tmp_path / "records"
    (killed / ".unfinished").mkdir(parents=True)
    for name in (
        ".unfinished/train-00000.tfrecord",
        "train-00000-of-00002.tfrecord",
        "train-00001-of-00002.tfrecord",
        "vocab.txt",
    ):
        (killed / name).write_bytes(b"half")
    with pytest.raises(ConfigError, match=r"no complete pretraining data"):
        Records.open(str(killed))
    pretraining_texts.make(tmp_path, DOCUMENTS)
    assert files_of(killed) == expected


@pytest.mark.parametrize("had_records", [False, True])
def test_a_failure_leaves_what_there_was(tmp_path, monkeypatch, had_records):
    directory = str(tmp_path / "records")
    before = {}
    if had_records:
        pretraining_texts.make(tmp_path, DOCUMENTS)
        before = files_of(directory)
    path = pretraining_texts.write(tmp_path / "a.txt", DOCUMENTS)
    with open(path, "ab") as file:
        file.write(b"\xff\n")
    with pytest.raises(DataError, match=r"a\.txt:\d+: .*not UTF-8"):
        create_records(
            [path],
            directory,
            tiny.tokenizer(tmp_path),
            pretraining_texts.CONFIG,
            overwrite=True,
            progress=False,
        )
    assert os.path.exists(directory) == had_records
    if had_records:
        assert files_of(directory) == before


def test_a_failure_at_the_very_end_leaves_nothing_half(tmp_path, monkeypatch):
    pretraining_texts.make(tmp_path, DOCUMENTS)

    def fail(*arguments):
        raise OSError("disk")

    monkeypatch.setattr(publishing, "write_json", fail)
    with pytest.raises(OSError, match="disk"):
        pretraining_texts.make(tmp_path, DOCUMENTS, seed=1, output="other")
    assert not (tmp_path / "other").exists()


def test_a_damaged_directory(tmp_path):
    records = pretraining_texts.make(tmp_path, DOCUMENTS)
    whole = files_of(records.directory)
    shard = pathlib.Path(records.paths(Split.TRAIN)[0])
    shard.write_bytes(shard.read_bytes()[:-1])
    with pytest.raises(ConfigError, match=r"tfrecord: \d+ bytes long, not"):
        Records.open(records.directory)
    shard.unlink()
    with pytest.raises(ConfigError, match="tfrecord: missing"):
        Records.open(records.directory)
    # The same command makes them again.
    assert pretraining_texts.make(tmp_path, DOCUMENTS).is_new
    assert files_of(records.directory) == whole

    vocabulary = pathlib.Path(records.directory, "vocab.txt")
    vocabulary.write_text(vocabulary.read_text() + "more\n")
    with pytest.raises(ConfigError, match="not the vocabulary that"):
        Records.open(records.directory)
    vocabulary.write_bytes(whole["vocab.txt"])

    info = json.loads(whole["info.json"])
    info["made_from"]["format_version"] = 0
    path = pathlib.Path(records.directory, "info.json")
    path.write_text(json.dumps(info))
    with pytest.raises(ConfigError, match=r"of format 0, not 1; .*overwrite"):
        Records.open(records.directory)


def test_another_description_is_one_line(tmp_path):
    records = pretraining_texts.make(tmp_path, DOCUMENTS)
    path = pathlib.Path(records.directory, "info.json")
    whole = json.loads(path.read_text())
    made_from = whole["made_from"]
    read = ("fingerprint", "made_from", "counts", "lengths", "shards")
    for values in (
        *([], {}, None, {"made_from": []}),
        *({k: v for k, v in whole.items() if k != gone} for gone in read),
        *(whole | {name: [5]} for name in read),
        whole | {"counts": {"unheard_of": 1}},
        whole | {"lengths": {"train": {"x": 1}, "held_out": {}}},
        whole | {"made_from": made_from | {"settings": {}}},
        whole | {"made_from": made_from | {"settings": {"masking": 5}}},
        whole | {"made_from": made_from | {"tokenizer": {"fingerprint": ""}}},
    ):
        path.write_text(json.dumps(values))
        with pytest.raises(ConfigError, match=r"info\.json: not ") as caught:
            Records.open(records.directory)
        assert "\n" not in str(caught.value) and caught.value.remedy


def test_names_of_earlier_versions_are_read(tmp_path):
    made = pretraining_texts.make(tmp_path, DOCUMENTS, words="alphanumeric")
    path = pathlib.Path(made.directory, "info.json")
    text = path.read_text()
    for name in ("min_tokens", "tokens", "unknown_tokens", "dropped_tokens"):
        text = text.replace(f'"{name}":', f'"{name[:-6]}pieces":')
    text = text.replace('"words": "alphanumeric"', '"words": "pieces"')
    path.write_text(text)
    found = Records.open(made.directory)
    assert (found.config, found.counts) == (made.config, made.counts)
    # And the same command finds them.
    again = pretraining_texts.make(tmp_path, DOCUMENTS, words="alphanumeric")
    assert not again.is_new


@pytest.mark.parametrize(
    ("texts", "changes", "message"),
    [
        (DOCUMENTS, {"held_out": 0.9999}, "of 60 documents 60 are held out"),
        (DOCUMENTS, {"max_seq_length": 90, "min_tokens": 88}, "too short"),
        ([[""]], {}, r"texts\.txt: there is no text in it"),
        ([["\n \n"]], {}, r"texts\.txt: there is no text in it"),
    ],
)
def test_nothing_to_train_on(tmp_path, texts, changes, message):
    with pytest.raises((ConfigError, DataError), match=message):
        pretraining_texts.make(tmp_path, texts, **changes)


def test_a_vocabulary_without_mask(tmp_path):
    vocabulary = Vocabulary(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "a"])
    with pytest.raises(ConfigError, match=r"the vocabulary has no \[MASK\]"):
        create(tmp_path, tokenizer=make_tokenizer("char", vocabulary))


def test_files_are_full_before_the_next_one_begins(tmp_path):
    import tensorflow as tf

    records = [b"%03d" % i * 20 for i in range(50)]  # 60 bytes and 16 around
    with ShardWriter(str(tmp_path / "x"), 300) as writer:
        assert writer.paths == []
        for record in records:
            writer.write(record)
    assert [len(list(tf.data.TFRecordDataset(p))) for p in writer.paths] == (
        [4] * 12 + [2]
    )
    found = tf.data.TFRecordDataset(writer.paths).as_numpy_iterator()
    assert list(found) == records

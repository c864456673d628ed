"""Batches: complete, seeded, masked, and the same after a restart."""

import collections
import dataclasses

import numpy as np
import pretraining_texts
import pytest
import tensorflow as tf

from biaffine_tf.config import Masking
from biaffine_tf.errors import ConfigError
from biaffine_tf.pretraining import batches as batches_module
from biaffine_tf.pretraining.batches import (
    epoch_batches,
    epoch_buckets,
    num_predictions,
)
from biaffine_tf.records.text_records import Split
from biaffine_tf.records.text_token_ids import token_counts

DOCUMENTS = pretraining_texts.documents(120, longest=40)
SETTINGS = {
    "split": Split.TRAIN,
    "epoch": 0,
    "batch_size": 4,
    "masking": Masking(),
    "seed": 1,
    "num_buckets": 4,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("batches")


@pytest.fixture(scope="module")
def records(folder):
    return pretraining_texts.make(
        folder,
        DOCUMENTS,
        max_seq_length=32,
        words="alphanumeric",
        document="line",
    )


@pytest.fixture(scope="module")
def static_records(folder):
    return pretraining_texts.make(
        folder,
        DOCUMENTS,
        output="static",
        max_seq_length=32,
        dupe_factor=2,
        masking=Masking(rate=0.2),
        max_predictions_per_seq=4,
    )


def read(records, **changes):
    return [
        {name: value.numpy() for name, value in batch.items()}
        for batch in epoch_batches(records, **(SETTINGS | changes))
    ]


def are_equal(left, right):
    return len(left) == len(right) and all(
        np.array_equal(a[name], b[name])
        for a, b in zip(left, right, strict=True)
        for name in a
    )


def sequences(batches):
    return collections.Counter(
        tuple(row[row > 0].tolist())
        for batch in batches
        for row in batch["original_ids"]
    )


@pytest.mark.slow
@pytest.mark.parametrize("split", Split)
@pytest.mark.parametrize("num_buckets", [1, 4])
def test_an_epoch_holds_every_record_once(records, split, num_buckets):
    stored = pretraining_texts.read(records, split)
    found = sequences(read(records, split=split, num_buckets=num_buckets))
    assert found == collections.Counter(tuple(r["input_ids"]) for r in stored)


def test_shapes(records):
    settings = {"split": Split.TRAIN, "batch_size": 4, "num_buckets": 4}
    buckets = epoch_buckets(records, **settings)
    rate = 0.3
    batches = read(records, masking=Masking(rate=rate), max_predictions=7)
    assert len(batches) == buckets.steps_per_epoch
    assert len({b["input_ids"].shape for b in batches}) <= 2 * 4
    for batch in batches:
        rows, width = batch["input_ids"].shape
        bucket = buckets.lengths.index(width - 2)
        assert rows <= buckets.batch_sizes[bucket]
        assert rows * width <= 4 * records.max_seq_length
        # Padded to the bucket's own length.
        longest = (batch["original_ids"] > 0).sum(axis=1).max()
        assert longest > ([0, *buckets.lengths][bucket] + 2) * (bucket > 0)
        most = min(7, int(np.ceil(rate * width)))
        assert batch["positions"].shape == (rows, most)
    full = [b["input_ids"].size for b in batches]
    assert np.median(full) > 3 * records.max_seq_length
    dataset = epoch_batches(records, **SETTINGS)
    assert dataset.cardinality() == buckets.steps_per_epoch


def test_batches_are_masked(records):
    masked = tokens = 0
    for batch in read(records, masking=Masking(kind="word", rate=0.2)):
        rows, slots = np.nonzero(batch["weights"])
        columns = batch["positions"][rows, slots]
        labels = batch["labels"][rows, slots]
        assert np.array_equal(batch["original_ids"][rows, columns], labels)
        changed = batch["input_ids"] != batch["original_ids"]
        changed[rows, columns] = False
        assert not changed.any()
        assert not np.isin(labels, records.special_ids).any()
        masked += len(labels)
        tokens += (batch["original_ids"] > max(records.special_ids)).sum()
    assert masked / tokens == pytest.approx(0.2, abs=0.05)


@pytest.mark.slow
@pytest.mark.parametrize("skip", [7, 10_000])
@pytest.mark.parametrize("split", Split)
def test_skipping_gives_the_rest_of_the_epoch(records, split, skip):
    whole = read(records, split=split, epoch=3)
    assert are_equal(
        read(records, split=split, epoch=3, skip=skip), whole[skip:]
    )


def test_static_masks_are_skipped_the_same_way(static_records):
    whole = read(static_records)
    assert are_equal(read(static_records, skip=5), whole[5:])


@pytest.mark.slow
def test_seeds_and_epochs(records):
    first = read(records)
    assert are_equal(first, read(records))
    for changes in ({"seed": 2}, {"epoch": 1}):
        other = read(records, **changes)
        assert not are_equal(first, other)
        assert sequences(first) == sequences(other)


def test_masks_are_new_in_every_epoch(records):
    def masks(epoch):
        return {
            tuple(row.tolist()): tuple(positions.tolist())
            for batch in read(records, epoch=epoch)
            for row, positions in zip(
                batch["original_ids"], batch["positions"], strict=True
            )
        }

    first, second = masks(0), masks(1)
    same = [first[row] == second[row] for row in first.keys() & second.keys()]
    assert len(same) > 50
    assert np.mean(same) < 0.3


def test_held_out_batches_never_change(records):
    first = read(records, split="held_out")
    assert are_equal(first, read(records, split="held_out", seed=9, epoch=5))
    # In the order of the records within each length.
    one_bucket = [
        row
        for batch in read(records, split="held_out", num_buckets=1)
        for row in batch["original_ids"].tolist()
    ]
    stored = pretraining_texts.read(records, Split.HELD_OUT)
    assert [[i for i in row if i] for row in one_bucket] == [
        record["input_ids"] for record in stored
    ]


@pytest.mark.slow
def test_some_batches_are_evenly_spaced(records):
    every = read(records, split="held_out")
    assert len(every) > 6
    for most in (1, 2, 3, len(every) - 1, len(every), 1000):
        some = read(records, split="held_out", max_batches=most)
        step = -(-len(every) // most)
        assert are_equal(some, every[::step])
        assert 0 < len(some) <= most
    assert are_equal(
        read(records, split="held_out", skip=2, max_batches=2),
        every[2 :: -(-(len(every) - 2) // 2)],
    )


def test_static_masks_pass_through(static_records):
    stored = collections.Counter(
        (tuple(r["input_ids"]), tuple(r["positions"]), tuple(r["labels"]))
        for r in pretraining_texts.read(static_records, Split.TRAIN)
    )
    found = collections.Counter()
    for batch in read(static_records, masking=Masking(rate=0.9)):
        width = batch["input_ids"].shape[1]
        assert batch["positions"].shape[1] == num_predictions(width, 0.2, 4)
        rows, slots = np.nonzero(batch["weights"])
        columns = batch["positions"][rows, slots]
        restored = batch["input_ids"].copy()
        restored[rows, columns] = batch["labels"][rows, slots]
        assert np.array_equal(restored, batch["original_ids"])
        for row in range(len(restored)):
            ids, weights = batch["input_ids"][row], batch["weights"][row] > 0
            found[
                tuple(ids[ids > 0].tolist()),
                tuple(batch["positions"][row][weights].tolist()),
                tuple(batch["labels"][row][weights].tolist()),
            ] += 1
    assert found == stored


def test_several_files_are_mixed(tmp_path, records, monkeypatch):
    """Even where the buffer is small beside the text."""
    monkeypatch.setattr(batches_module, "_SHUFFLE_BUFFER", 16)
    monkeypatch.setattr(batches_module, "_RECORDS_IN_TURN", 4)
    (path,) = records.paths(Split.TRAIN)
    stored = list(tf.data.TFRecordDataset(path).as_numpy_iterator())
    names = tuple(f"{number}.tfrecord" for number in range(6))
    size = -(-len(stored) // len(names))
    for number, name in enumerate(names):
        with tf.io.TFRecordWriter(str(tmp_path / name)) as writer:
            for record in stored[number * size : (number + 1) * size]:
                writer.write(record)
    divided = dataclasses.replace(
        records,
        directory=str(tmp_path),
        shards=records.shards | {Split.TRAIN: names},
    )
    rows = {
        tuple(record["input_ids"]): place // size
        for place, record in enumerate(
            pretraining_texts.read(records, Split.TRAIN)
        )
    }
    batches = read(divided, num_buckets=1, batch_size=8)
    assert sequences(batches) == sequences(read(records))
    files = [
        {rows[tuple(row[row > 0].tolist())] for row in batch["original_ids"]}
        for batch in batches
    ]
    assert np.mean([len(seen) for seen in files[:-1]]) > 2.5


def test_autograph_rewrites_nothing(records, static_records, rewritten):
    read(records)
    read(static_records)
    assert token_counts(records).sum() > 0
    assert not rewritten


def test_an_iterator_does_not_wait_for_an_autotuner(records):
    options = epoch_batches(records, **SETTINGS).options()
    assert options.autotune.enabled is False


def test_what_does_not_fit(folder, static_records):
    plain = pretraining_texts.make(
        folder, DOCUMENTS[:20], output="plain", held_out=0
    )
    with pytest.raises(ConfigError, match=r"--masking=word .*--words=jieba"):
        epoch_batches(plain, **SETTINGS | {"masking": Masking(kind="word")})
    with pytest.raises(ConfigError, match=r"no held_out records; .*--held_out"):
        epoch_batches(plain, **SETTINGS | {"split": "held_out"})
    with pytest.raises(ValueError, match="dev"):
        epoch_batches(plain, **SETTINGS | {"split": "dev"})

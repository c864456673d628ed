"""Batches of seeds that TensorFlow does not take as they are."""

import itertools

import numpy as np
import pytest
import tiny

from biaffine_tf import formats
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.records.span_batches import (
    make_buckets,
    training_batches,
)
from biaffine_tf.records.span_records import prepare_records
from biaffine_tf.records.span_shards import RecordOptions

SEEDS = [0, 2**31 - 1, 2**31, 2**63 - 1]


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("records")
    path = folder / "train.jsonl"
    formats.write(path, tiny.sentences(60), "span_jsonl")
    return prepare_records(
        Corpus((str(path),)),
        str(folder / "records"),
        tiny.tokenizer(folder),
        RecordOptions(max_tokens=38, sentences_per_shard=8),
        progress=False,
    )


def _order(records, seed, epoch):
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=4)
    batches = training_batches(
        records, buckets, seed=seed, epochs=range(epoch, epoch + 1)
    )
    return [row.tobytes() for b in batches for row in np.array(b["input_ids"])]


def test_orders_of_all_seeds_and_epochs_differ(records):
    orders = {
        (seed, epoch): _order(records, seed, epoch)
        for seed in SEEDS
        for epoch in range(2)
    }
    for (one, left), (two, right) in itertools.combinations(orders.items(), 2):
        assert sorted(left) == sorted(right)
        assert left != right, (one, two)

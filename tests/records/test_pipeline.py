"""Batches: complete, seeded, bucketed, padded."""

import collections
import itertools

import numpy as np
import pytest
import tensorflow as tf
import tiny

from biaffine_tf.records import span_batches
from biaffine_tf.records.span_batches import (
    make_buckets,
    training_batches,
)


@pytest.fixture(scope="module")
def records(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pipeline")
    return tiny.records(folder, tiny.sentences(90), sentences_per_shard=20)


@pytest.fixture(autouse=True)
def many_buckets(monkeypatch):
    """A corpus of 90 sentences would have one bucket."""
    monkeypatch.setattr(span_batches, "_BATCHES_OF_BUCKET", 1)


def _batches(records, buckets, *, seed=1, epochs=None):
    return [
        {name: value.numpy() for name, value in batch.items()}
        for batch in training_batches(
            records, buckets, seed=seed, epochs=epochs or range(1)
        )
    ]


def _same(left, right) -> bool:
    return (
        len(left) == len(right)
        and all(
            np.array_equal(a[name], b[name])
            for a, b in zip(left, right, strict=True)
            for name in a
            if a[name].shape == b[name].shape
        )
        and [a["input_ids"].shape for a in left]
        == [b["input_ids"].shape for b in right]
    )


def _sentences(batches):
    return collections.Counter(
        (
            tuple(ids[ids > 0].tolist()),
            tuple(map(tuple, cells[cells[:, 2] > 0].tolist())),
        )
        for batch in batches
        for ids, cells in zip(batch["input_ids"], batch["cells"], strict=True)
    )


@pytest.mark.parametrize("token_budget", [None, 100])
def test_an_epoch_holds_every_sentence_once(records, token_budget):
    buckets = make_buckets(
        records.lengths, num_buckets=4, batch_size=8, token_budget=token_budget
    )
    batches = _batches(records, buckets)
    assert len(batches) == buckets.steps_per_epoch
    everything = _sentences(batches)
    assert everything.total() == 90
    assert everything == _sentences(
        _batches(
            records, make_buckets(records.lengths, num_buckets=1, batch_size=90)
        )
    )


def test_padded_to_the_bucket_and_no_larger_than_allowed(records):
    buckets = make_buckets(
        records.lengths, num_buckets=4, batch_size=8, token_budget=120
    )
    assert len(buckets.lengths) > 2
    sizes = dict(zip(buckets.lengths, buckets.batch_sizes, strict=True))
    mixed = 0
    for batch in _batches(records, buckets):
        rows, width = batch["input_ids"].shape
        tokens = (batch["input_ids"] > 0).sum(axis=1) - 2
        bound = width - 2
        assert bound in sizes
        assert rows <= sizes[bound]
        assert rows * width <= 120 or rows == 1
        smaller = max((b for b in buckets.lengths if b < bound), default=0)
        assert smaller < tokens.max() <= bound
        mixed += tokens.min() <= smaller
    assert 0 < mixed <= len(buckets.mixed)


@pytest.mark.slow
def test_orders_of_all_seeds_and_epochs_differ(records):
    """Also of seeds that TensorFlow does not take as they are."""
    buckets = make_buckets(records.lengths, num_buckets=1, batch_size=8)
    orders = {
        (seed, epoch): _batches(
            records, buckets, seed=seed, epochs=range(epoch, epoch + 1)
        )
        for seed in (0, 2**31, 2**63 - 1)
        for epoch in range(2)
    }
    for (one, left), (two, right) in itertools.combinations(orders.items(), 2):
        assert _sentences(left) == _sentences(right)
        assert not _same(left, right), (one, two)
    again = _batches(records, buckets, seed=2**31, epochs=range(1))
    assert _same(again, orders[2**31, 0])


@pytest.mark.slow
def test_the_global_seed_does_not_matter(records):
    """Nor is 0 one that TensorFlow refuses, as the global one or ours."""
    buckets = make_buckets(records.lengths, num_buckets=3, batch_size=8)
    for seed in (0, 1):
        orders = []
        for global_seed in (0, 1, 2):
            tf.random.set_seed(global_seed)
            orders.append(_batches(records, buckets, seed=seed))
        assert _same(orders[0], orders[1])
        assert _same(orders[0], orders[2])
    assert not _same(
        _batches(records, buckets, seed=0), _batches(records, buckets, seed=1)
    )


def test_epochs_differ_and_can_be_started_anywhere(records):
    buckets = make_buckets(records.lengths, num_buckets=3, batch_size=8)
    steps = buckets.steps_per_epoch
    whole = _batches(records, buckets, epochs=range(3))
    assert len(whole) == 3 * steps
    assert not _same(whole[:steps], whole[steps : 2 * steps])
    assert _same(whole[steps:], _batches(records, buckets, epochs=range(1, 3)))


@pytest.mark.parametrize("num_buckets", [1, 3, 8, 100])
def test_buckets_cover_the_corpus(num_buckets):
    rng = np.random.default_rng(0)
    lengths = collections.Counter(rng.geometric(0.05, size=5000).tolist())
    buckets = make_buckets(lengths, num_buckets=num_buckets, batch_size=16)
    assert len(buckets.lengths) <= num_buckets
    assert list(buckets.lengths) == sorted(set(buckets.lengths))
    assert buckets.lengths[-1] == max(lengths)
    assert sum(buckets.sentences) == 5000
    for low, high, count in zip(
        (0, *buckets.lengths), buckets.lengths, buckets.sentences, strict=False
    ):
        inside = sum(n for k, n in lengths.items() if low < k <= high)
        assert inside == count
    # One batch at most is not full.
    assert buckets.steps_per_epoch == -(-5000 // 16)


@pytest.mark.slow
def test_leftovers_share_batches_that_come_at_any_time(records):
    buckets = make_buckets(records.lengths, num_buckets=4, batch_size=8)
    assert len(buckets.lengths) == 4
    assert sum(buckets.leftovers) == sum(n % 8 for n in buckets.sentences) > 8
    assert sum(shape.size for shape in buckets.mixed) == sum(buckets.leftovers)
    places = set()
    for seed in range(5):
        sizes = [
            len(batch["cells"])
            for batch in _batches(records, buckets, seed=seed)
        ]
        assert sorted(sizes)[1:] == [8] * (len(sizes) - 1)
        assert min(sizes) == 90 % 8
        places.add(sizes.index(90 % 8))
    assert len(places) > 1


@pytest.mark.parametrize(
    ("sentences", "most"), [(100, 1), (600, 2), (5000, 19), (50_000, 24)]
)
def test_small_corpora_have_few_buckets(monkeypatch, sentences, most):
    monkeypatch.undo()
    lengths = dict.fromkeys(range(1, 101), sentences // 100)
    buckets = make_buckets(lengths, num_buckets=24, batch_size=32)
    assert 0.75 * most <= len(buckets.lengths) <= most


def test_one_sentence_longer_than_the_token_budget():
    buckets = make_buckets(
        {500: 1}, num_buckets=8, batch_size=8, token_budget=100
    )
    assert buckets.batch_sizes == (1,)


def test_an_iterator_does_not_wait_for_an_autotuner(records):
    """Its loop keeps a finished iterator alive until it next wakes up."""
    buckets = make_buckets(records.lengths, num_buckets=2, batch_size=8)
    batches = training_batches(records, buckets, seed=1, epochs=range(1))
    assert batches.options().autotune.enabled is False

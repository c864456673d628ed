"""From records to batches: seeded, bucketed by length, padded.

Each window of a long sentence is a sentence of its own here.

The order of the batches of epoch e depends on the seed and e alone, so that a
run that starts again at an epoch sees what it would have seen.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import tensorflow as tf

from biaffine_tf.data.records import Records
from biaffine_tf.data.schema import parse

_SHUFFLE_BUFFER = 65_536  # sentences; a few hundred bytes each
_PARSERS = 2  # threads: a hundred times what training takes
_BATCHES_AHEAD = 4
_INSTEAD_OF_SEED_0 = 2**31  # larger than any seed of a run


@dataclasses.dataclass(frozen=True)
class Buckets:
    """Sentences of similar length, padded to the same length.

    Attributes:
        lengths: Padded number of pieces of each bucket, ascending.
        batch_sizes: Sentences in a batch of each bucket.
        sentences: Sentences of the corpus in each bucket.
    """

    lengths: tuple[int, ...]
    batch_sizes: tuple[int, ...]
    sentences: tuple[int, ...]

    @property
    def steps_per_epoch(self) -> int:
        """Batches in an epoch; the last one of a bucket may be smaller."""
        return sum(
            math.ceil(count / size)
            for count, size in zip(
                self.sentences, self.batch_sizes, strict=True
            )
        )


def make_buckets(
    lengths: dict[int, int],
    *,
    num_buckets: int,
    batch_size: int,
    token_budget: int | None = None,
) -> Buckets:
    """Divides a corpus into buckets of about as many sentences each.

    Args:
        lengths: Number of sentences for each number of pieces.
        num_buckets: Most buckets; each is one shape to compile.
        batch_size: Sentences in a batch, unless `token_budget` is given.
        token_budget: Encoder positions in a batch, padding, [CLS] and [SEP]
            included; a batch holds at least one sentence.

    Returns:
        The buckets; the longest sentence fits the last.
    """
    ordered = sorted(lengths)
    cumulated = np.cumsum([lengths[length] for length in ordered])
    shares = np.arange(1, num_buckets + 1) / num_buckets
    picks = np.searchsorted(cumulated, shares * cumulated[-1] - 1e-6)
    bounds = sorted({ordered[min(pick, len(ordered) - 1)] for pick in picks})
    counts = [0] * len(bounds)
    for length, count in lengths.items():
        counts[int(np.searchsorted(bounds, length))] += count
    sizes = [
        max(1, token_budget // (bound + 2)) if token_budget else batch_size
        for bound in bounds
    ]
    return Buckets(tuple(bounds), tuple(sizes), tuple(counts))


# tf.data would have AutoGraph rewrite the source of what it calls.
@tf.autograph.experimental.do_not_convert
def training_batches(
    records: Records,
    buckets: Buckets,
    *,
    seed: int,
    epochs: range,
    pad_id: int = 0,
) -> tf.data.Dataset:
    """Batches of several epochs, one after the other.

    Args:
        records: What to train on.
        buckets: `make_buckets(records.lengths, ...)`.
        seed: With the epoch's number, all the randomness there is.
        epochs: Numbers of the epochs wanted; each has
            `buckets.steps_per_epoch` batches.
        pad_id: Padding of `input_ids`.

    Returns:
        Dataset of dicts: `input_ids` int32 `[B, L + 2]`, `cells` int32
        `[B, N, 3]` (see `schema.dense_matrix`); L is one of the buckets', N is
        fixed for the corpus.
    """
    buffer = min(_SHUFFLE_BUFFER, sum(buckets.sentences))

    def epoch_batches(epoch: tf.Tensor) -> tf.data.Dataset:
        # Of this function's graph alone: the order is the same whatever the
        # global seed. With one of 0, TensorFlow takes no tensor for a seed.
        tf.random.set_seed(seed or _INSTEAD_OF_SEED_0)
        # Large odd factor: seeds of neighbouring runs do not share epochs.
        epoch_seed = seed * 1_000_003 + epoch
        paths = tf.data.Dataset.from_tensor_slices(records.paths)
        if len(records.paths) > 1:
            paths = paths.shuffle(
                len(records.paths), epoch_seed, reshuffle_each_iteration=False
            )
        sentences = tf.data.TFRecordDataset(paths, records.compression)
        sentences = sentences.shuffle(
            buffer, epoch_seed, reshuffle_each_iteration=False
        )
        sentences = sentences.map(
            parse, num_parallel_calls=_PARSERS, deterministic=True
        )
        return _bucketed(sentences, buckets, records.max_cells, pad_id)

    dataset = tf.data.Dataset.range(epochs.start, epochs.stop)
    dataset = dataset.flat_map(epoch_batches)
    steps = len(epochs) * buckets.steps_per_epoch
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(steps))
    options = tf.data.Options()
    options.experimental_distribute.auto_shard_policy = (
        tf.data.experimental.AutoShardPolicy.DATA
    )
    # Its thread wakes up ever more rarely, and an iterator ends only when it
    # has: a run would wait for it, at the end, for up to a minute.
    options.autotune.enabled = False
    return dataset.prefetch(_BATCHES_AHEAD).with_options(options)


def _bucketed(
    sentences: tf.data.Dataset, buckets: Buckets, max_cells: int, pad_id: int
) -> tf.data.Dataset:
    """Groups sentences into batches of one bucket each."""
    bounds = tf.constant(buckets.lengths, tf.int64)
    sizes = tf.constant(buckets.batch_sizes, tf.int64)

    def bucket_of(sentence: dict[str, tf.Tensor]) -> tf.Tensor:
        pieces = tf.size(sentence["input_ids"], tf.int64) - 2
        return tf.reduce_sum(tf.cast(pieces > bounds, tf.int64))

    def pad(bucket: tf.Tensor, window: tf.data.Dataset) -> tf.data.Dataset:
        return window.padded_batch(
            sizes[bucket],
            padded_shapes={
                "input_ids": [bounds[bucket] + 2],
                "cells": [max(max_cells, 1), 3],
            },
            padding_values={
                "input_ids": tf.constant(pad_id, tf.int32),
                "cells": tf.constant(0, tf.int32),
            },
        )

    return sentences.group_by_window(
        bucket_of, pad, window_size_func=lambda bucket: sizes[bucket]
    )

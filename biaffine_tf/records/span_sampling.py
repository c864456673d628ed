"""Sampling of sentences with rare labels within the input pipeline."""

from __future__ import annotations

import collections
from collections.abc import Sequence

import tensorflow as tf

from biaffine_tf.records.sampling import UNIT, Weights, repeat_weights
from biaffine_tf.records.span_records import Records
from biaffine_tf.records.span_schema import parse

_READ_AT_ONCE = 256


def balance_labels(
    records: Records, lengths: Sequence[int], *, threshold: float
) -> Weights:
    """Computes the weights of the sentences of records.

    Args:
        records: Training data; read once.
        lengths: Maximum number of tokens in each bucket, ascending.
        threshold: See `sampling`.
    """
    sentences = collections.Counter[tuple[int, frozenset[int]]]()
    dataset = tf.data.TFRecordDataset(records.paths, records.compression)
    for one in dataset.map(parse).prefetch(_READ_AT_ONCE).as_numpy_iterator():
        labels = frozenset(one["cells"][:, 2].tolist())
        sentences[len(one["input_ids"]) - 2, labels] += 1
    hidden = collections.Counter[int]()
    for (label, _), number in records.hidden.items():
        hidden[label] += number
    return repeat_weights(
        sentences,
        lengths,
        threshold=threshold,
        num_classes=records.labels.num_classes,
        hidden=hidden,
    )


def sample(
    serialized: tf.data.Dataset,
    weights: Weights,
    lengths: Sequence[int],
    sizes: Sequence[int],
    seed: tf.Tensor,
) -> tf.data.Dataset:
    """Draws as many records of each bucket as there are, in a graph.

    Args:
        serialized: All records, in random order.
        weights: Weights of labels and buckets.
        lengths: Maximum number of tokens in each bucket, ascending.
        sizes: Number of sentences in each bucket.
        seed: Seed of the draw, int64 scalar.
    """
    bounds, of_labels, totals, counts = (
        tf.constant(one, tf.int64)
        for one in (lengths, weights.labels, weights.buckets, sizes)
    )
    offsets = tf.cast(
        tf.random.stateless_uniform([len(sizes)], [seed, 0], dtype=tf.float64)
        * tf.cast(totals, tf.float64),
        tf.int64,
    )

    def draw(
        before: tf.Tensor, record: tf.Tensor
    ) -> tuple[tf.Tensor, tuple[tf.Tensor, tf.Tensor]]:
        sentence = parse(record)
        tokens = tf.size(sentence["input_ids"], tf.int64) - 2
        bucket = tf.searchsorted(bounds, tokens[None])[0]
        own = tf.gather(of_labels, sentence["cells"][:, 2])
        weight = tf.reduce_max(tf.concat([[UNIT], own], 0))
        # See `sampling.copies`.
        size, total, start = counts[bucket], totals[bucket], before[bucket]
        copies = (start + weight) * size // total - start * size // total
        after = before + weight * tf.one_hot(bucket, len(sizes), dtype=tf.int64)
        return after, (record, copies)

    return serialized.scan(offsets, draw).flat_map(
        lambda record, copies: tf.data.Dataset.from_tensors(record).repeat(
            copies
        )
    )

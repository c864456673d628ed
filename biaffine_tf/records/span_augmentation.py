"""Augmentation within the input pipeline."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from biaffine_tf.records.augmentation import Augmentation, Example, Mentions
from biaffine_tf.records.span_records import Records
from biaffine_tf.records.span_schema import parse

_READ_AT_ONCE = 256

Sentence = dict[str, tf.Tensor]


def read_mentions(records: Records, mentions: Mentions) -> None:
    """Adds the mentions of records; in their order, so always the same."""
    classes = records.labels.num_classes if records.hidden else None
    sentences = tf.data.TFRecordDataset(records.paths, records.compression).map(
        lambda record: parse(
            record,
            pseudo=records.pseudo is not None,
            partial_classes=classes,
        )
    )
    for sentence in sentences.prefetch(_READ_AT_ONCE).as_numpy_iterator():
        mentions.add(
            _example(
                sentence["input_ids"],
                sentence["cells"],
                sentence.get("labelled", np.zeros(0, bool)),
                sentence.get("pseudo", np.float32(0)),
            )
        )


def augment(
    sentences: tf.data.Dataset,
    augmentation: Augmentation,
    epoch: tf.Tensor,
    lengths: tuple[int, ...],
) -> tf.data.Dataset:
    """Augments the sentences of an epoch, in a graph.

    Args:
        sentences: Parsed records in the order of the epoch, without context.
        augmentation: What to change.
        epoch: Number of the epoch, int64 scalar.
        lengths: Padded number of tokens of the buckets, ascending.

    Returns:
        The sentences, with their original number of `tokens`, int64, which
        tells their bucket.
    """
    bounds = tf.constant(lengths, tf.int64)

    def apply(
        ids: np.ndarray,
        cells: np.ndarray,
        labelled: np.ndarray,
        pseudo: np.ndarray,
        *others: np.ndarray,
    ) -> tuple[np.ndarray, np.ndarray]:
        *following, epoch, number, limit = others
        changed = augmentation.apply(
            _example(ids, cells, labelled, pseudo),
            _example(*following),
            epoch=int(epoch),
            number=int(number),
            max_tokens=int(limit),
        )
        return (
            np.array([ids[0], *changed.tokens, ids[-1]], np.int32),
            np.array(changed.cells, np.int32).reshape(-1, 3),
        )

    def change(number: tf.Tensor, both: tuple[Sentence, Sentence]) -> Sentence:
        sentence, following = both
        tokens = tf.size(sentence["input_ids"], tf.int64) - 2
        limit = tf.constant(augmentation.max_tokens, tf.int64)
        if augmentation.keeps_lengths:
            limit = bounds[tf.searchsorted(bounds, tokens[None])[0]]
        nothing = tf.zeros([0], tf.bool)
        ids, cells = tf.numpy_function(
            apply,
            [
                *(
                    value
                    for one in (sentence, following)
                    for value in (
                        one["input_ids"],
                        one["cells"],
                        one.get("labelled", nothing),
                        one.get("pseudo", tf.constant(0.0)),
                    )
                ),
                epoch,
                number,
                limit,
            ],
            [tf.int32, tf.int32],
            stateful=False,
        )
        ids = tf.ensure_shape(ids, [None])
        return {
            **sentence,
            "input_ids": ids,
            "context": tf.zeros_like(ids, tf.bool),
            "cells": tf.ensure_shape(cells, [None, 3]),
            "tokens": tokens,
        }

    # The sentence after each one in this order is a random other one.
    following = sentences
    if augmentation.gluing:
        following = sentences.skip(1).concatenate(sentences.take(1))
        pairs = tf.data.Dataset.zip((sentences, following))
    else:
        pairs = sentences.map(lambda sentence: (sentence, sentence))
    return pairs.enumerate().map(lambda number, *both: change(number, *both))


def fit_lengths(
    batches: tf.data.Dataset, lengths: tuple[int, ...], pad_id: int
) -> tf.data.Dataset:
    """Pads augmented batches to the next of a few lengths.

    Args:
        batches: Batches padded to their longest sentence, with `tokens`, which
            are left out.
        lengths: Allowed numbers of tokens, ascending.
        pad_id: Padding of `input_ids`.
    """
    bounds = tf.constant([length + 2 for length in lengths])

    def fit(batch: Sentence) -> Sentence:
        ids = batch["input_ids"]
        width = tf.shape(ids)[1]
        more = bounds[tf.searchsorted(bounds, width[None])[0]] - width
        added = [[0, 0], [0, more]]
        none = tf.cast(tf.shape(batch["cells"])[1] == 0, tf.int32)
        return {name: x for name, x in batch.items() if name != "tokens"} | {
            "input_ids": tf.pad(ids, added, constant_values=pad_id),
            "context": tf.pad(batch["context"], added),
            "cells": tf.pad(batch["cells"], [[0, 0], [0, none], [0, 0]]),
        }

    return batches.map(fit)


def _example(
    ids: np.ndarray,
    cells: np.ndarray,
    labelled: np.ndarray,
    pseudo: np.ndarray,
) -> Example:
    return Example(
        tuple(ids[1:-1].tolist()),
        tuple(map(tuple, cells.tolist())),
        labelled.tobytes(),
        float(pseudo),
    )

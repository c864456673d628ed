"""Batches of text records: seeded, bucketed by length, padded, masked.

The order of an epoch depends only on the seed and the epoch, the masks of a
batch also on its number: a run that continues anywhere gets the batches of an
undisturbed one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable

import numpy as np
import tensorflow as tf

from biaffine_tf.config import Masking, check_words
from biaffine_tf.errors import ConfigError
from biaffine_tf.records.masking import mask_batch
from biaffine_tf.records.span_batches import (
    Buckets,
    group,
    make_buckets,
    read_ahead,
)
from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.records.text_schema import TEACHER, parse
from biaffine_tf.seeds import order_seed

__all__ = ["Records", "Split", "epoch_batches", "epoch_buckets"]

_SHUFFLE_BUFFER = 65_536  # sequences; a few hundred bytes each
_FILES_AT_ONCE = 8
_RECORDS_IN_TURN = 64  # from a file before the next file
_THREADS = 2  # for parsing and for masks, far faster than training
_NO_POSITION = -1

Batch = dict[str, tf.Tensor]


def epoch_buckets(
    records: Records,
    *,
    split: Split | str,
    batch_size: int,
    num_buckets: int = 8,
) -> Buckets:
    """Returns the shapes and number of the batches of a split.

    Args:
        records: Records of text.
        split: Split of the records.
        batch_size: Number of sequences of full length per batch; there are
            more of shorter ones, for about as many tokens.
        num_buckets: Maximum number of padded lengths.

    Returns:
        The buckets; `steps_per_epoch` is the number of batches.

    Raises:
        ConfigError: If the split has no records.
    """
    lengths = records.lengths[Split(split)]
    if not lengths:
        raise ConfigError(
            f"{records.directory}: no {split} records",
            remedy="make records with a larger --held_out",
        )
    return make_buckets(
        lengths,
        num_buckets=num_buckets,
        batch_size=batch_size,
        token_budget=batch_size * records.max_seq_length,
    )


# tf.data would rewrite the source of functions by AutoGraph.
@tf.autograph.experimental.do_not_convert
def epoch_batches(
    records: Records,
    *,
    split: Split | str,
    epoch: int,
    batch_size: int,
    masking: Masking,
    seed: int,
    skip: int = 0,
    max_batches: int | None = None,
    num_buckets: int = 8,
    max_predictions: int | None = None,
    with_teacher: bool = False,
) -> tf.data.Dataset:
    """Returns the batches of one epoch of a split.

    Args:
        records: Records of text.
        split: Split of the records. Held-out batches and their masks are the
            same in every epoch and for every seed.
        epoch: Number of the epoch.
        batch_size: See `epoch_buckets`.
        masking: Settings of masking; ignored if the records hold masks.
        seed: Random seed, used with the epoch.
        skip: Number of batches to skip at the beginning.
        max_batches: Maximum number of batches, at regular intervals, so that
            they hold all kinds of text; None for all.
        num_buckets: See `epoch_buckets`.
        max_predictions: Maximum number of masked tokens per sequence; None
            for only the rate.
        with_teacher: Whether to read a teacher's tokens.

    Returns:
        Dataset of dicts: `input_ids` int32 `[B, L]`, masked, and
        `original_ids` int32 `[B, L]`, unmasked; `positions` and `labels` int32
        `[B, P]` and `weights` float32 `[B, P]` as in `masking.Masked`. P
        depends on L; the last batch may have a smaller B. With a teacher's
        tokens also `teacher_ids` int32 `[B, M]`, `target_begins` and
        `target_ends` int32 `[B, L]`, equal for padding.

    Raises:
        ConfigError: If the records do not fit the settings.
    """
    buckets = epoch_buckets(
        records,
        split=split,
        batch_size=batch_size,
        num_buckets=num_buckets,
    )
    split = Split(split)
    if split is Split.HELD_OUT:
        seed, epoch = 0, 0
    finish: Callable[[tf.Tensor, Batch], Batch]
    if records.config.masking is not None:
        finish = _split_masked
    else:
        check_words(masking, records.config.words)
        finish = _masker(records, masking, max_predictions, [seed, epoch])
    batches = _batched(
        _sequences(records, split, seed, epoch, with_teacher=with_teacher),
        records,
        buckets,
        with_teacher=with_teacher,
    )
    remaining = max(buckets.steps_per_epoch - skip, 0)
    every = 1
    if max_batches is not None:
        every = max(1, math.ceil(remaining / max_batches))
    # Before masking, so that skipped batches cost little.
    batches = batches.enumerate().skip(skip).shard(every, 0)
    batches = batches.map(
        finish, num_parallel_calls=_THREADS, deterministic=True
    )
    remaining = math.ceil(remaining / every)
    batches = batches.apply(tf.data.experimental.assert_cardinality(remaining))
    return read_ahead(batches)


def num_predictions(
    length: int, rate: float, max_predictions: int | None
) -> int:
    """Computes P for sequences of `length` tokens, with [CLS] and [SEP]."""
    count = math.ceil(rate * length)
    return count if max_predictions is None else min(count, max_predictions)


def _sequences(
    records: Records,
    split: Split,
    seed: int,
    epoch: int,
    *,
    with_teacher: bool,
) -> tf.data.Dataset:
    """Returns parsed records, shuffled for training."""
    files = tf.data.Dataset.from_tensor_slices(records.paths(split))
    if split is Split.HELD_OUT:
        sequences = files.flat_map(tf.data.TFRecordDataset)
    else:
        order = order_seed(seed) + epoch
        sequences = (
            files.shuffle(
                len(records.shards[split]),
                order,
                reshuffle_each_iteration=False,
            )
            .interleave(
                tf.data.TFRecordDataset,
                cycle_length=_FILES_AT_ONCE,
                block_length=_RECORDS_IN_TURN,
            )
            .shuffle(
                min(_SHUFFLE_BUFFER, records.num_records(split)),
                order,
                reshuffle_each_iteration=False,
            )
        )
    has_masks = records.config.masking is not None
    return sequences.map(
        functools.partial(
            parse, has_masks=has_masks, with_teacher=with_teacher
        ),
        num_parallel_calls=_THREADS,
        deterministic=True,
    )


def _batched(
    sequences: tf.data.Dataset,
    records: Records,
    buckets: Buckets,
    *,
    with_teacher: bool,
) -> tf.data.Dataset:
    lengths = [kind.length + 2 for kind in buckets.kinds]
    widths = tf.constant(lengths, tf.int64)
    longest = tf.constant(-1, tf.int64)  # of the batch
    padding = {
        "input_ids": tf.constant(records.pad_id, tf.int32),
        "word_starts": tf.constant(1, tf.uint8),
    }
    masking = records.config.masking
    if masking is not None:
        max_predictions = records.config.max_predictions_per_seq
        places = tf.constant(
            [
                num_predictions(length, masking.rate, max_predictions)
                for length in lengths
            ],
            tf.int64,
        )
        for name in ("positions", "labels"):
            padding[name] = tf.constant(_NO_POSITION, tf.int32)
    if with_teacher:
        assert records.teacher is not None
        padding |= dict.fromkeys(TEACHER, tf.constant(0, tf.int32))
        padding["teacher_ids"] = tf.constant(records.teacher.pad_id, tf.int32)

    def shapes(kind: tf.Tensor) -> dict[str, list[tf.Tensor]]:
        padded = {"input_ids": [widths[kind]], "word_starts": [widths[kind]]}
        if masking is not None:
            padded |= {"positions": [places[kind]], "labels": [places[kind]]}
        if with_teacher:
            padded |= {name: [widths[kind]] for name in TEACHER}
            padded["teacher_ids"] = [longest]
        return padded

    return group(
        sequences,
        buckets,
        tokens=lambda record: tf.size(record["input_ids"], tf.int64) - 2,
        shapes=shapes,
        padding=padding,
    )


def _masker(
    records: Records,
    masking: Masking,
    max_predictions: int | None,
    seeds: list[int],
) -> Callable[[tf.Tensor, Batch], Batch]:
    """Returns a function that masks a batch by the seeds and its number."""
    draw_masks = functools.partial(
        mask_batch,
        masking=masking,
        special_ids=records.special_ids,
        mask_id=records.mask_id,
        vocab_size=records.tokenizer.vocab_size,
    )

    def draw(
        number: np.int64, input_ids: np.ndarray, word_starts: np.ndarray
    ) -> tuple[np.ndarray, ...]:
        count = num_predictions(
            input_ids.shape[1], masking.rate, max_predictions
        )
        rng = np.random.default_rng([*seeds, int(number)])
        return draw_masks(
            input_ids, word_starts, max_predictions=count, rng=rng
        )

    def mask(number: tf.Tensor, batch: Batch) -> Batch:
        original_ids = batch["input_ids"]
        input_ids, positions, labels, weights = tf.numpy_function(
            draw,
            [number, original_ids, batch["word_starts"]],
            [tf.int32, tf.int32, tf.int32, tf.float32],
        )
        for tensor in (positions, labels, weights):
            tensor.set_shape([None, None])
        input_ids.set_shape(original_ids.shape)
        return {
            **_teacher_tokens(batch),
            "input_ids": input_ids,
            "original_ids": original_ids,
            "positions": positions,
            "labels": labels,
            "weights": weights,
        }

    return mask


def _teacher_tokens(batch: Batch) -> Batch:
    return {name: batch[name] for name in TEACHER if name in batch}


def _split_masked(number: tf.Tensor, batch: Batch) -> Batch:
    """Completes a batch whose records hold masks."""
    del number
    input_ids, positions = batch["input_ids"], batch["positions"]
    is_masked = positions != _NO_POSITION  # [B, P]
    where = tf.where(is_masked)  # [N, 2]: row and slot
    columns = tf.cast(tf.gather_nd(positions, where), tf.int64)  # [N]
    return {
        **_teacher_tokens(batch),
        "input_ids": input_ids,
        "original_ids": tf.tensor_scatter_nd_update(
            input_ids,
            tf.stack([where[:, 0], columns], axis=-1),
            tf.gather_nd(batch["labels"], where),
        ),
        "positions": tf.where(is_masked, positions, 0),
        "labels": tf.where(is_masked, batch["labels"], 0),
        "weights": tf.cast(is_masked, tf.float32),
    }

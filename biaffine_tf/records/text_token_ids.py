"""The text of records as mere numbers: for counting, not for training."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.records.text_schema import parse_ids

_FILES_AT_ONCE = 8
_RECORDS_IN_TURN = 64  # from a file before the next one's turn
_RECORDS = 16_384  # in an array


def token_ids(
    records: Records, *, max_records: int | None = None
) -> Iterator[np.ndarray]:
    """The text to train on, a part of it at a time.

    Args:
        records: If they hold masks, these stand in the place of tokens.
        max_records: Sequences to read, from all files alike; None for all.

    Yields:
        int32 `[N]`: sequences `[CLS] tokens [SEP]`, one behind the other.
    """
    sequences = tf.data.Dataset.from_tensor_slices(
        records.paths(Split.TRAIN)
    ).interleave(
        tf.data.TFRecordDataset,
        cycle_length=_FILES_AT_ONCE,
        block_length=_RECORDS_IN_TURN,
    )
    if max_records is not None:
        sequences = sequences.take(max_records)
    ids = sequences.batch(_RECORDS).map(parse_ids).prefetch(1)
    return ids.as_numpy_iterator()


def num_parts(records: Records) -> int:
    """How many arrays `token_ids` yields of all records."""
    return math.ceil(records.num_records(Split.TRAIN) / _RECORDS)


def token_counts(
    records: Records, *, max_records: int | None = None
) -> np.ndarray:
    """How often each token stands in the text, int64 `[V]`; specials never.

    Args:
        records: As for `token_ids`.
        max_records: As for `token_ids`.
    """
    size = len(records.tokenizer.vocabulary)
    counts = np.zeros(size, np.int64)
    for ids in token_ids(records, max_records=max_records):
        counts += np.bincount(ids, minlength=size)
    counts[list(records.special_ids)] = 0
    return counts


def log_frequencies(counts: np.ndarray) -> np.ndarray:
    """Logits of the tokens by their frequency alone, float32 `[V]`.

    Args:
        counts: From `token_counts`; one is added to each.
    """
    return np.log((counts + 1) / (counts + 1).sum()).astype(np.float32)

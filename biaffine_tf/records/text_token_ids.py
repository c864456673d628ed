"""Token ids of text records, for counting."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import tensorflow as tf

from biaffine_tf.records.text_records import Records, Split
from biaffine_tf.records.text_schema import parse_ids

_FILES_AT_ONCE = 8
_RECORDS_IN_TURN = 64  # from a file before the next file
_RECORDS = 16_384  # per array


def token_ids(
    records: Records, *, max_records: int | None = None
) -> Iterator[np.ndarray]:
    """Yields the token ids of the training text, in parts.

    Args:
        records: Records; masks, if there are any, replace tokens.
        max_records: Maximum number of sequences, from all files alike; None
            for all.

    Yields:
        Concatenated sequences `[CLS] tokens [SEP]`, int32 `[N]`.
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
    """Counts the arrays that `token_ids` yields for all records."""
    return math.ceil(records.num_records(Split.TRAIN) / _RECORDS)


def token_counts(
    records: Records, *, max_records: int | None = None
) -> np.ndarray:
    """Counts each token in the text, int64 `[V]`; 0 for special tokens.

    Args:
        records: See `token_ids`.
        max_records: See `token_ids`.
    """
    size = len(records.tokenizer.vocabulary)
    counts = np.zeros(size, np.int64)
    for ids in token_ids(records, max_records=max_records):
        counts += np.bincount(ids, minlength=size)
    counts[list(records.special_ids)] = 0
    return counts


def log_frequencies(counts: np.ndarray) -> np.ndarray:
    """Returns logits of tokens by frequency, float32 `[V]`.

    Args:
        counts: Counts from `token_counts`; one is added to each.
    """
    return np.log((counts + 1) / (counts + 1).sum()).astype(np.float32)

"""Schema of text records.

input_ids             [CLS] tokens [SEP], masked in records with masks
word_starts           a byte for each of them: 1 where a word begins, else 0
masked_lm_positions   only with masks: masked positions, ascending
masked_lm_ids         only with masks: original tokens there
teacher_ids           only with a teacher's tokens: [CLS] tokens [SEP] of them
target_begins         only with a teacher's tokens: for each of input_ids, the
                      first of teacher_ids that overlaps it in characters
target_ends           likewise the end; the begin where there is none
"""

from __future__ import annotations

from collections.abc import Iterable

import tensorflow as tf

from biaffine_tf.records.teacher_tokens import TeacherRun

_IDS = "input_ids"
_WORD_STARTS = "word_starts"
_POSITIONS = "masked_lm_positions"
_LABELS = "masked_lm_ids"
TEACHER = ("teacher_ids", "target_begins", "target_ends")


def serialize(
    input_ids: Iterable[int],
    word_starts: bytes,
    *,
    positions: Iterable[int] | None = None,
    labels: Iterable[int] | None = None,
    teacher: TeacherRun | None = None,
) -> bytes:
    """Serialises a sequence as a `tf.train.Example`.

    Args:
        input_ids: `[CLS] tokens [SEP]`.
        word_starts: 1 for each token that begins a word, else 0.
        positions: Masked positions; None for a record without masks.
        labels: Original tokens at these positions.
        teacher: The teacher's tokens, with [CLS] and [SEP]; None for a record
            without them.
    """
    feature = {
        _IDS: _int64_feature(input_ids),
        _WORD_STARTS: tf.train.Feature(
            bytes_list=tf.train.BytesList(value=[word_starts])
        ),
    }
    if positions is not None and labels is not None:
        feature[_POSITIONS] = _int64_feature(positions)
        feature[_LABELS] = _int64_feature(labels)
    if teacher is not None:
        for name, values in zip(TEACHER, teacher, strict=True):
            feature[name] = _int64_feature(values)
    return tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString(deterministic=True)


def _int64_feature(values: Iterable[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def parse(
    record: tf.Tensor, *, has_masks: bool, with_teacher: bool = False
) -> dict[str, tf.Tensor]:
    """Parses a serialised record, in the graph.

    Args:
        record: string scalar.
        has_masks: Whether the record has masks.
        with_teacher: Whether to read a teacher's tokens.

    Returns:
        `input_ids` int32 `[L]`, `word_starts` uint8 `[L]`; with masks,
        `positions` and `labels`, int32 `[P]`; with a teacher's tokens,
        `teacher_ids` int32 `[M]`, `target_begins` and `target_ends` int32
        `[L]`.
    """
    variable = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
    features = {
        _IDS: variable,
        _WORD_STARTS: tf.io.FixedLenFeature([], tf.string),
    }
    if has_masks:
        features |= {_POSITIONS: variable, _LABELS: variable}
    if with_teacher:
        features |= dict.fromkeys(TEACHER, variable)
    parsed = tf.io.parse_single_example(record, features)
    values = {
        "input_ids": tf.cast(parsed[_IDS], tf.int32),
        "word_starts": tf.io.decode_raw(parsed[_WORD_STARTS], tf.uint8),
    }
    if has_masks:
        values["positions"] = tf.cast(parsed[_POSITIONS], tf.int32)
        values["labels"] = tf.cast(parsed[_LABELS], tf.int32)
    if with_teacher:
        values |= {name: tf.cast(parsed[name], tf.int32) for name in TEACHER}
    return values


# tf.data would rewrite the source of functions by AutoGraph.
@tf.autograph.experimental.do_not_convert
def parse_ids(records: tf.Tensor) -> tf.Tensor:
    """Parses and concatenates the `input_ids` of records, int32 `[N]`.

    Args:
        records: Serialised records, string `[B]`.
    """
    ragged = tf.io.RaggedFeature(tf.int64)
    parsed = tf.io.parse_example(records, {_IDS: ragged})
    return tf.cast(parsed[_IDS].flat_values, tf.int32)

"""Schema of span records: token ids and gold spans of a window.

A gold span is the triple (first token, last token, label id), flattened. Each
head makes its own targets of them.
"""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from biaffine_tf.records.features import Features
from biaffine_tf.tokenization import mark

# Raise it when equal sources and settings would give other records.
SCHEMA_VERSION = 3

# Short names, since they are repeated in every record.
_TOKENS = "pieces"  # name in files of all versions
_CELLS = "cells"


def serialize(features: Features) -> bytes:
    """Serialises features as a `tf.train.Example`."""
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                _TOKENS: _int64_feature(
                    mark(
                        np.array(features.input_ids),
                        np.array(features.context),
                    ).tolist()
                ),
                _CELLS: _int64_feature(
                    [value for cell in features.cells for value in cell]
                ),
            }
        )
    ).SerializeToString(deterministic=True)


def _int64_feature(values: list[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def parse(record: tf.Tensor) -> dict[str, tf.Tensor]:
    """Parses a serialised record, in the graph.

    Args:
        record: string scalar.

    Returns:
        `input_ids` int32 `[L + 2]`, `context` bool `[L + 2]` and `cells` int32
        `[N, 3]`, see `Features`.
    """
    variable = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
    parsed = tf.io.parse_single_example(
        record, {_TOKENS: variable, _CELLS: variable}
    )
    marked = tf.cast(parsed[_TOKENS], tf.int32)
    return {
        "input_ids": tf.where(marked < 0, -1 - marked, marked),
        "context": marked < 0,
        "cells": tf.cast(tf.reshape(parsed[_CELLS], [-1, 3]), tf.int32),
    }

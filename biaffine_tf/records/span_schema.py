"""Schema of span records: token ids, gold spans and soft ones of a window.

A gold span is the triple (first token, last token, label id), flattened. Each
head makes its own targets of them. Only records with the scores of teachers
have soft spans: triples likewise, with a probability each. Only those with
pseudo labels have a weight of each sentence. Sentences from files that do not
label everything have the ids of the labels that are missing.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from biaffine_tf.records.features import Features
from biaffine_tf.tokenization import mark

# Raise it when equal sources and settings would give other records.
SCHEMA_VERSION = 3

# Short names, since they are repeated in every record.
_TOKENS = "pieces"  # name in files of all versions
_CELLS = "cells"
_SOFT_CELLS = "soft_cells"
_SOFT_PROBABILITIES = "soft_probabilities"
_IS_LABELLED = "is_labelled"
_PSEUDO = "pseudo"
_HIDDEN = "hidden"


def serialize(features: Features) -> bytes:
    """Serialises features as a `tf.train.Example`."""
    marked = mark(np.array(features.input_ids), np.array(features.context))
    feature = {
        _TOKENS: _int64_feature(marked.tolist()),
        _CELLS: _int64_feature(
            [value for cell in features.cells for value in cell]
        ),
    }
    if features.soft is not None:
        feature[_SOFT_CELLS] = _int64_feature(
            [value for *cell, _ in features.soft for value in cell]
        )
        feature[_SOFT_PROBABILITIES] = _float_feature(
            [probability for *_, probability in features.soft]
        )
        feature[_IS_LABELLED] = _int64_feature([int(features.is_labelled)])
    if features.pseudo is not None:
        feature[_PSEUDO] = _float_feature([features.pseudo])
    if features.hidden:
        feature[_HIDDEN] = _int64_feature([*features.hidden])
    return tf.train.Example(
        features=tf.train.Features(feature=feature)
    ).SerializeToString(deterministic=True)


def _int64_feature(values: list[int]) -> tf.train.Feature:
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def _float_feature(values: list[float]) -> tf.train.Feature:
    return tf.train.Feature(float_list=tf.train.FloatList(value=values))


def parse(
    record: tf.Tensor,
    *,
    soft: bool = False,
    pseudo: bool = False,
    temperature: float = 1.0,
    partial_classes: int | None = None,
) -> dict[str, tf.Tensor]:
    """Parses a serialised record, in the graph.

    Args:
        record: string scalar.
        soft: Whether the records have soft spans.
        pseudo: Whether some sentences of the records have pseudo labels.
        temperature: See `soften`.
        partial_classes: Number of classes, "none" included, if some labels are
            not labelled in some sentences; else None.

    Returns:
        `input_ids` int32 `[L + 2]`, `context` bool `[L + 2]` and `cells` int32
        `[N, 3]`, see `Features`; with soft spans `soft_cells` int32 `[M, 3]`,
        `soft_probabilities` float32 `[M]` and `is_labelled`, a bool; with
        pseudo labels `pseudo`, a float32 scalar; with `partial_classes`
        `labelled`, whether the source labels each class, bool `[C]`.
    """
    variable = tf.io.FixedLenSequenceFeature([], tf.int64, allow_missing=True)
    features: dict[str, Any] = {_TOKENS: variable, _CELLS: variable}
    if soft:
        features[_SOFT_CELLS] = variable
        features[_SOFT_PROBABILITIES] = tf.io.FixedLenSequenceFeature(
            [], tf.float32, allow_missing=True
        )
        features[_IS_LABELLED] = tf.io.FixedLenFeature([], tf.int64)
    if pseudo:
        features[_PSEUDO] = tf.io.FixedLenFeature([], tf.float32)
    if partial_classes is not None:
        features[_HIDDEN] = variable
    parsed = tf.io.parse_single_example(record, features)
    marked = tf.cast(parsed[_TOKENS], tf.int32)
    tensors = {
        "input_ids": tf.where(marked < 0, -1 - marked, marked),
        "context": marked < 0,
        "cells": _triples(parsed[_CELLS]),
    }
    if soft:
        cells = _triples(parsed[_SOFT_CELLS])
        probabilities = parsed[_SOFT_PROBABILITIES]
        tensors |= {
            "soft_cells": cells,
            "soft_probabilities": soften(cells, probabilities, temperature),
            "is_labelled": parsed[_IS_LABELLED] > 0,
        }
    if pseudo:
        tensors["pseudo"] = parsed[_PSEUDO]
    if partial_classes is not None:
        classes = tf.range(partial_classes, dtype=tf.int64)
        is_hidden = classes == parsed[_HIDDEN][:, None]  # [hidden, C]
        tensors["labelled"] = ~tf.reduce_any(is_hidden, axis=0)
    return tensors


def soften(
    cells: tf.Tensor, probabilities: tf.Tensor, temperature: float
) -> tf.Tensor:
    """Divides the log-odds of each pair's distribution by a temperature.

    Args:
        cells: int32 `[M, 3]`; those of a pair follow each other.
        probabilities: float32 `[M]`; what a pair lacks to 1 is "none".
        temperature: Divisor.

    Returns:
        float32 `[M]`: `p_c^(1/T) / sum_d p_d^(1/T)`, d "none" or a label.
    """
    if temperature == 1:
        return probabilities
    is_new = tf.reduce_any(cells[1:, :2] != cells[:-1, :2], axis=1)
    pairs = tf.pad(tf.cumsum(tf.cast(is_new, tf.int32)), [[1, 0]])
    pairs = pairs[: tf.size(probabilities)]  # there may be no cell
    powers = probabilities ** (1 / temperature)
    none = tf.nn.relu(1 - tf.math.segment_sum(probabilities, pairs))
    total = none ** (1 / temperature) + tf.math.segment_sum(powers, pairs)
    return powers / tf.gather(total, pairs)


def _triples(values: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.reshape(values, [-1, 3]), tf.int32)

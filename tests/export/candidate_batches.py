"""Random candidates of many sentences, in Python and as tensors."""

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from biaffine_tf.decoding import Candidate
from biaffine_tf.export.candidates import CandidateTensors
from biaffine_tf.spans import LabelMap

# Sorted by name, they have another order than by id.
LABELS = LabelMap(["b", "a", "é", "Z", "b2"])
SIGNATURE = CandidateTensors(
    *[tf.TensorSpec([None], tf.int32)] * 4,
    *[tf.TensorSpec([None], tf.float32)] * 3,
)

# What totals may tie in; what they cannot be added up exactly from.
HALVES = [-0.5, -0.0, 0.0, 0.5, 1.0, 1.5, 2.0]
FAR_APART = [1e20, 1e8, 3.5, 1.0, 1e-8, 2.0**-30]


class Kind(NamedTuple):
    """What candidates look like.

    Attributes:
        most: Candidates of a sentence.
        length: Of the texts.
        values: Margins and logits to choose from; None for any.
    """

    most: int
    length: int
    values: list[float] | None = None


KINDS = [
    Kind(3, 4, HALVES),
    Kind(8, 6, HALVES),
    Kind(8, 6, FAR_APART),
    Kind(8, 10),
    Kind(25, 10, HALVES),
    Kind(25, 20, FAR_APART),
    Kind(25, 60),
]


def random_rows(random, sentences, kind):
    """Rows of the columns of `Candidates`, shuffled."""
    sentence = np.repeat(
        np.arange(sentences), random.integers(0, kind.most + 1, sentences)
    )
    count = len(sentence)
    start = random.integers(0, kind.length, count)
    width = 1 + random.integers(0, kind.length - start)
    width = np.minimum(width, random.integers(1, kind.length + 1, count))
    if kind.values is None:
        opinions = random.normal(size=[2, count]) * 3
    else:
        opinions = random.choice(kind.values, [2, count])
    log_odds = random.choice([-1.0, 0.0, 1.0, 7.0, 40.0], count)
    rows = list(
        zip(
            sentence.tolist(),
            start.tolist(),
            (start + width).tolist(),
            random.integers(1, len(LABELS) + 1, count).tolist(),
            *np.float32([*opinions, log_odds]).tolist(),
            strict=True,
        )
    )
    random.shuffle(rows)
    return [tuple(int(x) for x in row[:4]) + tuple(row[4:]) for row in rows]


def as_columns(rows):
    """Arrays of the types of `SIGNATURE`."""
    columns = zip(*rows, strict=True) if rows else [()] * len(SIGNATURE)
    return [
        np.array(column, spec.dtype.as_numpy_dtype)
        for column, spec in zip(columns, SIGNATURE, strict=True)
    ]


def as_tensors(rows):
    return CandidateTensors(*map(tf.constant, as_columns(rows)))


def as_rows(columns):
    """The inverse of `as_columns`, of tensors or arrays."""
    return list(zip(*(np.array(x).tolist() for x in columns), strict=True))


def of_sentence(rows, sentence):
    """The candidates of a sentence, in Python."""
    return [
        Candidate(start, end, LABELS.name(label), *opinion)
        for number, start, end, label, *opinion in rows
        if number == sentence
    ]


def decoded_rows(sentences, decide):
    """Rows of what `decide` makes of the number of each sentence."""
    return [
        (
            sentence,
            one.start,
            one.end,
            LABELS.id(one.label),
            one.margin,
            one.logit,
            one.log_odds,
        )
        for sentence in range(sentences)
        for one in decide(sentence)
    ]

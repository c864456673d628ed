"""Random models that find about as much as trained ones."""

from __future__ import annotations

import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from benchmarks import data
from benchmarks.shapes import Shape
from benchmarks.workers import ours
from biaffine_tf import model_directory
from biaffine_tf.decoding import Candidate, decode
from biaffine_tf.spans import LabelMap
from biaffine_tf.training.setup import set_up

_TEXTS = 64
_BISECTIONS = 24


def random_model_directory(
    folder: pathlib.Path,
    shape: Shape,
    *,
    entities_per_sentence: float,
    seed: int,
) -> dict[str, Any]:
    """Writes a model of random weights that finds a likely number of entities.

    The head's own start finds nothing and a random one a flood, and neither
    is what prediction costs. The head is random, and a constant on the class
    "none" is chosen such that decoding keeps as many entities as are wanted.

    Args:
        folder: Becomes a model directory.
        shape: The encoder.
        entities_per_sentence: How many are wanted in texts of CLUENER's dev.
        seed: Of the weights.

    Returns:
        `none_constant` and, for the texts that it was chosen on, `candidates`
        and `entities` per sentence.
    """
    config = ours.experiment(shape, seed=seed)
    set_up(seed=config.training.seed, precision=config.training.precision)
    labels = LabelMap(data.label_names())
    model = ours.build_model(config, labels)
    bilinear = model.head.bilinear  # [D + 1, C, D + 1]
    values = np.random.default_rng(seed).normal(size=bilinear.shape)
    bilinear.assign(values / np.sqrt(bilinear.shape[0]))
    logits = [
        model(tf.constant([ids], tf.int32), training=False)[0].numpy()
        for ids in ours.token_ids(data.spread(data.texts("dev"), _TEXTS))
    ]
    constant = _bisect(
        lambda none: _found(logits, none, labels)[1], entities_per_sentence
    )
    values = bilinear.numpy()
    values[-1, 0, -1] += constant
    bilinear.assign(values)
    model_directory.write_description(
        str(folder), config, labels, ours.vocabulary()
    )
    model_directory.save_weights(str(folder), model)
    candidates, entities = _found(logits, constant, labels)
    return {
        "none_constant": constant,
        "candidates": candidates,
        "entities": entities,
    }


def _found(
    logits: Sequence[np.ndarray], none: float, labels: LabelMap
) -> tuple[float, float]:
    """Candidates and entities per sentence with a constant on "none"."""
    candidates = entities = 0
    for matrix in logits:
        shifted = matrix.copy()  # [L, L, C]
        shifted[..., 0] += none
        best = shifted[..., 1:].max(axis=-1)  # [L, L]
        margins = np.triu(best - shifted[..., 0])
        found = [
            Candidate(
                first,
                last + 1,
                labels.name(1 + int(shifted[first, last, 1:].argmax())),
                float(margins[first, last]),
                float(best[first, last]),
            )
            for first, last in np.argwhere(margins > 0).tolist()
        ]
        candidates += len(found)
        entities += len(decode(found, nested=False))
    return candidates / len(logits), entities / len(logits)


def _bisect(found: Callable[[float], float], wanted: float) -> float:
    """The constant of which so much is found; the more of it, the less."""
    low, high = 0.0, 1.0
    while found(high) > wanted:
        low, high = high, 2 * high
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if found(middle) > wanted else (low, middle)
    return high

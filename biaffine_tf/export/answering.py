"""Answers requests from a SavedModel, where there is no code of ours.

python answering.py MODEL REQUESTS ANSWERS

A program of its own, which knows tensorflow and tensorflow-text alone: what
answers here answers on a server. REQUESTS is a JSON object: to each signature,
`serving_default` or `batched`, an array of texts, each an array of the text in
base64 and, if the model takes tokens, their ids, starts and ends. ANSWERS has
an array for each with the entities of each text: [start, end, label, score].
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Sequence

# Whatever is installed, it must do without.
sys.modules["biaffine_tf"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401  (operations of WordPiece tokens)

_BATCH = 32
_TOKENS = ("ids", "starts", "ends")
_COLUMNS = ("starts", "ends", "labels", "scores")


def main(model: str, requests: str, answers: str) -> None:
    """Answers all requests in batches, short and long texts mixed."""
    loaded = tf.saved_model.load(model)
    with open(requests, encoding="ascii") as file:
        asked = json.load(file)
    found: dict[str, list[list[list]]] = {}
    for name, texts in asked.items():
        serve = loaded.signatures[name]
        take_apart = _padded_rows if name == "batched" else _rows
        found[name] = []
        for begin in range(0, len(texts), _BATCH):
            some, *tokens = zip(*texts[begin : begin + _BATCH], strict=True)
            tensors = dict(zip(_TOKENS, map(_padded, tokens), strict=False))
            tensors["texts"] = tf.constant(list(map(base64.b64decode, some)))
            answer = serve(**tensors)
            found[name] += take_apart(
                {key: one.numpy() for key, one in answer.items()}
            )
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(found, file)


def _padded(rows: Sequence[list[int]]) -> tf.Tensor:
    """Rows of unequal length, padded with -1."""
    return tf.ragged.constant(rows, tf.int32, ragged_rank=1).to_tensor(-1)


def _rows(answer: dict[str, np.ndarray]) -> list[list[list]]:
    """The entities of each text, of one after the other."""
    entities = iter(_entities(answer))
    return [
        [next(entities) for _ in range(length)]
        for length in answer["row_lengths"].tolist()
    ]


def _padded_rows(answer: dict[str, np.ndarray]) -> list[list[list]]:
    """The entities of each text, of a row for each."""
    counts = answer.pop("count").tolist()
    return [
        _entities({name: rows[row] for name, rows in answer.items()})[:count]
        for row, count in enumerate(counts)
    ]


def _entities(columns: dict[str, np.ndarray]) -> list[list]:
    """Entities of four vectors."""
    return [
        [start, end, label.decode(), score]
        for start, end, label, score in zip(
            *(columns[name].tolist() for name in _COLUMNS), strict=True
        )
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])

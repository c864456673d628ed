"""Runs a SavedModel without biaffine_tf.

python answering.py MODEL REQUESTS ANSWERS

A stand-alone program that imports only tensorflow and tensorflow-text, as a
server does. REQUESTS is a JSON object: for each signature, `serving_default` or
`batched`, an array of texts. Each is an array of the text in base64 and, if the
model takes tokens, their ids, starts and ends. ANSWERS has the entities of each
text: [start, end, label, score].
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Sequence

# Makes an installed biaffine_tf unimportable.
sys.modules["biaffine_tf"] = None  # type: ignore[assignment]

import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401  (operations of WordPiece tokens)

_BATCH = 32
_TOKENS = ("ids", "starts", "ends")
_COLUMNS = ("starts", "ends", "labels", "scores")


def main(model: str, requests: str, answers: str) -> None:
    """Answers all requests in batches that mix short and long texts."""
    loaded = tf.saved_model.load(model)
    with open(requests, encoding="ascii") as file:
        texts_by_signature = json.load(file)
    results: dict[str, list[list[list]]] = {}
    for name, texts in texts_by_signature.items():
        serve = loaded.signatures[name]
        split = _padded_rows if name == "batched" else _rows
        results[name] = []
        for begin in range(0, len(texts), _BATCH):
            batch, *tokens = zip(*texts[begin : begin + _BATCH], strict=True)
            tensors = dict(zip(_TOKENS, map(_padded, tokens), strict=False))
            tensors["texts"] = tf.constant(list(map(base64.b64decode, batch)))
            output = serve(**tensors)
            results[name] += split(
                {key: value.numpy() for key, value in output.items()}
            )
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(results, file)


def _padded(rows: Sequence[list[int]]) -> tf.Tensor:
    """Pads rows with -1."""
    return tf.ragged.constant(rows, tf.int32, ragged_rank=1).to_tensor(-1)


def _rows(output: dict[str, np.ndarray]) -> list[list[list]]:
    """Splits the output of `serving_default` into entities of texts."""
    entities = iter(_entities(output))
    return [
        [next(entities) for _ in range(length)]
        for length in output["row_lengths"].tolist()
    ]


def _padded_rows(output: dict[str, np.ndarray]) -> list[list[list]]:
    """Splits the rows of `batched` into the entities of texts."""
    counts = output.pop("count").tolist()
    return [
        _entities({name: rows[row] for name, rows in output.items()})[:count]
        for row, count in enumerate(counts)
    ]


def _entities(columns: dict[str, np.ndarray]) -> list[list]:
    return [
        [start, end, label.decode(), score]
        for start, end, label, score in zip(
            *(columns[name].tolist() for name in _COLUMNS), strict=True
        )
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])

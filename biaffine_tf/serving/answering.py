"""Answers requests from a SavedModel, where there is no code of ours.

python answering.py MODEL REQUESTS ANSWERS

A program of its own, which knows tensorflow and tensorflow-text alone: what
answers here answers on a server. REQUESTS is a JSON array of texts in base64,
ANSWERS an array with the entities of each: [start, end, label, score].
"""

from __future__ import annotations

import base64
import json
import sys

# Whatever is installed, it must do without.
sys.modules["biaffine_tf"] = None  # type: ignore[assignment]

import tensorflow as tf  # noqa: E402
import tensorflow_text  # noqa: E402, F401  (operations of word pieces)

_BATCH = 32


def main(model: str, requests: str, answers: str) -> None:
    """Answers all requests in batches, short and long texts mixed."""
    serve = tf.saved_model.load(model).signatures["serving_default"]
    with open(requests, encoding="ascii") as file:
        texts = [base64.b64decode(text) for text in json.load(file)]
    found: list[list[list]] = []
    for begin in range(0, len(texts), _BATCH):
        answer = serve(texts=tf.constant(texts[begin : begin + _BATCH]))
        rows = zip(
            *(answer[name].numpy().tolist() for name in ("starts", "ends")),
            [label.decode() for label in answer["labels"].numpy().tolist()],
            answer["scores"].numpy().tolist(),
            strict=True,
        )
        for length in answer["row_lengths"].numpy().tolist():
            found.append([list(next(rows)) for _ in range(length)])
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(found, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

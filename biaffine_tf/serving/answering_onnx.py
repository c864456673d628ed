"""Answers requests from an ONNX export, where there is no TensorFlow.

python answering_onnx.py MODEL REQUESTS ANSWERS

As answering.py, with what reads ONNX exports: biaffine_tf on onnxruntime.
"""

from __future__ import annotations

import base64
import json
import pathlib
import sys

# Whatever is installed, it must do without.
for _name in ("tensorflow", "tf_keras", "official"):
    sys.modules[_name] = None  # type: ignore[assignment]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

import biaffine_tf  # noqa: E402


def main(model: str, requests: str, answers: str) -> None:
    """Answers all requests."""
    with open(requests, encoding="ascii") as file:
        texts = [base64.b64decode(text) for text in json.load(file)]
    with biaffine_tf.load(model) as ner:
        found = ner([text.decode("utf-8", "replace") for text in texts])
    with open(answers, "w", encoding="utf-8") as file:
        json.dump(
            [[(*one[:3], one.score) for one in entities] for entities in found],
            file,
        )


if __name__ == "__main__":
    main(*sys.argv[1:])

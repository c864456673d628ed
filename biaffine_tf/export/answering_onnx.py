"""Answers requests from an ONNX export, where there is no TensorFlow.

python answering_onnx.py MODEL REQUESTS ANSWERS

As answering.py, with what reads ONNX exports: biaffine_tf on onnxruntime. There
is no other signature than `serving_default`.
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

from biaffine_tf.inference.onnx import OnnxPredictor  # noqa: E402
from biaffine_tf.spans import Sentence  # noqa: E402


def main(model: str, requests: str, answers: str) -> None:
    """Answers all requests."""
    with open(requests, encoding="ascii") as file:
        asked = json.load(file)["serving_default"]
    texts = [base64.b64decode(text) for text in asked]
    # Documents of their own: none is context of another.
    sentences = [
        Sentence(text.decode("utf-8", "replace"), document=str(number))
        for number, text in enumerate(texts)
    ]
    with OnnxPredictor.from_directory(model) as ner:
        found = [one.spans or () for one in ner.predict(sentences)]
    rows = [[(*one[:3], one.score) for one in spans] for spans in found]
    with open(answers, "w", encoding="utf-8") as file:
        json.dump({"serving_default": rows}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Runs an ONNX export without TensorFlow.

python answering_onnx.py MODEL REQUESTS ANSWERS

As answering.py, with biaffine_tf on onnxruntime. The only signature is
`serving_default`.
"""

from __future__ import annotations

import base64
import json
import pathlib
import sys

# Makes an installed TensorFlow unimportable.
for _name in ("tensorflow", "tf_keras", "official"):
    sys.modules[_name] = None  # type: ignore[assignment]
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2]))

from biaffine_tf.inference.onnx import OnnxPredictor  # noqa: E402
from biaffine_tf.spans import Sentence  # noqa: E402


def main(model: str, requests: str, answers: str) -> None:
    """Answers all requests."""
    with open(requests, encoding="ascii") as file:
        encoded = json.load(file)["serving_default"]
    texts = [base64.b64decode(text) for text in encoded]
    # Separate documents, so that no text is context of another.
    sentences = [
        Sentence(text.decode("utf-8", "replace"), document=str(number))
        for number, text in enumerate(texts)
    ]
    with OnnxPredictor.from_directory(model) as ner:
        spans = [sentence.spans or () for sentence in ner.predict(sentences)]
    rows = [[(*span[:3], span.score) for span in row] for row in spans]
    with open(answers, "w", encoding="utf-8") as file:
        json.dump({"serving_default": rows}, file)


if __name__ == "__main__":
    main(*sys.argv[1:])

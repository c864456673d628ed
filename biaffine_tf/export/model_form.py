"""ONNX form of a model directory, written when its training has ended.

It is kept only if it finds the entities that the model finds, on all of the dev
set. With the dev predictions at hand, TensorFlow is not loaded.
"""

from __future__ import annotations

import importlib.util
import itertools
import os
import time
from collections.abc import Callable, Iterable, Sequence

from biaffine_tf import formats, model_directory
from biaffine_tf.config import PREDICTION_PRECISION, ExportPrecision
from biaffine_tf.errors import BiaffineError, DataError
from biaffine_tf.evaluation.partial import judged
from biaffine_tf.export import parity
from biaffine_tf.files import atomic_write, remove
from biaffine_tf.inference.onnx import OnnxPredictor
from biaffine_tf.model_directory import onnx_form, onnx_model
from biaffine_tf.spans import Entity, Sentence, Span

_TOLERANCE = parity.TOLERANCES[ExportPrecision.FLOAT32]
_NEEDED = ("onnx", "onnxruntime")


def update_form(
    directory: str,
    sentences: Sequence[Sentence] | None,
    training: Callable[[], Iterable[Sentence]],
) -> None:
    """Writes the form unless there is one, and prints a line about it.

    A kill leaves an incomplete form, which is not used and written anew by the
    next call.

    Args:
        directory: Model directory with its final confidence.
        sentences: Dev set, whose predictions are in the directory; None if the
            model was trained without.
        training: Function that reads the training data, some of which is
            compared without a dev set.
    """
    if onnx_form.find_obstacle(directory) is None:
        return
    folder = os.path.join(directory, model_directory.ONNX_FORM)
    remove(folder)
    begun = time.perf_counter()
    try:
        reason = _find_obstacle(directory)
        if not reason:
            compared = _write(directory, sentences, training)
    except BiaffineError as error:
        remove(folder)
        reason = str(error)
    if reason:
        print(f"no ONNX form, so that TensorFlow predicts: {reason}")
        return
    data = "training" if sentences is None else "dev"
    print(
        f"{folder}: predicts as the model on {compared.sentences} {data} "
        f"sentences, {time.perf_counter() - begun:.1f} s"
    )


def _find_obstacle(directory: str) -> str:
    """Returns why no form can be written, or an empty string."""
    for name in _NEEDED:
        if importlib.util.find_spec(name) is None:
            return f"{name} is not installed (pip install {' '.join(_NEEDED)})"
    training = model_directory.read_config(directory).training
    if training.evaluation_precision is not PREDICTION_PRECISION:
        return f"the dev scores are of {training.evaluation_precision}"
    return ""


def _write(
    directory: str,
    sentences: Sequence[Sentence] | None,
    training: Callable[[], Iterable[Sentence]],
) -> parity.Parity:
    """Writes and compares the form; see `update_form`.

    Raises:
        BiaffineError: If it cannot be written, or differs from the model.
    """
    from biaffine_tf.export.onnx_network import build_network

    source = onnx_form.sources_of(directory)
    config, labels, tokenizer = model_directory.read_description(directory)
    content = build_network(
        model_directory.read_weights(directory),
        config.model,
        pad_id=tokenizer.pad_id,
        properties=onnx_model.properties(labels, tokenizer),
    )
    folder = os.path.join(directory, model_directory.ONNX_FORM)
    os.makedirs(folder)
    path = os.path.join(folder, onnx_model.ONNX_MODEL)
    with atomic_write(path, "wb") as file:
        file.write(content)
    del content
    compared = _compare(directory, sentences, training)
    # Written last, as it makes the form complete.
    onnx_form.describe_form(folder, source, compared.metrics())
    return compared


def _compare(
    directory: str,
    sentences: Sequence[Sentence] | None,
    training: Callable[[], Iterable[Sentence]],
) -> parity.Parity:
    """Compares the form with the model.

    Raises:
        ParityError: If they differ.
    """
    wanted = None
    if sentences is not None:
        wanted = _dev_predictions(directory, sentences)
    else:
        sentences = list(itertools.islice(training(), parity.MAX_SENTENCES))
    if wanted is None:
        wanted = _predict(directory, sentences)
    with OnnxPredictor.from_directory(directory) as predictor:
        found = list(judged(sentences, predictor.predict(sentences)))
    compared = parity.compare(
        [sentence.text for sentence in sentences],
        [
            _entities(one, other)
            for one, other in zip(wanted, found, strict=True)
        ],
        [[_row(span) for span in one.spans or ()] for one in found],
        _TOLERANCE,
    )
    compared.check(_TOLERANCE)
    return compared


def _dev_predictions(
    directory: str, sentences: Sequence[Sentence]
) -> list[Sentence] | None:
    """Reads the dev predictions; None if they are not of these sentences."""
    path = os.path.join(directory, model_directory.PREDICTIONS)
    options = formats.ReadOptions(format=formats.find_format("span_jsonl"))
    try:
        predicted = list(formats.read(path, options))
    except DataError:
        return None
    if [one.text for one in predicted] != [one.text for one in sentences]:
        return None
    return predicted


def _predict(directory: str, sentences: Sequence[Sentence]) -> list[Sentence]:
    """Predicts sentences with the model itself, on TensorFlow."""
    from biaffine_tf.inference.predictor import Predictor

    with Predictor.from_directory(directory) as predictor:
        return list(judged(sentences, predictor.predict(sentences)))


def _entities(wanted: Sentence, found: Sentence) -> list[Entity]:
    """Returns the entities of a sentence; scores that are not stored agree."""
    scores = {span.key: span.score for span in found.spans or ()}
    return [
        Entity(
            span.start,
            span.end,
            span.label,
            wanted.surface(span),
            span.score
            if span.score is not None
            else scores.get(span.key) or 0.0,
        )
        for span in wanted.spans or ()
    ]


def _row(span: Span) -> tuple[int, int, str, float]:
    return span.start, span.end, span.label, span.score or 0.0

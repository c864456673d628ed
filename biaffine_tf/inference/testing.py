"""Scores of a finished model on test data, kept in `scores.json`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import Any

from biaffine_tf import evaluation, model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.files import fingerprint, write_json

TEST = "test"  # key in scores.json
FLAG = "test_data"


def is_due(directory: str, test: Corpus | None, confidence: Confidence) -> bool:
    """Whether there is test data that this model was not scored on.

    Args:
        directory: A model directory whose training has ended.
        test: The test data.
        confidence: The model's.
    """
    if test is None:
        return False
    known = _stored(directory)
    return known is None or known["of"] != _identity(
        directory, test, confidence
    )


def update_test_scores(
    directory: str, test: Corpus | None, confidence: Confidence
) -> dict[str, Any] | None:
    """Scores the model on test data, once, as users load it.

    Scores of a model with other thresholds are removed; those on other data
    are replaced.

    Args:
        directory: A model directory whose training has ended.
        test: Test data; None to score on none.
        confidence: The model's, written or about to be.

    Returns:
        What `scores.json` holds under "test": the scores, their intervals,
        and what they are of; None if there are none.

    Raises:
        DataError: If the test data cannot be read or is not labelled.
    """
    if is_due(directory, test, confidence):
        assert test is not None
        found = _score(directory, test, confidence)
        _store(directory, found)
        print(_line(found))
        return found
    known = _stored(directory)
    if known is None or known["of"]["model"] == _model(directory, confidence):
        return known
    print(
        "test scores: removed, the model has other thresholds now; give "
        f"--{FLAG} to score it again"
    )
    _store(directory, None)
    return None


def _score(
    directory: str, test: Corpus, confidence: Confidence
) -> dict[str, Any]:
    sentences = list(test.read_labelled(flag=FLAG))
    # Where nothing is to be scored, TensorFlow is not loaded.
    from biaffine_tf.evaluation.bootstrap import intervals
    from biaffine_tf.inference.predictor import Predictor

    predictor = Predictor.from_directory(directory)
    predictor.confidence = confidence
    pairs = list(zip(sentences, predictor.predict(sentences), strict=True))
    return {
        **evaluation.score(pairs).to_json(),
        "intervals": intervals(pairs).to_json(),
        "of": _identity(directory, test, confidence),
    }


def _identity(
    directory: str, test: Corpus, confidence: Confidence
) -> dict[str, str]:
    """Digests of all that the scores depend on."""
    return {
        FLAG: test.fingerprint(),
        "reading": str(test.options),
        "model": _model(directory, confidence),
    }


def _model(directory: str, confidence: Confidence) -> str:
    """Fingerprint of weights, calibration and thresholds."""
    weights = fingerprint(os.path.join(directory, model_directory.WEIGHTS))
    values = dataclasses.asdict(confidence)
    text = json.dumps([weights, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(directory: str) -> dict[str, Any] | None:
    return (model_directory.read_scores(directory) or {}).get(TEST)


def _store(directory: str, found: dict[str, Any] | None) -> None:
    scores = model_directory.read_scores(directory) or {}
    scores.pop(TEST, None)
    if found is not None:
        scores[TEST] = found
    write_json(os.path.join(directory, model_directory.SCORES), scores)


def _line(found: dict[str, Any]) -> str:
    interval = found["intervals"]["micro"]["f1"]
    return (
        f"test data: {found['sentences']} sentences, micro F1 "
        f"{found['micro']['f1']:.4f} ({interval['low']:.4f} to "
        f"{interval['high']:.4f}), macro F1 {found['macro']['f1']:.4f}, "
        f"cluener F1 {found['cluener']['f1']:.4f}"
    )

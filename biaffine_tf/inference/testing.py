"""Test scores of a finished model, stored in `scores.json`."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
from typing import TYPE_CHECKING, Any

from biaffine_tf import evaluation, formats, model_directory
from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.corpora.corpus import Corpus
from biaffine_tf.evaluation.partial import judged
from biaffine_tf.files import fingerprint, write_json
from biaffine_tf.model_directory.intervals import files_of

if TYPE_CHECKING:
    from biaffine_tf.inference.predictor import Predictor

TEST = "test"  # key in scores.json
FLAG = "test_data"


def is_due(directory: str, test: Corpus | None, confidence: Confidence) -> bool:
    """Whether there is test data on which this model was not scored.

    Args:
        directory: Model directory of a finished training.
        test: Test data; None for none.
        confidence: Calibration and thresholds of the model.
    """
    if test is None:
        return False
    known = _stored(directory)
    return known is None or known["of"] != _identity(
        directory, test, confidence
    )


def update_test_scores(
    directory: str,
    test: Corpus | None,
    confidence: Confidence,
    predictor: Predictor | None = None,
) -> dict[str, Any] | None:
    """Scores the model on test data once, as users load it.

    Replaces scores on other data; removes those of other thresholds.

    Args:
        directory: Model directory of a finished training.
        test: Test data; None for none.
        confidence: Calibration and thresholds of the model, written or about
            to be.
        predictor: Predictor of the directory, if there is one already.

    Returns:
        Contents of `scores.json` under "test": scores, intervals, and what
        they depend on; None if there are none.

    Raises:
        DataError: If the test data cannot be read or is not labelled.
    """
    if is_due(directory, test, confidence):
        assert test is not None
        test_scores = _score(directory, test, confidence, predictor)
        _store(directory, test_scores)
        print(_line(test_scores))
        return test_scores
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
    directory: str,
    test: Corpus,
    confidence: Confidence,
    predictor: Predictor | None,
) -> dict[str, Any]:
    sentences = list(test.read_labelled(flag=FLAG))
    # Loaded only if there is something to score.
    from biaffine_tf.evaluation.bootstrap import intervals
    from biaffine_tf.inference.predictor import Predictor

    if predictor is None:
        predictor = Predictor.from_directory(directory)
    predictor.confidence = confidence
    predicted = judged(sentences, predictor.predict(sentences))
    pairs = list(zip(sentences, predicted, strict=True))
    return {
        **evaluation.score(pairs).to_json(),
        **files_of(pairs),
        "intervals": intervals(pairs).to_json(),
        "of": _identity(directory, test, confidence),
    }


def _identity(
    directory: str, test: Corpus, confidence: Confidence
) -> dict[str, str]:
    return {
        FLAG: test.fingerprint(),
        "reading": str(test.options),
        "reader": str(formats.READER_VERSION),
        "model": _model(directory, confidence),
    }


def _model(directory: str, confidence: Confidence) -> str:
    weights = fingerprint(os.path.join(directory, model_directory.WEIGHTS))
    values = dataclasses.asdict(confidence)
    text = json.dumps([weights, values], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _stored(directory: str) -> dict[str, Any] | None:
    return (model_directory.read_scores(directory) or {}).get(TEST)


def _store(directory: str, test_scores: dict[str, Any] | None) -> None:
    scores = model_directory.read_scores(directory) or {}
    scores.pop(TEST, None)
    if test_scores is not None:
        scores[TEST] = test_scores
    write_json(os.path.join(directory, model_directory.SCORES), scores)


def _line(test_scores: dict[str, Any]) -> str:
    interval = test_scores["intervals"]["micro"]["f1"]
    return (
        f"test data: {test_scores['sentences']} sentences, micro F1 "
        f"{test_scores['micro']['f1']:.4f} ({interval['low']:.4f} to "
        f"{interval['high']:.4f}), macro F1 {test_scores['macro']['f1']:.4f}, "
        f"cluener F1 {test_scores['cluener']['f1']:.4f}"
    )

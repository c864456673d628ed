"""Confidence intervals and scores by file, stored in `scores.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from biaffine_tf import evaluation, formats
from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.partial import is_partial, scores_by_file
from biaffine_tf.files import write_json
from biaffine_tf.model_directory.names import PREDICTIONS, SCORES
from biaffine_tf.model_directory.scores import read_scores
from biaffine_tf.spans import Sentence

_COUNTS = ("gold", "predicted", "correct")


def keep_intervals(directory: str, sentences: Sequence[Sentence]) -> None:
    """Adds 95 % intervals to the dev scores, if they can still be computed.

    Where files label different things, adds the scores of each file, too.

    They are computed from the dev predictions, before thresholds change these.
    Adds nothing if the predictions do not give the stored scores.

    Args:
        directory: Model directory of a finished training.
        sentences: Labelled sentences of the dev set.
    """
    scores = read_scores(directory)
    if scores is None or "intervals" in scores:
        return
    pairs = _pairs(os.path.join(directory, PREDICTIONS), sentences)
    if pairs is None or not _gives(pairs, scores):
        return
    # Takes longer to import than everything else here.
    from biaffine_tf.evaluation.bootstrap import intervals

    scores |= files_of(pairs)
    scores["intervals"] = intervals(pairs).to_json()
    write_json(os.path.join(directory, SCORES), scores)


def files_of(pairs: Sequence[Pair]) -> dict[str, Any]:
    """Returns and prints scores by file, if some label fewer types.

    Args:
        pairs: Gold and predicted form of each sentence.

    Returns:
        {"files": {path: scores}}, or nothing.
    """
    if not is_partial(gold for gold, _ in pairs):
        return {}
    files = scores_by_file(pairs)
    for file, scores in files.items():
        print(
            f"{file}: {scores.sentences} sentences, micro F1 "
            f"{scores.micro.f1:.4f} on the labels of the file"
        )
    return {"files": {file: one.to_json() for file, one in files.items()}}


def _pairs(path: str, sentences: Sequence[Sentence]) -> list[Pair] | None:
    """Pairs gold and predicted sentences; None if they do not match."""
    options = formats.ReadOptions(format=formats.find_format("span_jsonl"))
    try:
        predicted = list(formats.read(path, options))
    except DataError:
        return None
    if [p.text for p in predicted] != [s.text for s in sentences]:
        return None
    if any(p.spans is None for p in predicted):
        return None
    return list(zip(sentences, predicted, strict=True))


def _gives(pairs: Sequence[Pair], scores: Mapping[str, Any]) -> bool:
    rescored = evaluation.score(pairs).to_json()
    return rescored["sentences"] == scores["sentences"] and _counts(
        rescored
    ) == _counts(scores)


def _counts(scores: Mapping[str, Any]) -> dict[str, list[int]]:
    return {
        label: [score[name] for name in _COUNTS]
        for label, score in scores["labels"].items()
    }

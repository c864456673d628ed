"""How sure the dev scores of a model are, kept beside them in `scores.json`."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from biaffine_tf import evaluation, formats
from biaffine_tf.errors import DataError
from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.files import write_json
from biaffine_tf.model_directory.names import PREDICTIONS, SCORES
from biaffine_tf.model_directory.scores import read_scores
from biaffine_tf.spans import Sentence

_COUNTS = ("gold", "predicted", "correct")


def keep_intervals(directory: str, sentences: Sequence[Sentence]) -> None:
    """Adds 95 % intervals to the dev scores, if they can still be had.

    They come from the dev predictions, before thresholds change these.
    Predictions that do not give the scores say nothing about them: nothing is
    added then.

    Args:
        directory: A model directory whose training has ended.
        sentences: Its dev set, labelled.
    """
    scores = read_scores(directory)
    if scores is None or "intervals" in scores:
        return
    pairs = _pairs(os.path.join(directory, PREDICTIONS), sentences)
    if pairs is None or not _gives(pairs, scores):
        return
    # Takes longer to load than everything else here.
    from biaffine_tf.evaluation.bootstrap import intervals

    scores["intervals"] = intervals(pairs).to_json()
    write_json(os.path.join(directory, SCORES), scores)


def _pairs(path: str, sentences: Sequence[Sentence]) -> list[Pair] | None:
    """Gold and predicted form of each; None if they are not of each other."""
    options = formats.ReadOptions(format=formats.find_format("span_jsonl"))
    try:
        predicted = list(formats.read(path, options))
    except DataError:
        return None
    if [one.text for one in predicted] != [one.text for one in sentences]:
        return None
    if any(one.spans is None for one in predicted):
        return None
    return list(zip(sentences, predicted, strict=True))


def _gives(pairs: Sequence[Pair], scores: Mapping[str, Any]) -> bool:
    """Whether these very predictions were scored."""
    found = evaluation.score(pairs).to_json()
    return found["sentences"] == scores["sentences"] and _counts(
        found
    ) == _counts(scores)


def _counts(scores: Mapping[str, Any]) -> dict[str, list[int]]:
    return {
        label: [one[name] for name in _COUNTS]
        for label, one in scores["labels"].items()
    }

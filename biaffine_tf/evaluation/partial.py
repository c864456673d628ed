"""Scores on files that do not label every type."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from biaffine_tf.evaluation.matching import Pair
from biaffine_tf.evaluation.metrics import Scores, score
from biaffine_tf.spans import Sentence


def judged(
    gold: Iterable[Sentence], predicted: Iterable[Sentence]
) -> Iterator[Sentence]:
    """Leaves out predictions that the gold sentences cannot judge.

    Args:
        gold: Gold sentences.
        predicted: The same sentences with predicted spans.

    Yields:
        The predicted sentences without spans of labels that the source of the
        gold sentence does not label (`Sentence.labelled`).
    """
    for one, other in zip(gold, predicted, strict=True):
        if one.labelled is None or other.spans is None:
            yield other
        else:
            known = frozenset(one.labelled)
            yield other.replace_spans(
                span for span in other.spans if span.label in known
            )


def is_partial(gold: Iterable[Sentence]) -> bool:
    """Returns whether some sentences are from files with fewer labels."""
    return any(one.labelled is not None for one in gold)


def scores_by_file(pairs: Iterable[Pair]) -> dict[str, Scores]:
    """Scores the sentences of each file.

    Args:
        pairs: Gold and predicted form of each sentence.
    """

    def file_of(pair: Pair) -> str:
        return pair[0].file or ""

    ordered = sorted(pairs, key=file_of)
    return {
        file: score(group)
        for file, group in itertools.groupby(ordered, file_of)
    }

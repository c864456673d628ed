"""Precision, recall and F1: micro, macro and CLUENER averages.

With G and P the gold and predicted items of all sentences

    precision = |G and P| / |P|
    recall    = |G and P| / |G|
    F1        = 2 |G and P| / (|G| + |P|)

(the harmonic mean) and 0 / 0 = 0. The averages differ in the items and in how
labels are combined; see `Scores`.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Hashable, Iterable, Set
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span

Item = tuple[Hashable, str]  # compared value and label


@dataclasses.dataclass(frozen=True, slots=True)
class PRF:
    """Precision, recall and F1, each in [0, 1]."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def from_counts(cls, *, correct: int, predicted: int, gold: int) -> PRF:
        """Computes scores from counts."""
        return cls(
            precision=_ratio(correct, predicted),
            recall=_ratio(correct, gold),
            f1=_ratio(2 * correct, gold + predicted),
        )

    @classmethod
    def mean(cls, scores: Collection[PRF | LabelScore]) -> PRF:
        """Computes unweighted means of precisions, recalls and F1s.

        The F1 is the mean of the F1s, not the F1 of the other two means. The
        mean of nothing is 0.
        """
        return cls(
            precision=_ratio(sum(s.precision for s in scores), len(scores)),
            recall=_ratio(sum(s.recall for s in scores), len(scores)),
            f1=_ratio(sum(s.f1 for s in scores), len(scores)),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class LabelScore:
    """Scores and counts of one label over (start, end).

    Attributes:
        precision: correct / predicted.
        recall: correct / gold.
        f1: 2 correct / (gold + predicted).
        gold: Number of gold spans, with duplicates in a sentence counted once.
        predicted: Number of predicted spans, counted likewise.
        correct: Number of spans in both.
    """

    precision: float
    recall: float
    f1: float
    gold: int
    predicted: int
    correct: int

    @classmethod
    def from_counts(
        cls, *, correct: int, predicted: int, gold: int
    ) -> LabelScore:
        """Computes scores from counts."""
        prf = PRF.from_counts(correct=correct, predicted=predicted, gold=gold)
        return cls(prf.precision, prf.recall, prf.f1, gold, predicted, correct)


@dataclasses.dataclass(frozen=True, slots=True)
class Scores:
    """Scores of a data set, as returned by `score`.

    Attributes:
        micro: Scores over the distinct (start, end, label) of all sentences. On
            flat data equal to conlleval's and, in its default mode, seqeval's
            micro average; with `strict_tags`, to that of seqeval's strict mode.
        macro: Unweighted mean of `labels`. On flat data equal to seqeval's
            macro average.
        cluener: Score of the CLUENER benchmark: an item is a distinct (string,
            label) of a sentence; P, R and F1 per label over the data set, then
            their unweighted mean. The official script averages over the
            benchmark's ten labels, all of which occur in its gold data; here
            the mean is over the labels that occur in gold, so labels that only
            occur in predictions are ignored (they lower precision in `micro`
            and count as zero in `macro`; see `unknown_labels`). The benchmark
            reports the F1 alone.
        labels: Scores over (start, end) of each label of gold or predictions,
            in alphabetical order.
        sentences: Number of sentences.
    """

    micro: PRF
    macro: PRF
    cluener: PRF
    labels: dict[str, LabelScore]
    sentences: int

    @property
    def unknown_labels(self) -> dict[str, int]:
        """Number of predictions of each label that gold does not have."""
        return {
            label: score.predicted
            for label, score in self.labels.items()
            if not score.gold
        }

    def to_json(self) -> dict[str, Any]:
        """Converts the scores to plain dictionaries for `json.dumps`.

        Returns:
            {"micro": {"precision", "recall", "f1"}, "macro": {...},
            "cluener": {...}, "labels": {label: {"precision", "recall", "f1",
            "gold", "predicted", "correct"}}, "sentences": int}. A label whose
            "gold" is 0 occurs in the predictions only.
        """
        return dataclasses.asdict(self)


def score(pairs: Iterable[tuple[Sentence, Sentence]]) -> Scores:
    """Scores predictions against gold.

    Args:
        pairs: Gold and predicted form of each sentence, as returned by
            `match`; not kept. Scores and order of spans are ignored.

    Returns:
        All scores.

    Raises:
        DataError: If a sentence is unlabelled (spans is None).
    """
    exact, surface = Counts(), Counts()
    sentences = 0
    for gold, predicted in pairs:
        exact.add(
            exact_items(gold, "gold"), exact_items(predicted, "predicted")
        )
        surface.add(
            surface_items(gold, "gold"), surface_items(predicted, "predicted")
        )
        sentences += 1
    labels = exact.scores()
    return Scores(
        micro=PRF.from_counts(
            correct=exact.correct.total(),
            predicted=exact.predicted.total(),
            gold=exact.gold.total(),
        ),
        macro=PRF.mean(labels.values()),
        cluener=PRF.mean(
            [label for label in surface.scores().values() if label.gold]
        ),
        labels=labels,
        sentences=sentences,
    )


def require_spans(sentence: Sentence, side: str) -> tuple[Span, ...]:
    """Returns the spans of a sentence, which must be labelled.

    Args:
        sentence: The sentence.
        side: "gold" or "predicted", for the message.

    Returns:
        `sentence.spans`.

    Raises:
        DataError: If the sentence is unlabelled (spans is None).
    """
    if sentence.spans is None:
        raise DataError(
            f"the {side} sentence {sentence.text[:30]!r} is not labelled",
            file=sentence.file,
            line=sentence.line,
            remedy=f"give a {side} file with an entry for entities in every "
            "sentence, empty where there are none",
        )
    return sentence.spans


def exact_items(sentence: Sentence, side: str) -> set[Item]:
    """Returns the items of `Scores.micro`: distinct spans of a sentence.

    Args:
        sentence: A labelled sentence.
        side: "gold" or "predicted", for the message.

    Returns:
        (`Span.key`, label) of every span.

    Raises:
        DataError: If the sentence is unlabelled.
    """
    return {(span.key, span.label) for span in require_spans(sentence, side)}


def surface_items(sentence: Sentence, side: str) -> set[Item]:
    """Returns the items of `Scores.cluener`: distinct strings of a sentence.

    Args:
        sentence: A labelled sentence.
        side: "gold" or "predicted", for the message.

    Returns:
        (string, label) of every span.

    Raises:
        DataError: If the sentence is unlabelled.
    """
    return {
        (sentence.surface(span), span.label)
        for span in require_spans(sentence, side)
    }


class Counts:
    """Counts of gold, predicted and correct items per label or bucket."""

    def __init__(self) -> None:
        self.gold: collections.Counter[str] = collections.Counter()
        self.predicted: collections.Counter[str] = collections.Counter()
        self.correct: collections.Counter[str] = collections.Counter()

    def add(self, gold: Set[Item], predicted: Set[Item]) -> None:
        """Counts the distinct (item, label) of one sentence."""
        self.gold.update(label for _, label in gold)
        self.predicted.update(label for _, label in predicted)
        self.correct.update(label for _, label in gold & predicted)

    def scores(self) -> dict[str, LabelScore]:
        """Computes the scores of every label, in alphabetical order."""
        return {
            label: LabelScore.from_counts(
                correct=self.correct[label],
                predicted=self.predicted[label],
                gold=self.gold[label],
            )
            for label in sorted(self.gold.keys() | self.predicted.keys())
        }


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else 0.0

"""Precision, recall and F1, three ways, each under its own name.

With G and P the gold and predicted items of all sentences, everywhere below

    precision = |G and P| / |P|
    recall    = |G and P| / |G|
    F1        = 2 |G and P| / (|G| + |P|)

(the harmonic mean of the two) and 0 / 0 = 0. The three ways differ in what an
item is and in how labels are put together; see `Scores`.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Collection, Hashable, Iterable, Set
from typing import Any

from biaffine_tf.errors import DataError
from biaffine_tf.spans import Sentence, Span

Item = tuple[Hashable, str]  # what is compared, and its label


@dataclasses.dataclass(frozen=True, slots=True)
class PRF:
    """Precision, recall and F1, each in [0, 1]."""

    precision: float
    recall: float
    f1: float

    @classmethod
    def from_counts(cls, *, correct: int, predicted: int, gold: int) -> PRF:
        """Scores of counted items; a ratio of nothing to nothing is 0."""
        return cls(
            precision=_ratio(correct, predicted),
            recall=_ratio(correct, gold),
            f1=_ratio(2 * correct, gold + predicted),
        )

    @classmethod
    def mean(cls, scores: Collection[PRF | LabelScore]) -> PRF:
        """Unweighted means: of precisions, of recalls and of F1s.

        The F1 is the mean of the F1s, not the F1 of the other two means.
        The mean of nothing is 0.
        """
        return cls(
            precision=_ratio(sum(s.precision for s in scores), len(scores)),
            recall=_ratio(sum(s.recall for s in scores), len(scores)),
            f1=_ratio(sum(s.f1 for s in scores), len(scores)),
        )


@dataclasses.dataclass(frozen=True, slots=True)
class LabelScore:
    """Scores of one label over (start, end), and the counts behind them.

    Attributes:
        precision: correct / predicted.
        recall: correct / gold.
        f1: 2 correct / (gold + predicted).
        gold: Gold spans of this label, duplicates of a sentence counted once.
        predicted: Predicted spans of this label, counted likewise.
        correct: Spans that are in both.
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
        """Scores of counted spans, and the counts."""
        prf = PRF.from_counts(correct=correct, predicted=predicted, gold=gold)
        return cls(prf.precision, prf.recall, prf.f1, gold, predicted, correct)


@dataclasses.dataclass(frozen=True, slots=True)
class Scores:
    """What `score` found.

    Attributes:
        micro: Over all (start, end, label) of all sentences at once, every
            entity weighing the same; a span given twice counts once. On flat
            data it equals conlleval's and, in its default mode, seqeval's
            micro average; of tags that are read with `strict_tags`, that of
            seqeval's strict mode.
        macro: Unweighted mean of `labels`: of their precisions, their recalls
            and their F1s, every label that occurs in gold or predictions
            weighing the same. Equals seqeval's macro average on flat data.
        cluener: The score of the CLUENER benchmark: an item is a distinct
            (surface string, label) of a sentence, wherever and however often
            it stands there; P, R and F1 per label over the data set, then
            their unweighted mean. The official script walks the benchmark's
            ten labels, all of which its gold data has; here the mean goes
            over the labels that occur in gold, so that labels that only the
            predictions have do not enter it (they cost precision in `micro`
            and a zero in `macro`; see `unknown_labels`). Its metric is F1;
            the mean precision and recall are given beside it.
        labels: Scores over (start, end) of each label that occurs in gold or
            predictions, in alphabetical order.
        sentences: Number of sentences scored.
    """

    micro: PRF
    macro: PRF
    cluener: PRF
    labels: dict[str, LabelScore]
    sentences: int

    @property
    def unknown_labels(self) -> dict[str, int]:
        """Labels that no gold span has, and how many predicted spans do."""
        return {
            label: score.predicted
            for label, score in self.labels.items()
            if not score.gold
        }

    def to_json(self) -> dict[str, Any]:
        """The scores as plain dictionaries, ready for `json.dumps`.

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
        pairs: Gold and predicted form of each sentence, as `match` gives
            them. May be a generator: pairs are not kept. Confidences of
            spans and the order of spans do not matter.

    Returns:
        All scores, in float64.

    Raises:
        DataError: If a sentence has no spans given at all (None), which is
            not the same as none found.
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
    """Spans of a sentence that must have been given (maybe none found).

    Args:
        sentence: The sentence.
        side: "gold" or "predicted", for the message.

    Returns:
        `sentence.spans`.

    Raises:
        DataError: If `sentence.spans` is None: an unlabelled sentence.
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
    """The items of `Scores.micro`: the distinct spans of a sentence.

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
    """The items of `Scores.cluener`: the distinct strings of a sentence.

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
    """Gold, predicted and correct items per label (or per any other name)."""

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
        """Scores of every label seen, in alphabetical order."""
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

"""Confusion of labels, errors of granularity, and over-fitted strings."""

from __future__ import annotations

import collections
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from typing import TypeVar

from biaffine_tf.evaluation.metrics import require_spans
from biaffine_tf.evaluation.taxonomy import Error, ErrorClass, classify
from biaffine_tf.spans import Sentence

MAX_EXAMPLES = 5
_Label = TypeVar("_Label", str, str | None)

_GRANULARITY = (ErrorClass.SPLIT, ErrorClass.MERGED)


@dataclasses.dataclass(frozen=True, slots=True)
class ConfusionMatrix:
    """Confusion matrix of the labels of equal ranges.

    Attributes:
        labels: Labels of gold and predictions, in alphabetical order.
        counts: Rows are gold labels, columns predicted ones, each followed by
            "none": the range is not on the other side, or its labels there
            are matched to others. The diagonal has the correct spans. Rows
            sum to the gold spans of a label, columns to the predicted ones.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class LabelPair:
    """A gold label that was confused with another one.

    Attributes:
        gold: Gold label.
        predicted: Predicted label.
        count: Number of errors with this confusion, of any class.
        same_range: Number of them with the right range.
        examples: First examples; those with the right range come first.
    """

    gold: str
    predicted: str
    count: int
    same_range: int
    examples: tuple[Error, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Granularity:
    """Errors that split an entity or merge several, for one label.

    Attributes:
        kind: SPLIT or MERGED.
        label: Label of all the spans.
        count: Number of errors.
        examples: First examples.
    """

    kind: ErrorClass
    label: str
    count: int
    examples: tuple[Error, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class OverfittedString:
    """A string whose label is not its most frequent one in training.

    Attributes:
        text: The string.
        training: Number of spans in training by label, most frequent first.
        gold: Gold label; None for a SPURIOUS prediction.
        predicted: Number of predictions of each label for its range; None
            stands for no label.
        count: Number of spans with this string and gold label.
        followed: Number of them with training's label predicted.
        examples: First examples of their gold sentences.
    """

    text: str
    training: dict[str, int]
    gold: str | None
    predicted: dict[str | None, int]
    count: int
    followed: int
    examples: tuple[Sentence, ...]


def confusion_matrix(
    pairs: Iterable[tuple[Sentence, Sentence]],
) -> ConfusionMatrix:
    """Counts predicted labels by gold label.

    Args:
        pairs: Gold and predicted form of each sentence; not kept.

    Returns:
        The matrix.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    counts: collections.Counter[tuple[str | None, str | None]]
    counts = collections.Counter()
    for gold, predicted in pairs:
        expected = {span.key for span in require_spans(gold, "gold")}
        guessed = {span.key for span in require_spans(predicted, "predicted")}
        counts.update((key[2], key[2]) for key in expected & guessed)
        for error in classify(gold, predicted):
            if error.kind is ErrorClass.WRONG_LABEL:
                counts[error.gold[0].label, error.predicted[0].label] += 1
            else:
                counts.update((span.label, None) for span in error.gold)
                counts.update((None, span.label) for span in error.predicted)
    labels = sorted({label for cell in counts for label in cell if label})
    sides: list[str | None] = [*labels, None]
    return ConfusionMatrix(
        labels=tuple(labels),
        counts=tuple(
            tuple(counts[row, column] for column in sides) for row in sides
        ),
    )


def label_pairs(errors: Iterable[Error]) -> list[LabelPair]:
    """Finds confused pairs of labels.

    Args:
        errors: Errors as returned by `taxonomy.errors`. An error with several
            labels counts for each pair of different labels.

    Returns:
        The pairs, the most frequent first.
    """
    errors_by_pair: dict[tuple[str, str], list[Error]] = {}
    for error in errors:
        gold = {span.label for span in error.gold}
        predicted = {span.label for span in error.predicted}
        for pair in itertools.product(gold, predicted):
            if pair[0] != pair[1]:
                errors_by_pair.setdefault(pair, []).append(error)
    result = []
    for pair, cases in errors_by_pair.items():
        exact = [e for e in cases if e.kind is ErrorClass.WRONG_LABEL]
        others = [e for e in cases if e.kind is not ErrorClass.WRONG_LABEL]
        examples = tuple([*exact, *others][:MAX_EXAMPLES])
        result.append(LabelPair(*pair, len(cases), len(exact), examples))
    return sorted(result, key=lambda p: (-p.count, p.gold, p.predicted))


def granularity(errors: Iterable[Error]) -> list[Granularity]:
    """Finds labels whose entities are split or merged.

    Args:
        errors: Errors as returned by `taxonomy.errors`; those with a changed
            label are ignored.

    Returns:
        The kinds and labels, the most frequent first.
    """
    errors_by_key: dict[tuple[ErrorClass, str], list[Error]] = {}
    for error in errors:
        if error.kind in _GRANULARITY and not error.label_changed:
            key = error.kind, error.gold[0].label
            errors_by_key.setdefault(key, []).append(error)
    result = [
        Granularity(*key, len(cases), tuple(cases[:MAX_EXAMPLES]))
        for key, cases in errors_by_key.items()
    ]
    return sorted(result, key=lambda g: (-g.count, g.kind, g.label))


def overfitted_strings(
    pairs: Iterable[tuple[Sentence, Sentence]], training: Iterable[Sentence]
) -> list[OverfittedString]:
    """Finds strings whose label is not their most frequent one in training.

    A model that has memorized strings gets these wrong. Counts the gold spans
    of such strings, found or not, and the SPURIOUS spans.

    Args:
        pairs: Gold and predicted form of each sentence; not kept.
        training: Labelled training sentences of the model.

    Returns:
        The strings, once per gold label: entities first, then by descending
        number of predictions of training's label.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    known = _label_counts(training)
    cases_by_key: dict[tuple[str, str | None], _Cases] = {}
    for gold, predicted in pairs:
        expected = _labels_by_range(gold, "gold")
        guesses = _labels_by_range(predicted, "predicted")
        for range_, label in _places(expected, classify(gold, predicted)):
            text = gold.text[slice(*range_)]
            labels = known.get(text)
            here = expected.get(range_, ())
            if labels and not _is_most_frequent(labels, here):
                cases = cases_by_key.setdefault((text, label), _Cases(labels))
                cases.add(gold, guesses.get(range_, {None}))
    result = [cases.summary(*key) for key, cases in cases_by_key.items()]
    return sorted(
        result,
        key=lambda o: (o.gold is None, -o.followed, -o.count, o.text, o.gold),
    )


class _Cases:
    """All spans of one string and gold label."""

    def __init__(self, training: collections.Counter[str]) -> None:
        self._training = training
        self._predicted: collections.Counter[str | None] = collections.Counter()
        self._sentences: list[Sentence] = []

    def add(self, sentence: Sentence, guesses: Iterable[str | None]) -> None:
        self._sentences.append(sentence)
        self._predicted.update(guesses)

    def summary(self, text: str, gold: str | None) -> OverfittedString:
        learnt = _by_frequency(self._training)
        return OverfittedString(
            text=text,
            training=learnt,
            gold=gold,
            predicted=_by_frequency(self._predicted),
            count=len(self._sentences),
            followed=self._predicted[next(iter(learnt))],
            examples=tuple(self._sentences[:MAX_EXAMPLES]),
        )


def _label_counts(
    sentences: Iterable[Sentence],
) -> dict[str, collections.Counter[str]]:
    counts: dict[str, collections.Counter[str]] = {}
    for sentence in sentences:
        for range_, labels in _labels_by_range(sentence, "training").items():
            text = sentence.text[slice(*range_)]
            counts.setdefault(text, collections.Counter()).update(labels)
    return counts


def _labels_by_range(
    sentence: Sentence, side: str
) -> dict[tuple[int, int], set[str]]:
    labels: dict[tuple[int, int], set[str]] = {}
    for span in require_spans(sentence, side):
        labels.setdefault((span.start, span.end), set()).add(span.label)
    return labels


def _places(
    expected: dict[tuple[int, int], set[str]], errors: Iterable[Error]
) -> Iterator[tuple[tuple[int, int], str | None]]:
    """Yields every range with its gold label, or None if it is spurious."""
    for range_, labels in expected.items():
        for label in sorted(labels):
            yield range_, label
    for error in errors:
        if error.kind is ErrorClass.SPURIOUS:
            range_ = error.start, error.end
            if range_ not in expected:
                yield range_, None


def _is_most_frequent(
    training: collections.Counter[str], labels: Iterable[str]
) -> bool:
    maximum = max(training.values())
    return any(training[label] == maximum for label in labels)


def _by_frequency(counts: collections.Counter[_Label]) -> dict[_Label, int]:
    return dict(
        sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    )

"""What is mistaken for what: labels, granularity and over-fitted strings.

What the authors of earlier systems put together by hand from lists of errors.
"""

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
    """Labels of equal ranges, counted.

    Attributes:
        labels: Those of gold or predictions, in alphabetical order.
        counts: Row = gold label, column = predicted label, each followed by a
            last one for "none": the range is not on the other side, or all its
            labels there have gone to others. On the diagonal stand the
            correct spans. Sums of rows are the gold spans of the labels,
            sums of columns the predicted ones; none with none is 0.
    """

    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class LabelPair:
    """A gold label that was taken for another one.

    Attributes:
        gold: The gold label.
        predicted: The label that was predicted for it.
        count: Errors in which it was, whatever their class.
        same_range: Those of them whose range was right.
        examples: The first of them; those of the right range first.
    """

    gold: str
    predicted: str
    count: int
    same_range: int
    examples: tuple[Error, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Granularity:
    """Entities of one label that were cut into several, or glued to one.

    Attributes:
        kind: SPLIT or MERGED.
        label: The label of all the spans in question.
        count: How many errors.
        examples: The first of them.
    """

    kind: ErrorClass
    label: str
    count: int
    examples: tuple[Error, ...]


@dataclasses.dataclass(frozen=True, slots=True)
class OverfittedString:
    """A string whose label here is not the one that training mostly has.

    Attributes:
        text: The string.
        training: Its spans in training by label, the most frequent first.
        gold: Its label here; None where it is no entity but was predicted as
            one (SPURIOUS).
        predicted: How often each label was predicted for its very range; None
            stands for no label.
        count: How many spans of this string and gold label there are.
        followed: For how many of them training's label was predicted.
        examples: The first of their gold sentences.
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
    """Counts which label was predicted where gold has which.

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
        found = {span.key for span in require_spans(predicted, "predicted")}
        counts.update((key[2], key[2]) for key in expected & found)
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
    """Finds out which labels are taken for which.

    Args:
        errors: What `taxonomy.errors` found. One with several labels on a
            side counts for each pair of a gold and another predicted label.

    Returns:
        The pairs, the most frequent first.
    """
    found: dict[tuple[str, str], list[Error]] = {}
    for error in errors:
        gold = {span.label for span in error.gold}
        predicted = {span.label for span in error.predicted}
        for pair in itertools.product(gold, predicted):
            if pair[0] != pair[1]:
                found.setdefault(pair, []).append(error)
    result = []
    for pair, cases in found.items():
        exact = [e for e in cases if e.kind is ErrorClass.WRONG_LABEL]
        others = [e for e in cases if e.kind is not ErrorClass.WRONG_LABEL]
        examples = tuple([*exact, *others][:MAX_EXAMPLES])
        result.append(LabelPair(*pair, len(cases), len(exact), examples))
    return sorted(result, key=lambda p: (-p.count, p.gold, p.predicted))


def granularity(errors: Iterable[Error]) -> list[Granularity]:
    """Finds out which labels are cut into several or glued to one.

    Args:
        errors: What `taxonomy.errors` found; those whose labels changed do
            not count.

    Returns:
        The kinds and labels, the most frequent first.
    """
    found: dict[tuple[ErrorClass, str], list[Error]] = {}
    for error in errors:
        if error.kind in _GRANULARITY and not error.label_changed:
            key = error.kind, error.gold[0].label
            found.setdefault(key, []).append(error)
    result = [
        Granularity(*key, len(cases), tuple(cases[:MAX_EXAMPLES]))
        for key, cases in found.items()
    ]
    return sorted(result, key=lambda g: (-g.count, g.kind, g.label))


def overfitted_strings(
    pairs: Iterable[tuple[Sentence, Sentence]], training: Iterable[Sentence]
) -> list[OverfittedString]:
    """Finds strings whose label here is not the one training mostly has.

    A model that has learnt strings by heart gets these wrong. Counted are the
    gold spans of such strings, found or not, and the SPURIOUS spans.

    Args:
        pairs: Gold and predicted form of each sentence; not kept.
        training: The labelled sentences that the model was trained on.

    Returns:
        The strings, each once per gold label: those that are entities first,
        and those for which training's label was predicted most often.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    known = _label_counts(training)
    found: dict[tuple[str, str | None], _Cases] = {}
    for gold, predicted in pairs:
        expected = _labels_by_range(gold, "gold")
        guesses = _labels_by_range(predicted, "predicted")
        for range_, label in _places(expected, classify(gold, predicted)):
            text = gold.text[slice(*range_)]
            labels = known.get(text)
            here = expected.get(range_, ())
            if labels and not _is_most_frequent(labels, here):
                cases = found.setdefault((text, label), _Cases(labels))
                cases.add(gold, guesses.get(range_, {None}))
    result = [cases.summary(*key) for key, cases in found.items()]
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
    """Every range with its gold label, or None if it is spurious."""
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
    most = max(training.values())
    return any(training[label] == most for label in labels)


def _by_frequency(counts: collections.Counter[_Label]) -> dict[_Label, int]:
    return dict(
        sorted(counts.items(), key=lambda item: (-item[1], item[0] or ""))
    )

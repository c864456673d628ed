"""Classification of errors: of every wrong and every missed span.

A span is (start, end, label). The distinct predicted spans that are not gold
(wrong) and the distinct gold spans that were not predicted (unfound) of a
sentence each belong to exactly one `Error`. So the predicted spans of all
errors are the false positives of `Scores.micro`, and the gold ones its false
negatives.

The steps, each over the spans that the earlier ones left:

1. Equal range: wrong label. Several labels of one range are paired in
   alphabetical order.
2. Overlaps with a label in common, in this order:
   a. split: an unfound span that contains two or more wrong ones, which do not
      overlap one another and at least one of which has its label. Shorter
      gold spans come first; they take the wrong spans of their own label
      before others, wide before narrow, left before right.
   b. merged: the same with wrong and unfound spans exchanged.
   c. pairs of one unfound and one wrong span of equal label: those with the
      greatest overlap relative to the characters that either covers come
      first, then the left.
3. The same as 2 for any labels.
4. The remaining spans are alone: crossing, spurious or missed.
"""

from __future__ import annotations

import dataclasses
import enum
from collections.abc import Iterable, Iterator, Sequence

from biaffine_tf.evaluation.metrics import require_spans
from biaffine_tf.evaluation.ranges import Range, SpanRanges, holds
from biaffine_tf.spans import Sentence, Span


class ErrorClass(enum.StrEnum):
    """Class of an error; "contains" and "inside" allow one common end.

    Attributes:
        WRONG_LABEL: One gold and one predicted span of the same range.
        TOO_LONG: One gold span inside one predicted span.
        TOO_SHORT: One gold span that contains one predicted span.
        SHIFTED: One gold and one predicted span that overlap without nesting;
            the gold span is flat.
        SPLIT: One gold span that contains two or more predicted ones.
        MERGED: One predicted span that contains two or more gold ones.
        SPURIOUS: One predicted span without a gold span.
        MISSED: One gold span without a predicted span.
        CROSSING: As SHIFTED, but the gold span is nested: it contains or is
            inside another gold span. Or a predicted span alone that crosses a
            nested gold span, found or not, and would otherwise be SPURIOUS.
    """

    WRONG_LABEL = "wrong label"
    TOO_LONG = "too long"
    TOO_SHORT = "too short"
    SHIFTED = "shifted"
    SPLIT = "split"
    MERGED = "merged"
    SPURIOUS = "spurious"
    MISSED = "missed"
    CROSSING = "crossing"


@dataclasses.dataclass(frozen=True, slots=True)
class Error:
    """An error with all its spans.

    Attributes:
        kind: Class of the error.
        gold: Unfound gold spans from left to right: several if MERGED, none if
            SPURIOUS or CROSSING alone, else one.
        predicted: Wrong predicted spans from left to right: several if SPLIT,
            none if MISSED, else one.
        sentence: The gold sentence.
    """

    kind: ErrorClass
    gold: tuple[Span, ...]
    predicted: tuple[Span, ...]
    sentence: Sentence

    @property
    def label_changed(self) -> bool:
        """Whether a gold label differs from a predicted one."""
        sides = self.gold, self.predicted
        return all(sides) and len({s.label for side in sides for s in side}) > 1

    @property
    def start(self) -> int:
        """First character of the spans."""
        return min(span.start for span in (*self.gold, *self.predicted))

    @property
    def end(self) -> int:
        """One past the last character of the spans."""
        return max(span.end for span in (*self.gold, *self.predicted))


def errors(pairs: Iterable[tuple[Sentence, Sentence]]) -> list[Error]:
    """Classifies the errors of all sentences.

    Args:
        pairs: Gold and predicted form of each sentence, as returned by
            `match`; not kept.

    Returns:
        The errors, sentence by sentence.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    return [error for pair in pairs for error in classify(*pair)]


def classify(gold: Sentence, predicted: Sentence) -> list[Error]:
    """Classifies the errors of one sentence.

    Args:
        gold: Labelled sentence.
        predicted: The same text with predicted spans. Of duplicates, the one
            with the best score counts.

    Returns:
        The errors from left to right, whatever the order of the spans.

    Raises:
        DataError: If a sentence is unlabelled.
    """
    expected = _distinct(require_spans(gold, "gold"))
    guessed = _distinct(require_spans(predicted, "predicted"))
    unfound = [span for key, span in expected.items() if key not in guessed]
    wrong = [span for key, span in guessed.items() if key not in expected]
    gold_ranges = SpanRanges(expected.values())
    result = []
    for cluster in _clusters(unfound, wrong):
        cluster.pair_equal_ranges()
        for same_label in (True, False):
            cluster.take_splits(same_label)
            cluster.take_merges(same_label)
            cluster.take_pairs(same_label, gold_ranges)
        cluster.take_rest(gold_ranges)
        result += [Error(*parts, gold) for parts in cluster.taken]
    return sorted(
        result, key=lambda e: (e.start, e.end, e.kind, e.gold, e.predicted)
    )


_Taken = tuple[ErrorClass, tuple[Span, ...], tuple[Span, ...]]


class _Cluster:
    """Unfound and wrong spans that are connected by overlaps."""

    def __init__(self) -> None:
        self.gold: list[Span] = []
        self.predicted: list[Span] = []
        self.taken: list[_Taken] = []

    def pair_equal_ranges(self) -> None:
        for gold in sorted(self.gold):
            for predicted in sorted(self.predicted):
                if _range(gold) == _range(predicted):
                    self._take(ErrorClass.WRONG_LABEL, [gold], [predicted])
                    break

    def take_splits(self, same_label: bool) -> None:
        for whole in sorted(self.gold, key=_width_first):
            parts = _parts(whole, self.predicted, same_label)
            if parts:
                self._take(ErrorClass.SPLIT, [whole], parts)

    def take_merges(self, same_label: bool) -> None:
        for whole in sorted(self.predicted, key=_width_first):
            parts = _parts(whole, self.gold, same_label)
            if parts:
                self._take(ErrorClass.MERGED, parts, [whole])

    def take_pairs(self, same_label: bool, all_gold: SpanRanges) -> None:
        pairs = [
            (gold, predicted)
            for gold in self.gold
            for predicted in self.predicted
            if _common(gold, predicted)
            and (not same_label or gold.label == predicted.label)
        ]
        for gold, predicted in sorted(pairs, key=_best_first):
            if gold in self.gold and predicted in self.predicted:
                kind = _boundary_class(gold, predicted, all_gold)
                self._take(kind, [gold], [predicted])

    def take_rest(self, all_gold: SpanRanges) -> None:
        for predicted in self.predicted.copy():
            range_ = _range(predicted)
            crossing = any(
                _crosses(range_, other) and all_gold.is_nested(other)
                for other in all_gold.overlapping(range_)
            )
            kind = ErrorClass.CROSSING if crossing else ErrorClass.SPURIOUS
            self._take(kind, [], [predicted])
        for gold in self.gold.copy():
            self._take(ErrorClass.MISSED, [gold], [])

    def _take(
        self,
        kind: ErrorClass,
        gold: Sequence[Span],
        predicted: Sequence[Span],
    ) -> None:
        self.taken.append((kind, tuple(sorted(gold)), tuple(sorted(predicted))))
        for span in gold:
            self.gold.remove(span)
        for span in predicted:
            self.predicted.remove(span)


def _clusters(
    gold: Iterable[Span], predicted: Iterable[Span]
) -> Iterator[_Cluster]:
    """Yields clusters without overlaps between them, for speed."""
    spans = [(span, True) for span in gold]
    spans += [(span, False) for span in predicted]
    spans.sort(key=lambda item: item[0].start)
    cluster, end = _Cluster(), 0
    for span, is_gold in spans:
        if span.start >= end and end:
            yield cluster
            cluster = _Cluster()
        (cluster.gold if is_gold else cluster.predicted).append(span)
        end = max(end, span.end)
    yield cluster


def _parts(whole: Span, others: Iterable[Span], same_label: bool) -> list[Span]:
    """Returns disjoint spans inside one; none if there are fewer than two."""
    parts: list[Span] = []
    inside = (span for span in others if holds(_range(whole), _range(span)))
    for span in sorted(
        inside, key=lambda s: (s.label != whole.label, s.start - s.end, s.key)
    ):
        if not any(_common(span, part) for part in parts):
            parts.append(span)
    if len(parts) < 2 or (same_label and parts[0].label != whole.label):
        return []
    return parts


def _boundary_class(
    gold: Span, predicted: Span, all_gold: SpanRanges
) -> ErrorClass:
    if holds(_range(predicted), _range(gold)):
        return ErrorClass.TOO_LONG
    if holds(_range(gold), _range(predicted)):
        return ErrorClass.TOO_SHORT
    if all_gold.is_nested(_range(gold)):
        return ErrorClass.CROSSING
    return ErrorClass.SHIFTED


def _best_first(pair: tuple[Span, Span]) -> tuple[object, ...]:
    gold, predicted = pair
    common = _common(gold, predicted)
    covered = max(gold.end, predicted.end) - min(gold.start, predicted.start)
    # Symmetric: exchanging gold and predictions exchanges the classes.
    return -common / covered, sorted((gold.key, predicted.key))


def _width_first(span: Span) -> tuple[int, tuple[int, int, str]]:
    return span.end - span.start, span.key


def _common(a: Span, b: Span) -> int:
    return max(min(a.end, b.end) - max(a.start, b.start), 0)


def _crosses(a: Range, b: Range) -> bool:
    return a[0] < b[0] < a[1] < b[1] or b[0] < a[0] < b[1] < a[1]


def _range(span: Span) -> Range:
    return span.start, span.end


def _distinct(spans: Iterable[Span]) -> dict[tuple[int, int, str], Span]:
    best: dict[tuple[int, int, str], Span] = {}
    for span in spans:
        best[span.key] = max(best.get(span.key, span), span, key=_score)
    return best


def _score(span: Span) -> float:
    return -1.0 if span.score is None else span.score

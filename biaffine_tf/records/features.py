"""Features: what the model is trained on, from a sentence.

A long sentence becomes several examples, one per window. A span is in the
matrix of every window that contains it: spans in overlaps are seen more than
once in an epoch, and so are the pairs around them.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from biaffine_tf.errors import DataError
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import (
    NO_CONTEXT,
    Alignment,
    Context,
    Tokenizer,
    Windowing,
    Windows,
    align,
    surround,
    to_characters,
)
from biaffine_tf.tokenization.alignment import Offsets


@dataclasses.dataclass(frozen=True, slots=True)
class Features:
    """Features of a window of a sentence.

    Attributes:
        input_ids: `[CLS] tokens [SEP]`.
        context: Whether each of them is context around the sentence.
        cells: Gold spans: (first token, last token, label id), counted from
            the first token of the window without its context.
        soft: Spans of teachers with their probability, likewise, those of a
            pair in sequence; None if there are no teachers.
        is_labelled: Whether the sentence has gold spans, not only `soft`.
        pseudo: Weight of a sentence with pseudo labels, 0 if its labels are
            gold; None if there are no pseudo labels in the records.
        hidden: Ids of labels that its source does not label.
    """

    input_ids: list[int]
    context: list[bool]
    cells: list[tuple[int, int, int]]
    soft: list[tuple[int, int, int, float]] | None = None
    is_labelled: bool = True
    pseudo: float | None = None
    hidden: tuple[int, ...] = ()

    @property
    def num_tokens(self) -> int:
        """L, the number of tokens with context, without [CLS] and [SEP]."""
        return len(self.input_ids) - 2

    @property
    def num_scored(self) -> int:
        """Number of tokens without context, [CLS] and [SEP]."""
        return len(self.input_ids) - sum(self.context) - 2


class Featurized(NamedTuple):
    """Features of a sentence.

    Attributes:
        windows: Features of each window; none for a sentence without tokens.
        widths: Width in tokens of each span in the matrix of some window.
    """

    windows: list[Features]
    widths: list[int]


@dataclasses.dataclass(slots=True)
class Counts:
    """Counts of sentences and spans, including all that are lost.

    Attributes:
        sentences: Sentences written.
        spans: Gold spans of these sentences.
        cells: Spans in the span matrix of some window.
        windows: Windows written.
        windowed_sentences: Sentences longer than `max_seq_length`, divided.
        empty_sentences: Sentences left out because they have no token.
        cut_sentences: Sentences longer than `max_seq_length`, truncated.
        cut_spans: Spans beyond the truncation.
        split_spans: Spans that no window contains.
        unaligned_spans: Spans whose ends are not token boundaries.
        duplicate_spans: Spans with the range and label of an earlier one.
        conflicting_spans: Spans with the range of an earlier one and another
            label, where the span matrix holds only the first label.
        unknown_label_spans: Spans of labels that the model does not have.
        wide_spans: Cells wider than the model's `max_span_width`. Counted
            where the model is known; records are independent of it.
    """

    sentences: int = 0
    spans: int = 0
    cells: int = 0
    windows: int = 0
    windowed_sentences: int = 0
    empty_sentences: int = 0
    cut_sentences: int = 0
    cut_spans: int = 0
    split_spans: int = 0
    unaligned_spans: int = 0
    duplicate_spans: int = 0
    conflicting_spans: int = 0
    unknown_label_spans: int = 0
    wide_spans: int = 0

    def add(self, other: Counts) -> None:
        """Adds the counts of another part of the corpus."""
        for field in dataclasses.fields(self):
            mine, theirs = (getattr(c, field.name) for c in (self, other))
            setattr(self, field.name, mine + theirs)

    @property
    def losses(self) -> dict[str, int]:
        """Counts of what was left out, where not zero."""
        kept = ("sentences", "spans", "cells", "windows", "windowed_sentences")
        return {
            name: count
            for name, count in dataclasses.asdict(self).items()
            if name not in kept and count
        }


@dataclasses.dataclass(slots=True)
class SoftCounts:
    """Counts of the spans of teachers.

    Attributes:
        spans: Spans with a score.
        unaligned: Of them, those whose ends are not token boundaries.
        split: Those that no window contains.
        max_cells: Maximum number of cells in a window.
        widths: Number of cells by width in tokens; one in two windows counts
            twice.
    """

    spans: int = 0
    unaligned: int = 0
    split: int = 0
    max_cells: int = 0
    widths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )

    def add(self, other: SoftCounts) -> None:
        """Adds the counts of another part of the corpus."""
        self.spans += other.spans
        self.unaligned += other.unaligned
        self.split += other.split
        self.max_cells = max(self.max_cells, other.max_cells)
        self.widths.update(other.widths)

    def to_json(self) -> dict[str, Any]:
        """Returns the counts as JSON values."""
        widths = {str(k): v for k, v in sorted(self.widths.items())}
        values = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
        }
        return values | {"widths": widths}


def featurize(
    sentence: Sentence,
    tokenizer: Tokenizer,
    labels: LabelMap,
    *,
    windowing: Windowing,
    counts: Counts,
    context: Context = NO_CONTEXT,
    count_unknown: bool = False,
    soft: Sequence[Span] | None = None,
    soft_counts: SoftCounts | None = None,
    several_labels: bool = False,
    pseudo: float | None = None,
) -> Featurized:
    """Computes the features of a sentence, and counts losses.

    Args:
        sentence: Sentence, with gold spans or without.
        tokenizer: Tokenizer of the model.
        labels: Labels of the span matrix.
        windowing: Treatment of long sentences.
        counts: Counts to add to.
        context: Context of the sentence; ignored if it is divided.
        count_unknown: Whether to count and leave out spans of labels that
            `labels` lacks, instead of raising an error.
        soft: Spans of teachers, with distinct ranges and labels; None if there
            are no teachers.
        soft_counts: Counts of them, to add to.
        several_labels: Whether a range keeps all of its labels, not only the
            first.
        pseudo: See `Features`.

    Returns:
        Features of each window.

    Raises:
        DataError: If a span has an unknown label, unless these are counted;
            or if the sentence is too long and long sentences are an error.
    """
    tokens = tokenizer.encode(sentence.text)
    windows = windowing.divide(sentence, tokens)
    spans = sentence.spans or ()
    known = [span for span in spans if span.label in labels]
    if len(known) < len(spans) and not count_unknown:
        raise _unknown_label(sentence, labels)
    counts.unknown_label_spans += len(spans) - len(known)
    aligned = align(known, tokens.offsets)
    is_cut = windowing.is_cut(tokens)
    matrix = _fill_matrix(
        aligned,
        windows,
        labels,
        counts,
        is_cut=is_cut,
        several_labels=several_labels,
    )
    counts.spans += len(spans)
    counts.cells += len(matrix)
    if windows:
        counts.sentences += 1
        counts.windows += len(windows)
        counts.windowed_sentences += len(windows) > 1
        counts.cut_sentences += is_cut
    else:
        counts.empty_sentences += 1
    cells: list[list[tuple[int, int, int]]] = [[] for _ in windows]
    for first, last, label in matrix:
        for index in windows.holding(first, last):
            start = windows[index].start
            cells[index].append((first - start, last - start, label))
    if len(windows) > 1:
        context = NO_CONTEXT
    soft_cells: list[Any] = [None] * len(cells)
    if soft is not None:
        soft_cells = _soft_cells(
            soft, tokens.offsets, windows, labels, soft_counts or SoftCounts()
        )
    hidden = _hidden_labels(sentence, labels)
    features = []
    for (start, end), own_cells, own_soft in zip(
        windows, cells, soft_cells, strict=True
    ):
        ids, is_context = surround(
            [int(token) for token in tokens.ids[start:end]],
            context,
            max_tokens=windowing.max_tokens,
        )
        features.append(
            Features(
                [tokenizer.cls_id, *ids, tokenizer.sep_id],
                [False, *is_context, False],
                own_cells,
                own_soft,
                sentence.spans is not None,
                pseudo,
                hidden,
            )
        )
    return Featurized(
        features,
        [last - first + 1 for first, last, _ in matrix],
    )


def _hidden_labels(sentence: Sentence, labels: LabelMap) -> tuple[int, ...]:
    """Returns the ids of the labels that the source does not label."""
    labelled = sentence.labelled
    if labelled is None:
        return ()
    return tuple(labels.id(name) for name in labels if name not in labelled)


def _fill_matrix(
    aligned: Alignment,
    windows: Windows,
    labels: LabelMap,
    counts: Counts,
    *,
    is_cut: bool,
    several_labels: bool,
) -> list[tuple[int, int, int]]:
    """Returns first, last and label of spans in a window; counts others."""
    counts.unaligned_spans += len(aligned.unaligned)
    matrix: dict[tuple[int, int], list[int]] = {}
    for first, last, name in aligned.cells:
        label = labels.id(name)
        if not windows.holding(first, last):
            if is_cut:
                counts.cut_spans += 1
            else:
                counts.split_spans += 1
        elif (first, last) not in matrix:
            matrix[first, last] = [label]
        elif label in matrix[first, last]:
            counts.duplicate_spans += 1
        elif several_labels:
            matrix[first, last].append(label)
        else:
            counts.conflicting_spans += 1
    return [(*pair, label) for pair, own in matrix.items() for label in own]


def _soft_cells(
    soft: Sequence[Span],
    offsets: Offsets,
    windows: Windows,
    labels: LabelMap,
    counts: SoftCounts,
) -> list[list[tuple[int, int, int, float]]]:
    """Returns the cells of teachers' spans in each window, sorted."""
    scores = {span.key: span.score or 0.0 for span in soft}
    aligned = align(soft, offsets)
    counts.spans += len(soft)
    counts.unaligned += len(aligned.unaligned)
    cells: list[list[tuple[int, int, int, float]]] = [[] for _ in windows]
    for first, last, name in aligned.cells:
        score = scores[*to_characters(first, last, offsets), name]
        holding = windows.holding(first, last)
        counts.split += not holding
        for index in holding:
            start = windows[index].start
            cells[index].append(
                (first - start, last - start, labels.id(name), score)
            )
            counts.widths[last - first + 1] += 1
    counts.max_cells = max([counts.max_cells, *map(len, cells)])
    return [sorted(own) for own in cells]


def collect_labels(spans: Iterable[Span]) -> LabelMap:
    """Returns the labels of spans, sorted."""
    names = collections.Counter(span.label for span in spans)
    return LabelMap(sorted(names))


def _unknown_label(sentence: Sentence, labels: LabelMap) -> DataError:
    names = (span.label for span in sentence.spans or ())
    unknown = next(name for name in names if name not in labels)
    return DataError(
        f"label {unknown!r} is not among the {len(labels)} labels of the "
        f"training data: {list(labels)}",
        file=sentence.file,
        line=sentence.line,
        remedy="correct the label, or train on data that has it",
    )

"""From a sentence to what the model is trained on.

A long sentence becomes several examples, one for each of its windows. A span
is in the matrix of every window that holds it whole: spans where windows
overlap are seen more than once in an epoch, and so are the pairs around them.
"""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable
from typing import NamedTuple

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
)


@dataclasses.dataclass(frozen=True, slots=True)
class Features:
    """A window of a sentence as the model sees it.

    Attributes:
        input_ids: `[CLS] tokens [SEP]`.
        context: Which of them are of context around the sentence.
        cells: Gold spans: (first token, last token, label id), counted from
            the first token of the window without its context.
    """

    input_ids: list[int]
    context: list[bool]
    cells: list[tuple[int, int, int]]

    @property
    def num_tokens(self) -> int:
        """L of this window, context included, [CLS] and [SEP] apart."""
        return len(self.input_ids) - 2

    @property
    def num_scored(self) -> int:
        """Tokens of this window that are not context, [CLS] and [SEP] apart."""
        return len(self.input_ids) - sum(self.context) - 2


class Featurized(NamedTuple):
    """A sentence as the model sees it.

    Attributes:
        windows: One for a sentence that fits, none for one without tokens.
        widths: Tokens of each span that is in the matrix of some window.
    """

    windows: list[Features]
    widths: list[int]


@dataclasses.dataclass(slots=True)
class Counts:
    """What became of sentences and spans; nothing is lost unsaid.

    Attributes:
        sentences: Sentences written.
        spans: Their gold spans.
        cells: Spans that are in the span matrix of some window.
        windows: Windows written: one a sentence, but for windowed ones.
        windowed_sentences: Longer than `max_seq_length`, in several windows.
        empty_sentences: Left out because they have no token at all.
        cut_sentences: Longer than `max_seq_length`, cut.
        cut_spans: Spans beyond the cut.
        split_spans: Spans that no window holds whole.
        unaligned_spans: Spans whose ends are not token boundaries.
        duplicate_spans: Same range and label again.
        conflicting_spans: Same range as an earlier span of another label; a
            span matrix holds one label a cell, the first is kept.
        unknown_label_spans: Spans of labels that the model does not have.
        wide_spans: Cells wider than the model's `max_span_width`. Counted
            where the model is known; records serve models of any width.
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
        """The counts that mean something was left out, where not zero."""
        kept = ("sentences", "spans", "cells", "windows", "windowed_sentences")
        return {
            name: count
            for name, count in dataclasses.asdict(self).items()
            if name not in kept and count
        }


def featurize(
    sentence: Sentence,
    tokenizer: Tokenizer,
    labels: LabelMap,
    *,
    windowing: Windowing,
    counts: Counts,
    context: Context = NO_CONTEXT,
    count_unknown: bool = False,
) -> Featurized:
    """Turns a sentence into features and counts what does not fit.

    Args:
        sentence: With gold spans, or without (no cells then).
        tokenizer: Text to tokens.
        labels: The labels of the span matrix.
        windowing: What becomes of longer sentences.
        counts: Added to.
        context: Around the sentence; not used for those in several windows.
        count_unknown: Count spans of labels that `labels` lacks, and leave
            them out, rather than raise.

    Returns:
        The features of each window.

    Raises:
        DataError: If a span has a label that `labels` lacks, unless they are
            counted, or if the sentence is too long and that is an error.
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
    matrix = _fill_matrix(aligned, windows, labels, counts, is_cut=is_cut)
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
    for (first, last), label in matrix.items():
        for index in windows.holding(first, last):
            start = windows[index].start
            cells[index].append((first - start, last - start, label))
    if len(windows) > 1:
        context = NO_CONTEXT
    features = []
    for (start, end), own_cells in zip(windows, cells, strict=True):
        ids, is_context = surround(
            [int(one) for one in tokens.ids[start:end]],
            context,
            max_tokens=windowing.max_tokens,
        )
        features.append(
            Features(
                [tokenizer.cls_id, *ids, tokenizer.sep_id],
                [False, *is_context, False],
                own_cells,
            )
        )
    return Featurized(
        features,
        [last - first + 1 for first, last in matrix],
    )


def _fill_matrix(
    aligned: Alignment,
    windows: Windows,
    labels: LabelMap,
    counts: Counts,
    *,
    is_cut: bool,
) -> dict[tuple[int, int], int]:
    """Label of each (first, last) that a window holds; the rest is counted."""
    counts.unaligned_spans += len(aligned.unaligned)
    matrix: dict[tuple[int, int], int] = {}
    for first, last, name in aligned.cells:
        label = labels.id(name)
        if not windows.holding(first, last):
            if is_cut:
                counts.cut_spans += 1
            else:
                counts.split_spans += 1
        elif (first, last) not in matrix:
            matrix[first, last] = label
        elif matrix[first, last] == label:
            counts.duplicate_spans += 1
        else:
            counts.conflicting_spans += 1
    return matrix


def collect_labels(spans: Iterable[Span]) -> LabelMap:
    """The labels of some spans, in sorted order."""
    names = collections.Counter(span.label for span in spans)
    return LabelMap(sorted(names))


def _unknown_label(sentence: Sentence, labels: LabelMap) -> DataError:
    """The error for the first span whose label is unknown."""
    names = (span.label for span in sentence.spans or ())
    unknown = next(name for name in names if name not in labels)
    return DataError(
        f"label {unknown!r} is not among the {len(labels)} labels of the "
        f"training data: {list(labels)}",
        file=sentence.file,
        line=sentence.line,
        remedy="correct the label, or train on data that has it",
    )

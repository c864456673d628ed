"""From a sentence to what the model is trained on."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Iterable

from biaffine_tf.errors import DataError
from biaffine_tf.spans import LabelMap, Sentence, Span
from biaffine_tf.tokenization import Tokenizer, align


@dataclasses.dataclass(frozen=True, slots=True)
class Features:
    """A sentence as the model sees it.

    Attributes:
        input_ids: `[CLS] pieces [SEP]`.
        cells: Non-zero cells of the span matrix: (first piece, last piece,
            label id).
    """

    input_ids: list[int]
    cells: list[tuple[int, int, int]]

    @property
    def num_pieces(self) -> int:
        """L of this sentence, [CLS] and [SEP] apart."""
        return len(self.input_ids) - 2

    @property
    def widths(self) -> list[int]:
        """Pieces of the span of each cell."""
        return [last - first + 1 for first, last, _ in self.cells]


@dataclasses.dataclass(slots=True)
class Counts:
    """What became of sentences and spans; nothing is lost unsaid.

    Attributes:
        sentences: Sentences written.
        spans: Their gold spans.
        cells: Non-zero cells of their span matrices.
        empty_sentences: Left out because they have no piece at all.
        cut_sentences: Longer than `max_seq_length`, cut.
        cut_spans: Spans beyond the cut.
        unaligned_spans: Spans whose ends are not piece boundaries.
        duplicate_spans: Same range and label again.
        conflicting_spans: Same range as an earlier span of another label; a
            span matrix holds one label a cell, the first is kept.
        wide_spans: Cells wider than the model's `max_span_width`. Counted
            where the model is known; records serve models of any width.
    """

    sentences: int = 0
    spans: int = 0
    cells: int = 0
    empty_sentences: int = 0
    cut_sentences: int = 0
    cut_spans: int = 0
    unaligned_spans: int = 0
    duplicate_spans: int = 0
    conflicting_spans: int = 0
    wide_spans: int = 0

    def add(self, other: Counts) -> None:
        """Adds the counts of another part of the corpus."""
        for field in dataclasses.fields(self):
            mine, theirs = (getattr(c, field.name) for c in (self, other))
            setattr(self, field.name, mine + theirs)

    @property
    def losses(self) -> dict[str, int]:
        """The counts that mean something was left out, where not zero."""
        kept = ("sentences", "spans", "cells")
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
    max_pieces: int,
    counts: Counts,
) -> Features | None:
    """Turns a sentence into features and counts what does not fit.

    Args:
        sentence: With gold spans, or without (no cells then).
        tokenizer: Text to pieces.
        labels: The labels of the span matrix.
        max_pieces: Longer sentences are cut here.
        counts: Added to.

    Returns:
        The features, or None for a sentence without any piece.

    Raises:
        DataError: If a span has a label that `labels` lacks.
    """
    pieces = tokenizer.encode(sentence.text)
    length = min(len(pieces.ids), max_pieces)
    spans = sentence.spans or ()
    counts.sentences += 1
    counts.spans += len(spans)
    if not length:
        counts.sentences -= 1
        counts.empty_sentences += 1
        counts.unaligned_spans += len(spans)
        return None
    counts.cut_sentences += length < len(pieces.ids)
    aligned, unaligned = align(spans, pieces.offsets)
    counts.unaligned_spans += len(unaligned)
    matrix: dict[tuple[int, int], int] = {}
    for first, last, name in aligned:
        label = _label_id(labels, name, sentence)
        if last >= length:
            counts.cut_spans += 1
        elif (first, last) not in matrix:
            matrix[first, last] = label
        elif matrix[first, last] == label:
            counts.duplicate_spans += 1
        else:
            counts.conflicting_spans += 1
    counts.cells += len(matrix)
    ids = [tokenizer.cls_id, *pieces.ids[:length], tokenizer.sep_id]
    return Features(
        [int(i) for i in ids],
        [(first, last, label) for (first, last), label in matrix.items()],
    )


def check_labels(sentences: Iterable[Sentence], labels: LabelMap) -> None:
    """Raises DataError at the first span whose label is unknown."""
    for sentence in sentences:
        for span in sentence.spans or ():
            _label_id(labels, span.label, sentence)


def collect_labels(spans: Iterable[Span]) -> LabelMap:
    """The labels of some spans, in sorted order."""
    names = collections.Counter(span.label for span in spans)
    return LabelMap(sorted(names))


def _label_id(labels: LabelMap, name: str, sentence: Sentence) -> int:
    try:
        return labels.id(name)
    except KeyError:
        raise DataError(
            f"label {name!r} is not among the {len(labels)} labels of the "
            f"training data: {list(labels)}",
            file=sentence.file,
            line=sentence.line,
            remedy="correct the label, or train on data that has it",
        ) from None

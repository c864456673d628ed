"""Summary of a file: counts of sentences, spans, labels and problems."""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import os
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from biaffine_tf.formats import Format, Problems, ReadOptions, open_data
from biaffine_tf.spans import Sentence, Span

SIMILAR_LABELS = "labels that differ in case or white space only"
_QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


class Overlaps(NamedTuple):
    """Counts of overlapping, nested and repeated spans of a sentence.

    Attributes:
        overlapping: Spans that share a character with another one.
        nested: Spans inside a longer one.
        crossing: Pairs of spans that overlap without nesting.
        duplicates: Repeated spans with the same label.
        relabelled: Ranges with several labels.
    """

    overlapping: int = 0
    nested: int = 0
    crossing: int = 0
    duplicates: int = 0
    relabelled: int = 0


class Distinct:
    """Set of texts, stored as digests of a few bytes each."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def add(self, text: str) -> bool:
        """Adds a text; returns whether it is new."""
        before = len(self._digests)
        self._digests.add(_digest(text))
        return len(self._digests) > before

    def __contains__(self, text: str) -> bool:
        return _digest(text) in self._digests


def _digest(text: str) -> bytes:
    return hashlib.blake2b(text.encode("utf-8"), digest_size=8).digest()


@dataclasses.dataclass
class Statistics:
    """Counts over sentences.

    Attributes:
        sentences: Number of sentences.
        unlabelled: Sentences without labels (spans unknown).
        without_spans: Labelled sentences without a span.
        characters: Characters of all texts.
        tokens: Words, of sentences that came in words.
        duplicate_texts: Sentences with the text of an earlier one.
        duplicate_ids: Sentences with the id of an earlier one.
        with_overlap: Sentences with overlapping spans.
        overlaps: Counts of overlaps, summed over sentences.
        labels: Number of spans by label.
        lengths: Number of sentences by length in characters.
        widths: Number of spans by width in characters.
    """

    sentences: int = 0
    unlabelled: int = 0
    without_spans: int = 0
    characters: int = 0
    tokens: int = 0
    duplicate_texts: int = 0
    duplicate_ids: int = 0
    with_overlap: int = 0
    overlaps: Overlaps = dataclasses.field(default_factory=Overlaps)
    labels: collections.Counter[str] = dataclasses.field(
        default_factory=collections.Counter
    )
    lengths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )
    widths: collections.Counter[int] = dataclasses.field(
        default_factory=collections.Counter
    )

    @property
    def spans(self) -> int:
        """Number of spans."""
        return self.labels.total()

    def add(self, sentence: Sentence) -> None:
        """Counts a sentence, except duplicates of texts and ids."""
        self.sentences += 1
        self.characters += len(sentence.text)
        self.lengths[len(sentence.text)] += 1
        self.tokens += len(sentence.words or ())
        self.unlabelled += sentence.spans is None
        self.without_spans += sentence.spans == ()
        overlaps = count_overlaps(sentence.spans or ())
        self.with_overlap += overlaps.overlapping > 0
        self.overlaps = Overlaps(
            *(a + b for a, b in zip(self.overlaps, overlaps, strict=True))
        )
        for span in sentence.spans or ():
            self.labels[span.label] += 1
            self.widths[span.end - span.start] += 1


@dataclasses.dataclass(kw_only=True)
class Summary(Statistics):
    """Counts over the sentences of one file.

    Attributes:
        file: Path as the user gave it.
        format: Format of the file.
        reading: Columns, tags and joining that were chosen; "" if none.
        problems: Skipped and repaired input.
    """

    file: str
    format: Format
    reading: str = ""
    problems: Problems = dataclasses.field(default_factory=Problems)

    def to_json(self) -> dict[str, Any]:
        """Converts the summary to JSON values."""
        return {
            "file": self.file,
            "format": str(self.format),
            **({"reading": self.reading} if self.reading else {}),
            "sentences": self.sentences,
            "unlabelled_sentences": self.unlabelled,
            "sentences_without_spans": self.without_spans,
            "sentences_with_overlap": self.with_overlap,
            "characters": self.characters,
            "tokens": self.tokens,
            "duplicate_texts": self.duplicate_texts,
            "duplicate_ids": self.duplicate_ids,
            "length": quantiles(self.lengths),
            "spans": self.spans,
            "labels": dict(self.labels.most_common()),
            "span_width": quantiles(self.widths),
            "overlapping_spans": self.overlaps.overlapping,
            "nested_spans": self.overlaps.nested,
            "crossing_pairs": self.overlaps.crossing,
            "duplicate_spans": self.overlaps.duplicates,
            "ranges_with_several_labels": self.overlaps.relabelled,
            "problems": self.problems.to_json(),
        }


def summarize(
    path: str | os.PathLike[str], options: ReadOptions | None = None
) -> Summary:
    """Reads a file once and summarizes it.

    Args:
        path: Path of the file.
        options: Options for reading it.

    Returns:
        The summary. Takes a few bytes of memory per sentence, to find
        repeated texts and ids.

    Raises:
        DataError: If the file cannot be read.
    """
    problems = Problems()
    texts, ids = Distinct(), Distinct()
    with open_data(path, options or ReadOptions(), problems) as data:
        summary = Summary(file=data.file, format=data.format, problems=problems)
        for sentence in data.sentences():
            if not summary.sentences:
                summary.reading = data.reading
            summary.add(sentence)
            summary.duplicate_texts += not texts.add(sentence.text)
            if sentence.id is not None:
                summary.duplicate_ids += not ids.add(sentence.id)
    for spellings in similar_labels(summary.labels):
        problems.count(SIMILAR_LABELS, f"{summary.file}: {spellings}")
    return summary


def similar_labels(labels: Mapping[str, int]) -> list[str]:
    """Finds labels that differ in case and white space only.

    Args:
        labels: Number of spans by label.

    Returns:
        Each group with its counts, such as "'PER' (4), 'per' (1)".
    """
    groups: dict[str, list[str]] = {}
    for label in sorted(labels):
        key = "".join(label.split()).casefold()
        groups.setdefault(key, []).append(f"{label!r} ({labels[label]})")
    return [", ".join(group) for group in groups.values() if len(group) > 1]


def count_overlaps(spans: Iterable[Span]) -> Overlaps:
    """Counts overlaps among the spans of one sentence.

    Args:
        spans: Spans in any order.

    Returns:
        The counts; a repeated span counts once in all but `duplicates`.
    """
    spans = list(spans)
    keys = {span.key for span in spans}
    labels = collections.Counter((start, end) for start, end, _ in keys)
    ranges = sorted(labels, key=lambda r: (r[0], -r[1]))
    relabelled = {range_ for range_ in ranges if labels[range_] > 1}
    overlapping = set(relabelled)
    nested: set[tuple[int, int]] = set()
    crossing = 0
    for index, outer in enumerate(ranges):
        for position in range(index + 1, len(ranges)):
            inner = ranges[position]
            if inner[0] >= outer[1]:
                break
            overlapping |= {outer, inner}
            if inner[1] <= outer[1]:
                nested.add(inner)
            else:
                crossing += labels[outer] * labels[inner]
    return Overlaps(
        overlapping=sum(labels[range_] for range_ in overlapping),
        nested=sum(labels[range_] for range_ in nested),
        crossing=crossing,
        duplicates=len(spans) - len(keys),
        relabelled=len(relabelled),
    )


def quantiles(counts: collections.Counter[int]) -> dict[str, int]:
    """Computes quantiles of counted numbers.

    Args:
        counts: Count of each number.

    Returns:
        Smallest number that reaches each quantile; empty if there are no
        numbers.
    """
    total = counts.total()
    result: dict[str, int] = {}
    below = 0
    for value, amount in sorted(counts.items()):
        below += amount
        for name, share in _QUANTILES.items():
            if below >= share * total:
                result.setdefault(name, value)
    return result

"""What is in a file: counts that one wants to see before training."""

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
    """How the spans of a sentence lie to each other.

    Attributes:
        overlapping: Spans that share a character with another one.
        nested: Spans inside a longer one.
        crossing: Pairs that overlap, neither inside the other.
        duplicates: Repetitions of a span with its label.
        relabelled: Ranges with several labels.
    """

    overlapping: int = 0
    nested: int = 0
    crossing: int = 0
    duplicates: int = 0
    relabelled: int = 0


class Distinct:
    """Texts that were met, as a few bytes each."""

    def __init__(self) -> None:
        self._digests: set[bytes] = set()

    def add(self, text: str) -> bool:
        """Adds a text; whether it is new."""
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
        tokens: Tokens, of sentences that came in tokens.
        duplicate_texts: Sentences whose text came before.
        duplicate_ids: Sentences whose id came before.
        with_overlap: Sentences with overlapping spans.
        overlaps: Sums over the sentences.
        labels: Spans of each label.
        lengths: Sentences of each length in characters.
        widths: Spans of each width in characters.
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
        """Counts a sentence, except whether text or id came before."""
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
        file: The file as the user named it.
        format: Its format.
        problems: What was skipped or repaired on reading.
    """

    file: str
    format: Format
    problems: Problems = dataclasses.field(default_factory=Problems)

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return {
            "file": self.file,
            "format": str(self.format),
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
    """Reads a file once and counts what is in it.

    Args:
        path: The file.
        options: How to read it.

    Returns:
        The counts. Memory grows by a few bytes a sentence, to find texts and
        identifiers that repeat.

    Raises:
        DataError: If the file cannot be read.
    """
    problems = Problems()
    texts, ids = Distinct(), Distinct()
    with open_data(path, options or ReadOptions(), problems) as data:
        summary = Summary(
            file=data.source.file, format=data.format, problems=problems
        )
        for sentence in data.sentences():
            summary.add(sentence)
            summary.duplicate_texts += not texts.add(sentence.text)
            if sentence.id is not None:
                summary.duplicate_ids += not ids.add(sentence.id)
    for spellings in similar_labels(summary.labels):
        problems.count(SIMILAR_LABELS, f"{summary.file}: {spellings}")
    return summary


def similar_labels(labels: Mapping[str, int]) -> list[str]:
    """Labels that are the same but for case and white space.

    Args:
        labels: Spans of each label.

    Returns:
        Each group of them with its spans, such as "'PER' (4), 'per' (1)".
    """
    groups: dict[str, list[str]] = {}
    for label in sorted(labels):
        key = "".join(label.split()).casefold()
        groups.setdefault(key, []).append(f"{label!r} ({labels[label]})")
    return [", ".join(group) for group in groups.values() if len(group) > 1]


def count_overlaps(spans: Iterable[Span]) -> Overlaps:
    """Counts how the spans of one sentence lie to each other.

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
        overlapping=sum(labels[found] for found in overlapping),
        nested=sum(labels[found] for found in nested),
        crossing=crossing,
        duplicates=len(spans) - len(keys),
        relabelled=len(relabelled),
    )


def quantiles(counts: collections.Counter[int]) -> dict[str, int]:
    """Quantiles of numbers that were counted.

    Args:
        counts: How often each number was met.

    Returns:
        For each quantile the least number that so many do not exceed; empty
        if there are no numbers.
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

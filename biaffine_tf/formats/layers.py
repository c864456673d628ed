"""Converts spans to word ranges, and assigns them to layers of tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from biaffine_tf.formats.problems import Problems
from biaffine_tf.formats.tags import WordSpan
from biaffine_tf.spans import Span


def snap_to_tokens(
    spans: Iterable[Span],
    ranges: Sequence[tuple[int, int]],
    problems: Problems,
    place: str,
) -> list[WordSpan]:
    """Converts spans to word ranges, from left to right, longest first.

    Args:
        spans: Spans in characters.
        ranges: Character range of each word.
        problems: Counts spans off word boundaries, repeated ones, and ones
            whose label cannot be in a tag.
        place: The sentence, for messages.

    Returns:
        The spans that can be written.
    """
    starts = {start: index for index, (start, _) in enumerate(ranges)}
    ends = {end: index for index, (_, end) in enumerate(ranges, start=1)}
    placed = set()
    for start, end, label, _ in spans:
        where = f"{place}: [{start}, {end}) {label}"
        if start not in starts or end not in ends:
            problems.count(
                "span not written: it does not fall on tokens", where
            )
            continue
        if any(character in label for character in "\t\r\n"):
            problems.count("span not written: its label breaks lines", where)
            continue
        span = WordSpan(starts[start], ends[end], label)
        if span in placed:
            problems.count("span written once: it is given again", where)
        placed.add(span)
    return sorted(placed, key=lambda span: (span.start, -span.end, span.label))


def assign_layers(
    spans: Sequence[WordSpan],
    layers: int,
    problems: Problems,
    place: str,
    full: str = "all layers of tags are taken; see --output_layers",
) -> list[list[WordSpan]]:
    """Assigns spans to layers without overlaps.

    Each span goes into the first free layer, from left to right, which needs
    the minimum number of layers.

    Args:
        spans: Spans sorted by start.
        layers: Number of layers.
        problems: Counts spans without a free layer.
        place: The sentence, for messages.
        full: Reason why spans without a free layer are not written.

    Returns:
        The spans of each layer.
    """
    assigned: list[list[WordSpan]] = [[] for _ in range(layers)]
    for span in spans:
        for layer in assigned:
            if not layer or layer[-1].end <= span.start:
                layer.append(span)
                break
        else:
            problems.count(
                f"span not written: {full}",
                f"{place}: tokens [{span.start}, {span.end}) {span.label}",
            )
    return assigned

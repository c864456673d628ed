"""Compares all occurrences of strings that are entities somewhere.

An occurrence counts if

- it has at least two characters and a letter, unlike "长" and "10";
- it starts and ends at word boundaries, in scripts with spaces, and at those of
  data that came in words;
- it is not an entity itself;
- it is not within a longer occurrence that counts.

If it overlaps no entity, it is unlabelled. If all entities that it overlaps are
inside it, it is annotated with other boundaries. If one reaches beyond, it is
ignored: it is another word that looks alike, or the data have no nested
entities.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from biaffine_tf.evaluation.ranges import Range, SpanRanges, holds, outermost
from biaffine_tf.reports.audit.mentions import Mentions, count_labels
from biaffine_tf.reports.audit.report import (
    BoundaryVariant,
    Place,
    Unlabelled,
    first,
    likely_share,
)
from biaffine_tf.reports.audit.search import StringFinder
from biaffine_tf.spans import Sentence


def compare_occurrences(
    sentences: Iterable[Sentence], mentions: Mentions
) -> tuple[list[Unlabelled], list[BoundaryVariant]]:
    """Finds strings that are annotated inconsistently.

    Args:
        sentences: Labelled sentences.
        mentions: Result of `mentions.collect` for them.

    Returns:
        Strings that are entities more often than not, and variants of
        boundaries, both with the most consistent first.
    """
    finder = StringFinder(text for text in mentions if _is_telling(text))
    free: dict[str, list[Place]] = {}
    cut: dict[tuple[str, str], list[Place]] = {}
    for sentence in sentences:
        entities = SpanRanges(sentence.spans or ())
        unlabelled, holding = [], []
        for range_ in _on_tokens(finder.find(sentence.text), sentence):
            others = list(entities.overlapping(range_))
            if not others:
                unlabelled.append(range_)
            elif all(holds(range_, other) for other in others):
                holding.append(range_)
        for range_ in outermost(unlabelled):
            place = Place(sentence, *range_)
            free.setdefault(place.text, []).append(place)
        for range_ in outermost(holding):
            place = Place(sentence, *range_)
            key = place.text, bracketed(place)
            cut.setdefault(key, []).append(place)
    return _unlabelled(free, mentions), _boundaries(cut, mentions)


def bracketed(place: Place) -> str:
    """Returns the text of a place with brackets around entities inside it.

    Shows the outermost of nested entities.
    """
    text, shown, position = place.sentence.text, "", place.start
    ranges = (
        (span.start, span.end)
        for span in place.sentence.spans or ()
        if place.start <= span.start and span.end <= place.end
    )
    for start, end in outermost(ranges):
        shown += f"{text[position:start]}[{text[start:end]}]"
        position = end
    return shown + text[position : place.end]


def _is_telling(text: str) -> bool:
    return len(text) > 1 and any(map(str.isalpha, text))


def _on_tokens(ranges: Iterable[Range], sentence: Sentence) -> Iterator[Range]:
    if sentence.words is None:
        yield from ranges
        return
    starts = {start for start, _ in sentence.words}
    ends = {end for _, end in sentence.words}
    for start, end in ranges:
        if start in starts and end in ends:
            yield start, end


def _unlabelled(
    free: dict[str, list[Place]], mentions: Mentions
) -> list[Unlabelled]:
    findings = []
    for text, places in free.items():
        usual = mentions[text]
        if len(usual) > len(places):
            findings.append(
                Unlabelled(
                    score=likely_share(len(usual), len(usual) + len(places)),
                    places=tuple(places),
                    usual=first(usual),
                    text=text,
                    labels=count_labels(usual),
                    unlabelled=len(places),
                )
            )
    return sorted(findings, key=lambda f: (-f.score, f.text))


def _boundaries(
    cut: dict[tuple[str, str], list[Place]], mentions: Mentions
) -> list[BoundaryVariant]:
    findings = []
    for (text, parts), places in cut.items():
        rare, usual = sorted((places, mentions[text]), key=len)
        findings.append(
            BoundaryVariant(
                score=likely_share(len(usual), len(usual) + len(rare)),
                places=tuple(rare),
                usual=first(usual),
                text=text,
                labels=count_labels(mentions[text]),
                parts=parts,
                whole=len(mentions[text]),
                cut=len(places),
            )
        )
    return sorted(findings, key=lambda f: (-f.score, f.text, f.parts))

"""Collects the strings of entities, and finds those with several labels."""

from __future__ import annotations

import collections
from collections.abc import Iterable, Mapping, Sequence

from biaffine_tf.reports.audit.report import (
    LabelConflict,
    Place,
    first,
    likely_share,
)
from biaffine_tf.spans import Sentence

Mentions = Mapping[str, Sequence[Place]]


def collect(sentences: Iterable[Sentence]) -> Mentions:
    """Groups all distinct spans by their strings.

    Args:
        sentences: Labelled sentences.

    Returns:
        Places of each string, in the order of the data.
    """
    mentions: dict[str, list[Place]] = {}
    for sentence in sentences:
        for key in sorted({span.key for span in sentence.spans or ()}):
            place = Place(sentence, *key)
            mentions.setdefault(place.text, []).append(place)
    return mentions


def count_labels(places: Iterable[Place]) -> dict[str, int]:
    """Counts places by label, the most frequent first."""
    counts = collections.Counter(str(place.label) for place in places)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def label_conflicts(mentions: Mentions) -> list[LabelConflict]:
    """Finds strings that have several labels.

    The usual label of a string is its most frequent one (of equals, the first
    in alphabetical order). Reports the spans of other labels, except those
    whose range has the usual one as well. Strings are case-sensitive.

    Args:
        mentions: Result of `collect`.

    Returns:
        The conflicts, the most consistent strings first.
    """
    conflicts = []
    for text, places in mentions.items():
        labels = count_labels(places)
        if len(labels) == 1:
            continue
        label = next(iter(labels))
        usual = [place for place in places if place.label == label]
        settled = {(id(p.sentence), p.start) for p in usual}
        others = [p for p in places if (id(p.sentence), p.start) not in settled]
        if others:
            total = len(usual) + len(others)
            conflicts.append(
                LabelConflict(
                    score=likely_share(len(usual), total),
                    places=tuple(others),
                    usual=first(usual),
                    text=text,
                    labels=labels,
                )
            )
    return sorted(conflicts, key=lambda f: (-f.score, -len(f.places), f.text))

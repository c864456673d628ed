"""The strings of all entities, and those that have several labels."""

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
    """Sorts all distinct spans by their strings.

    Args:
        sentences: Labelled sentences.

    Returns:
        For each string its places, in the order of the data.
    """
    found: dict[str, list[Place]] = {}
    for sentence in sentences:
        for key in sorted({span.key for span in sentence.spans or ()}):
            place = Place(sentence, *key)
            found.setdefault(place.text, []).append(place)
    return found


def count_labels(places: Iterable[Place]) -> dict[str, int]:
    """Places by label, the most frequent first."""
    counts = collections.Counter(str(place.label) for place in places)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def label_conflicts(mentions: Mentions) -> list[LabelConflict]:
    """Finds strings that have several labels.

    The usual label of a string is its most frequent one (of equals, the first
    in alphabetical order). Worth a look are the spans of other labels; not
    those whose range has the usual one as well. Strings are compared as they
    stand in the text, letter case included.

    Args:
        mentions: What `collect` found.

    Returns:
        The strings, those first whose usual label is surest.
    """
    found = []
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
            found.append(
                LabelConflict(
                    score=likely_share(len(usual), total),
                    places=tuple(others),
                    usual=first(usual),
                    text=text,
                    labels=labels,
                )
            )
    return sorted(found, key=lambda f: (-f.score, -len(f.places), f.text))

"""Check for labels that are rare, unknown or misspelt."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator, Mapping

from biaffine_tf.corpora.checks.check import Check, Row, Side
from biaffine_tf.corpora.summary import (
    SIMILAR_LABELS,
    Statistics,
    similar_labels,
)

# Labels with fewer spans are hardly learnt, and their scores are random.
FEW = 10


class Labels(Check):
    """Counts spans by label.

    Args:
        statistics: Statistics of each side, counted elsewhere.
        known: Labels of the model that training continues from.
    """

    def __init__(
        self,
        statistics: Mapping[Side, Statistics],
        *,
        known: Collection[str] = (),
    ) -> None:
        self._statistics = statistics
        self._known = known

    def rows(self) -> Iterator[Row]:
        """Yields a row per label, the most frequent first."""
        for label, _ in self._together().most_common():
            yield Row(
                f"  {label}",
                {
                    side: f"{one.labels[label]:,}"
                    for side, one in self._statistics.items()
                },
            )

    def warnings(self) -> Iterator[str]:
        """Yields labels that are rare, unknown or similar."""
        train = self._statistics[Side.TRAIN].labels
        rare = {name: count for name, count in train.items() if count < FEW}
        if rare:
            yield (
                f"{Side.TRAIN}: labels with fewer than {FEW} spans: "
                f"{_named(rare)}"
            )
        dev = self._statistics.get(Side.DEV, Statistics()).labels
        unknown = {
            label: count
            for label, count in dev.items()
            if label not in train and label not in self._known
        }
        if unknown:
            yield (
                f"{Side.DEV}: labels that the {Side.TRAIN} lacks: "
                f"{_named(unknown)}; their spans are scored as missed"
            )
        for spellings in similar_labels(self._together()):
            yield f"{SIMILAR_LABELS}: {spellings}"

    def _together(self) -> collections.Counter[str]:
        together: collections.Counter[str] = collections.Counter()
        for one in self._statistics.values():
            together.update(one.labels)
        return together


def _named(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{label} ({count})" for label, count in ordered)

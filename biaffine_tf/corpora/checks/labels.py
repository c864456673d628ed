"""Labels of both sides, and those that are too rare or misspelt."""

from __future__ import annotations

import collections
from collections.abc import Collection, Iterator, Mapping

from biaffine_tf.corpora.checks.check import Check, Row, Side
from biaffine_tf.corpora.summary import (
    SIMILAR_LABELS,
    Statistics,
    similar_labels,
)

# Below this a label is hardly learnt, and its scores are those of luck.
FEW = 10


class Labels(Check):
    """Spans of each label.

    Args:
        statistics: Of each side; they are counted elsewhere.
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
        """A line for each label, the commonest first."""
        for label, _ in self._together().most_common():
            yield Row(
                f"  {label}",
                {
                    side: f"{found.labels[label]:,}"
                    for side, found in self._statistics.items()
                },
            )

    def warnings(self) -> Iterator[str]:
        """Names labels that are rare, unknown or much alike."""
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
        for found in self._statistics.values():
            together.update(found.labels)
        return together


def _named(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    return ", ".join(f"{label} ({count})" for label, count in ordered)

"""Lists input that was skipped or repaired while the data were read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from biaffine_tf.corpora.checks.check import Check, Side
from biaffine_tf.formats.problems import Problems


class Reading(Check):
    """Passes on what readers count.

    Args:
        problems: Of each side; complete when the sentences are.
    """

    def __init__(self, problems: Mapping[Side, Problems]) -> None:
        self._problems = problems

    def warnings(self) -> Iterator[str]:
        """A line for each kind, with where it was met first."""
        for side, problems in self._problems.items():
            for kind, count in problems.counts.items():
                first = "; ".join(problems.examples[kind])
                yield f"{side}: {kind}: {count} ({first})"

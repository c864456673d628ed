"""Check that reports input skipped or repaired by readers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from biaffine_tf.corpora.checks.check import Check, Side
from biaffine_tf.formats.problems import Problems


class Reading(Check):
    """Reports the problems that readers count.

    Args:
        problems: Problems of each side, complete after the last sentence.
    """

    def __init__(self, problems: Mapping[Side, Problems]) -> None:
        self._problems = problems

    def warnings(self) -> Iterator[str]:
        """Yields a line per kind, with the first examples."""
        for side, problems in self._problems.items():
            for kind, count in problems.counts.items():
                first = "; ".join(problems.examples[kind])
                yield f"{side}: {kind}: {count} ({first})"

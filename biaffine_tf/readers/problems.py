"""Counts of what was skipped or repaired, so that nothing goes silently."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from biaffine_tf.errors import DataError
from biaffine_tf.readers.options import OnBadData
from biaffine_tf.spans import Sentence

MAX_EXAMPLES = 3

Unit = TypeVar("Unit")


class Problems:
    """Counts by kind, each with its first few messages.

    Example:
        >>> problems = Problems()
        >>> problems.count("blank line", "a.txt:3")
        >>> problems.counts, problems.examples
        ({'blank line': 1}, {'blank line': ['a.txt:3']})
    """

    def __init__(self) -> None:
        self._counts: collections.Counter[str] = collections.Counter()
        self._examples: dict[str, list[str]] = {}

    def count(self, kind: str, message: str, amount: int = 1) -> None:
        """Adds to a kind; the first messages of a kind are kept.

        Args:
            kind: What happened, the same words every time.
            message: Where and to what: "file:line: ...".
            amount: How many times it happened there.
        """
        self._counts[kind] += amount
        examples = self._examples.setdefault(kind, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(message)

    @property
    def counts(self) -> dict[str, int]:
        """How often each kind was met, in the order of first meeting."""
        return dict(self._counts)

    @property
    def examples(self) -> dict[str, list[str]]:
        """The first messages of each kind."""
        return {kind: list(seen) for kind, seen in self._examples.items()}

    def to_json(self) -> dict[str, dict[str, object]]:
        """Counts and examples by kind, for storing beside results."""
        return {
            kind: {"count": amount, "examples": list(self._examples[kind])}
            for kind, amount in self._counts.items()
        }

    def lines(self) -> list[str]:
        """One printable line for each kind."""
        return [
            f"{kind}: {amount} (first: {self._examples[kind][0]})"
            for kind, amount in self._counts.items()
        ]

    def __bool__(self) -> bool:
        return bool(self._counts)

    def __repr__(self) -> str:
        return f"Problems({dict(self._counts)!r})"


def parse_each(
    units: Iterable[Unit],
    parse: Callable[[Unit], Sentence],
    on_bad_data: OnBadData,
    problems: Problems,
) -> Iterator[Sentence]:
    """Parses the pieces of a file that hold one sentence each.

    Args:
        units: The pieces; an error while cutting them always raises, because
            nothing after it can be trusted.
        parse: Makes one sentence; its DataErrors may be skipped.
        on_bad_data: Whether they are.
        problems: Where skipped sentences are counted.

    Yields:
        The sentences.
    """
    for unit in units:
        try:
            sentence = parse(unit)
        except DataError as error:
            if on_bad_data is OnBadData.ERROR:
                raise
            problems.count("bad sentence skipped", str(error))
            continue
        if not sentence.text:
            place = f"{sentence.file}:{sentence.line}"
            problems.count("sentence with an empty text", place)
        yield sentence

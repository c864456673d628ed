"""Counts of what was skipped or repaired, so that nothing goes silently."""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, TypeVar

from biaffine_tf.errors import DataError
from biaffine_tf.formats.options import OnBadData
from biaffine_tf.spans import Sentence

MAX_EXAMPLES = 3
SKIPPED = "bad sentence skipped"

Unit = TypeVar("Unit")


class Problems:
    """Counts by kind, each with its first few messages.

    A subclass may refuse more than readers do, and keep what is skipped.

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

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError if a sentence is to be refused; none here."""

    def skip(self, error: DataError, data: bytes) -> None:
        """Takes note of a sentence that is skipped.

        Args:
            error: Why.
            data: What the file has there.
        """
        self.count(SKIPPED, str(error))

    def merge(
        self, found: Mapping[str, Mapping[str, Any]], *, place: str = ""
    ) -> None:
        """Adds what another one stored.

        Args:
            found: From its `to_json`.
            place: What to put before its messages.
        """
        for kind, problem in found.items():
            amount = problem["count"]
            for message in problem["examples"]:
                self.count(kind, place + message, amount)
                amount = 0

    def clear(self) -> None:
        """Forgets all counts."""
        self._counts.clear()
        self._examples.clear()

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
    data_of: Callable[[Unit], bytes],
) -> Iterator[Sentence]:
    """Parses the pieces of a file that hold one sentence each.

    Args:
        units: The pieces; an error while cutting them always raises, because
            nothing after it can be trusted.
        parse: Makes one sentence; its DataErrors may be skipped.
        on_bad_data: Whether they are.
        problems: Where skipped sentences are counted.
        data_of: What the file has for a piece.

    Yields:
        The sentences.
    """
    for unit in units:
        try:
            sentence = parse(unit)
            problems.check(sentence)
        except DataError as error:
            if on_bad_data is OnBadData.ERROR:
                raise
            problems.skip(error, data_of(unit))
            continue
        if not sentence.text:
            place = f"{sentence.file}:{sentence.line}"
            problems.count("sentence with an empty text", place)
        yield sentence

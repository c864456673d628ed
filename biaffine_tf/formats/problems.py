"""Counts of skipped and repaired input."""

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
    """Counts of problems by kind, with the first messages of each.

    Subclasses may refuse more sentences, and store the skipped ones.

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
        """Counts a problem; keeps the first messages of each kind.

        Args:
            kind: Description of the problem, identical for all cases.
            message: Place and details: "file:line: ...".
            amount: Number of cases.
        """
        self._counts[kind] += amount
        examples = self._examples.setdefault(kind, [])
        if len(examples) < MAX_EXAMPLES:
            examples.append(message)

    def check(self, sentence: Sentence) -> None:
        """Raises a DataError to refuse a sentence; accepts all here."""

    def skip(self, error: DataError, data: bytes) -> None:
        """Counts a skipped sentence.

        Args:
            error: Reason.
            data: Its bytes in the file.
        """
        self.count(SKIPPED, str(error))

    def merge(
        self, stored: Mapping[str, Mapping[str, Any]], *, place: str = ""
    ) -> None:
        """Adds stored problems.

        Args:
            stored: Result of `to_json`.
            place: Prefix of the messages.
        """
        for kind, problem in stored.items():
            amount = problem["count"]
            for message in problem["examples"]:
                self.count(kind, place + message, amount)
                amount = 0

    def clear(self) -> None:
        """Resets all counts."""
        self._counts.clear()
        self._examples.clear()

    @property
    def counts(self) -> dict[str, int]:
        """Counts by kind, in order of first occurrence."""
        return dict(self._counts)

    @property
    def examples(self) -> dict[str, list[str]]:
        """First messages by kind."""
        return {kind: list(seen) for kind, seen in self._examples.items()}

    def to_json(self) -> dict[str, dict[str, object]]:
        """Returns counts and examples by kind as JSON values."""
        return {
            kind: {"count": amount, "examples": list(self._examples[kind])}
            for kind, amount in self._counts.items()
        }

    def lines(self) -> list[str]:
        """Returns one printable line per kind."""
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
    parse: Callable[[Unit], Sentence | None],
    on_bad_data: OnBadData,
    problems: Problems,
    data_of: Callable[[Unit], bytes],
) -> Iterator[Sentence]:
    """Parses the units of a file, one sentence each.

    Args:
        units: Units of the file; an error of this iterable is always raised,
            because nothing after it is reliable.
        parse: Function of a unit to a sentence, or None for one to leave out;
            may raise DataErrors.
        on_bad_data: Whether to skip these.
        problems: Counts skipped sentences.
        data_of: Function of a unit to its bytes.

    Yields:
        The sentences.
    """
    for unit in units:
        try:
            sentence = parse(unit)
            if sentence is None:
                continue
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

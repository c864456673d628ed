"""Errors that a user can cause, reported in one line with a remedy."""

from __future__ import annotations

import enum
import os

EXIT_CODE = 2
GIVEN_UP = 3  # exit code if some input could not be read, or only in part


class OnBadData(enum.StrEnum):
    """Policy for sentences that cannot be read."""

    ERROR = "error"
    SKIP = "skip"


class BiaffineError(Exception):
    """A mistake in the user's input, not a bug.

    Commands print it as one line and exit with `EXIT_CODE`; no traceback.

    Attributes:
        problem: What is wrong, and what was given.
        remedy: How to fix it.
    """

    def __init__(self, problem: str, *, remedy: str = "") -> None:
        self.problem = _one_line(problem)
        self.remedy = _one_line(remedy)
        super().__init__(self.problem)

    def __str__(self) -> str:
        return f"{self.problem}; {self.remedy}" if self.remedy else self.problem


class DataError(BiaffineError):
    """A file that cannot be read or has invalid content.

    Attributes:
        file: The file as the user named it, or None for text given directly.
        line: One-based line number, or None for the whole file.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | os.PathLike[str] | None = None,
        line: int | None = None,
        remedy: str = "",
    ) -> None:
        super().__init__(problem, remedy=remedy)
        self.file = None if file is None else os.fspath(file)
        self.line = line

    def __str__(self) -> str:
        place = self.file or ""
        if self.line is not None:
            place += f":{self.line}" if place else f"line {self.line}"
        message = super().__str__()
        return f"{place}: {message}" if place else message


class ConfigError(BiaffineError):
    """Settings that contradict each other, the data or the machine."""


def _one_line(message: str) -> str:
    return " ".join(message.split())

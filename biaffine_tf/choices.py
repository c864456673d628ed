"""Settings that were chosen for the user, each with its reason."""

from __future__ import annotations

from typing import Any, NamedTuple


class Choice(NamedTuple):
    """A setting that no flag gave.

    Attributes:
        flag: Name of the flag that would give it, without dashes.
        value: What was chosen, in the type of the setting.
        reason: Why, as half a sentence that goes into parentheses.

    Example:
        >>> print(Choice("tokenizer", "wordpiece", "'##' in vocab.txt"))
        --tokenizer=wordpiece ('##' in vocab.txt)
    """

    flag: str
    value: Any
    reason: str

    def __str__(self) -> str:
        if self.value is True:
            return f"--{self.flag} ({self.reason})"
        if self.value is False:
            return f"--no{self.flag} ({self.reason})"
        if self.value is None:
            return f"no --{self.flag} ({self.reason})"
        return f"--{self.flag}={self.value} ({self.reason})"

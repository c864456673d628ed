"""Settings that were chosen for the user, each with its reason."""

from __future__ import annotations

from typing import Any, NamedTuple


class Choice(NamedTuple):
    """A setting that was chosen because no flag gave it.

    Attributes:
        flag: Name of the flag of the setting, without dashes.
        value: The chosen value, in the type of the setting.
        reason: Why, as half a sentence to print in parentheses.

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

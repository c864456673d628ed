"""The space of a search, as written in flags.

NAME:LOW:HIGH       numbers from LOW to HIGH; whole ones if the flag's are
NAME:log:LOW:HIGH   the same, drawn evenly by their logarithm
NAME:A,B,C          one of these values
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from biaffine_tf.errors import ConfigError

_LOG = "log"
_REMEDY = (
    "give NAME:LOW:HIGH, NAME:log:LOW:HIGH or NAME:A,B,C, such as "
    "learning_rate:log:1e-5:1e-3"
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Parameter:
    """A flag to search.

    Attributes:
        name: Name of the flag, without dashes.
        choices: Values to choose from, as written; empty for a range.
        low: Lowest value of a range.
        high: Highest value of a range.
        is_log: Whether a range is drawn by its logarithm.
        is_whole: Whether a range has whole numbers only.
    """

    name: str
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = 0.0
    is_log: bool = False
    is_whole: bool = False

    def suggest(self, trial: Any) -> Any:
        """Returns the value of an `optuna.Trial`."""
        if self.choices:
            return trial.suggest_categorical(self.name, list(self.choices))
        if self.is_whole:
            return trial.suggest_int(
                self.name, int(self.low), int(self.high), log=self.is_log
            )
        return trial.suggest_float(
            self.name, self.low, self.high, log=self.is_log
        )


def parse(
    specifications: Sequence[str], convert: Callable[[str, str], Any]
) -> list[Parameter]:
    """Parses the space of a search.

    Args:
        specifications: One for each flag; see the module.
        convert: Converts a value of a flag, given its name and a text; raises
            a `ConfigError` if the flag is unknown or the value out of range.

    Raises:
        ConfigError: If one cannot be parsed, or a flag is given twice.
    """
    parameters = [_parse(one, convert) for one in specifications]
    names = [one.name for one in parameters]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(
                f"--search gives {name} twice", remedy="give each flag once"
            )
    return parameters


def _parse(text: str, convert: Callable[[str, str], Any]) -> Parameter:
    name, *values = text.split(":")
    is_log = values[:1] == [_LOG] and len(values) == 3
    bounds = values[1:] if is_log else values
    if not name or len(bounds) not in (1, 2) or not all(bounds):
        raise ConfigError(
            f"--search={text} is no range and no choice", remedy=_REMEDY
        )
    if len(bounds) == 1:
        choices = tuple(bounds[0].split(","))
        for one in choices:
            convert(name, one)
        if len(set(choices)) < 2:
            raise ConfigError(
                f"--search={text} leaves nothing to choose", remedy=_REMEDY
            )
        return Parameter(name=name, choices=choices)
    low, high = (convert(name, one) for one in bounds)
    is_number = isinstance(low, int | float) and not isinstance(low, bool)
    if not is_number or not low < high or (is_log and low <= 0):
        raise ConfigError(
            f"--search={text}: {bounds[0]} to {bounds[1]} is no range"
            + (" of positive numbers" if is_log else ""),
            remedy=_REMEDY,
        )
    return Parameter(
        name=name,
        low=low,
        high=high,
        is_log=is_log,
        is_whole=isinstance(low, int) and isinstance(high, int),
    )

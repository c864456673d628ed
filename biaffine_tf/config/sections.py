"""Base class of settings: validation and JSON conversion."""

from __future__ import annotations

import dataclasses
import enum
import json
from typing import Any, Self

from biaffine_tf.config.fields import SettingError, settings_of
from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import rename_keys


class Settings:
    """Base class of frozen dataclasses of settings.

    Subclasses extend `__post_init__` to check fields against each other.
    """

    def __post_init__(self) -> None:
        for name, one in settings_of(type(self)).items():
            value = getattr(self, name)
            object.__setattr__(self, name, one.convert(value))

    def require(self, condition: bool, name: str, want: str) -> None:
        """Checks a setting against others.

        Args:
            condition: Whether the setting is allowed.
            name: Name of the field.
            want: Allowed values, as the end of "must be".

        Raises:
            SettingError: If the condition is false.
        """
        if not condition:
            value = getattr(self, name)
            value = value.value if isinstance(value, enum.Enum) else value
            raise settings_of(type(self))[name].error(value, want)

    def to_dict(self) -> dict[str, Any]:
        """Converts the settings to plain JSON values."""
        return json.loads(json.dumps(dataclasses.asdict(self)))  # type: ignore[call-overload]

    def replace_given(self, **changes: Any) -> Self:
        """Returns the settings with changes; None leaves a setting unchanged.

        Raises:
            ConfigError: If a setting is unknown or out of range.
        """
        if not changes:
            return self
        given = {k: v for k, v in changes.items() if v is not None}
        known = settings_of(type(self)).keys()
        for name in changes.keys() - known:
            raise ConfigError(
                f"there is no setting {name!r}",
                remedy=f"give one of {', '.join(sorted(known))}",
            )
        return dataclasses.replace(self, **given)  # type: ignore[type-var]

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds the settings from `to_dict`'s output.

        Raises:
            ConfigError: If a setting is unknown, missing or out of range.
        """
        if not isinstance(values, dict):
            raise ConfigError(f"{cls.__name__} is {values!r}, not an object")
        known = settings_of(cls)
        names = {one.spec.former: name for name, one in known.items()}
        values = rename_keys(values, names)
        unknown = sorted(values.keys() - known.keys())
        if unknown:
            raise ConfigError(
                f"unknown settings in {cls.__name__}: {unknown}",
                remedy="use the version of biaffine_tf that wrote them, or "
                "train again with this one",
            )
        read = dict(values)
        for name, value in values.items():
            kind = known[name].type
            if isinstance(kind, type) and issubclass(kind, Settings):
                try:
                    if isinstance(value, dict):
                        read[name] = kind.from_dict(value)
                except SettingError as error:
                    raise error.within(name) from error
        try:
            return cls(**read)
        except TypeError as error:
            raise ConfigError(f"{cls.__name__}: {error}") from error


def require(condition: bool, name: str, value: object, want: str) -> None:
    """Checks an argument of a call, or a value of a file.

    Args:
        condition: Whether the value is allowed.
        name: Name of the argument or key.
        value: The given value.
        want: Allowed values, as the end of "must be".

    Raises:
        SettingError: If the condition is false.
    """
    if not condition:
        raise SettingError(name, name, value, want)

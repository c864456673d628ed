"""Fields of settings with metadata: allowed values, flag and help text.

    dropout: float = setting(
        0.1, minimum=0, below=1, help="Dropout of the head."
    )

Validation (`sections.Settings`), flags (`commands.flag_types`) and rows of the
model card (`reports.card`) are derived from it and from the annotation.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import math
import numbers
import types
import typing
from collections.abc import Callable, Collection, Mapping
from typing import Any

from biaffine_tf.errors import ConfigError


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Spec:
    """Metadata of a field beside annotation and default.

    Attributes:
        help: Text of --help; fields without it have no flag.
        flag: Name of the flag, without dashes, if it is not the field's.
        former: Name of the field and its flag in earlier versions, still
            accepted.
        unset: Description of the default of a flag that is unset by default:
            "no limit", or how the value is chosen.
        zero_is_none: Whether the flag takes 0 for None.
        minimum: Inclusive lower bound.
        maximum: Inclusive upper bound.
        above: Exclusive lower bound.
        below: Exclusive upper bound.
        choices: Allowed strings; those of an enum follow from the annotation.
        valid: Any other condition; needs `want`.
        want: Allowed values, as the end of "must be", if the bounds do not
            describe them well.
        label: Name in the model card, if it is not the field's.
        unit: Unit of the value in the model card, in the singular.
        applies: Function of the settings that returns whether the field has an
            effect; the model card omits it otherwise.
    """

    help: str = ""
    flag: str | None = None
    former: str | None = None
    unset: str = ""
    zero_is_none: bool = False
    minimum: float | None = None
    maximum: float | None = None
    above: float | None = None
    below: float | None = None
    choices: Collection[str] = ()
    valid: Callable[[Any], bool] | None = None
    want: str = ""
    label: str = ""
    unit: str = ""
    applies: Callable[[Any], bool] | None = None


def setting(default: Any = dataclasses.MISSING, **spec: Any) -> Any:
    """Makes a field of a `Settings` dataclass.

    Args:
        default: Default value; without it the field is required.
        **spec: See `Spec`.
    """
    return dataclasses.field(default=default, metadata={"spec": Spec(**spec)})


def same_setting(cls: type, name: str, **changes: Any) -> Any:
    """Makes a copy of a field of another dataclass of settings.

    Args:
        cls: The other dataclass.
        name: Name of its field.
        **changes: A different `default`, or changes of the `Spec`.
    """
    one = settings_of(cls)[name]
    default = changes.pop("default", one.default)
    spec = dataclasses.replace(one.spec, **changes)
    return dataclasses.field(default=default, metadata={"spec": spec})


class SettingError(ConfigError):
    """A setting that is out of range.

    Args:
        shown: Name of the setting for the user: its flag, or its key in a
            file.
        key: Key in files; dotted for nested objects.
        value: The given value.
        want: Allowed values, as the end of "must be".
    """

    def __init__(self, shown: str, key: str, value: object, want: str) -> None:
        super().__init__(f"{shown} must be {want}, got {value!r}")
        self._key = key
        self._value = value
        self._want = want

    def within(self, name: str) -> SettingError:
        """Returns the error for a setting nested in an object of a file."""
        key = f"{name}.{self._key}"
        return SettingError(key, key, self._value, self._want)


_TYPES: dict[Any, tuple[Any, str]] = {
    bool: (bool, "true or false"),
    int: (numbers.Integral, "an integer"),
    float: (numbers.Real, "a number"),
    str: (str, "a string"),
    list: (list, "a list"),
    tuple: (list | tuple, "a list"),
    dict: (dict, "an object of strings"),
}


def _has_type(kind: type, value: Any) -> bool:
    """Whether a value has a type; booleans are no numbers."""
    if isinstance(value, bool):
        return kind is bool
    if not isinstance(value, _TYPES[kind][0]):
        return False
    return kind is not dict or all(isinstance(v, str) for v in value.values())


@dataclasses.dataclass(frozen=True, kw_only=True)
class Setting:
    """A field of a `Settings` dataclass.

    Attributes:
        name: Name of the field, its key in files.
        type: Annotation without None.
        is_optional: Whether the annotation allows None.
        default: Default value; `dataclasses.MISSING` if required.
        spec: Metadata.
    """

    name: str
    type: Any
    is_optional: bool
    default: Any
    spec: Spec

    @property
    def flag(self) -> str | None:
        """Name of the flag, without dashes; None if there is none."""
        return (self.spec.flag or self.name) if self.spec.help else None

    @property
    def choices(self) -> list[str]:
        """Allowed strings; empty if there is no list of them."""
        is_enum = isinstance(self.type, type) and issubclass(
            self.type, enum.Enum
        )
        return [str(one) for one in (self.type if is_enum else ())] or [
            *self.spec.choices
        ]

    @property
    def want(self) -> str:
        """Allowed values, as the end of "must be"; empty for any."""
        spec = self.spec
        if spec.want or self.choices:
            return spec.want or f"one of {', '.join(self.choices)}"
        bounds = [
            f"{words} {bound}"
            for words, bound in (
                ("at least", spec.minimum),
                ("above", spec.above),
                ("at most", spec.maximum),
                ("below", spec.below),
            )
            if bound is not None
        ]
        if self.type is int and bounds == ["at least 1"]:
            return "a positive integer"
        if None not in (spec.minimum, spec.maximum):
            return f"from {spec.minimum} to {spec.maximum}"
        if self.type is float and spec.maximum is spec.below is None:
            lower = "positive" if spec.above == 0 else "".join(bounds)
            return f"{lower} and finite" if bounds else "a finite number"
        return " and ".join(bounds)

    def error(
        self, value: object, want: str, shown: str | None = None
    ) -> SettingError:
        """Makes the error for a value that is not allowed."""
        name = f"--{self.flag}" if self.flag else self.name
        return SettingError(shown or name, self.name, value, want)

    def convert(self, value: Any, *, shown: str | None = None) -> Any:
        """Converts a value to the field's type (enums, tuples, floats).

        Args:
            value: The given value.
            shown: Name for messages; None for the flag, or else the field.

        Raises:
            SettingError: If it is of another type or out of range.
        """
        if value is None and self.is_optional:
            return None
        kind = typing.get_origin(self.type) or self.type
        kind = getattr(kind, "__supertype__", kind)  # resolves a NewType
        if kind not in _TYPES:  # an enum or other settings
            if issubclass(kind, enum.Enum):
                with contextlib.suppress(ValueError):
                    return kind(value)
            if not isinstance(value, kind):
                raise self.error(value, self.want or "an object", shown)
            return value
        if not _has_type(kind, value):
            raise self.error(value, _TYPES[kind][1], shown)
        is_own = kind in (bool, str, list, dict) or type(value) in (int, float)
        converted = value if is_own else kind(value)  # of NumPy, lists in files
        if not self._is_in_range(converted):
            raise self.error(value, self.want, shown)
        return converted

    def _is_in_range(self, value: Any) -> bool:
        spec = self.spec
        return (
            not (isinstance(value, float) and not math.isfinite(value))
            and (spec.minimum is None or value >= spec.minimum)
            and (spec.maximum is None or value <= spec.maximum)
            and (spec.above is None or value > spec.above)
            and (spec.below is None or value < spec.below)
            and (not spec.choices or value in spec.choices)
            and (spec.valid is None or spec.valid(value))
        )


_known: dict[type, Mapping[str, Setting]] = {}


def settings_of(cls: type) -> Mapping[str, Setting]:
    """Returns the fields of a dataclass of settings, by name."""
    if cls not in _known:
        hints = typing.get_type_hints(cls)
        _known[cls] = {
            field.name: _setting(field, hints[field.name])
            for field in dataclasses.fields(cls)
        }
    return _known[cls]


def _setting(field: dataclasses.Field, hint: Any) -> Setting:
    is_optional = typing.get_origin(hint) in (types.UnionType, typing.Union)
    return Setting(
        name=field.name,
        type=typing.get_args(hint)[0] if is_optional else hint,
        is_optional=is_optional,
        default=field.default,
        spec=field.metadata.get("spec", Spec()),
    )

"""Derives absl flags and their --help from dataclasses of settings."""

from __future__ import annotations

import contextlib
import dataclasses
import difflib
import os
import shutil
import textwrap
from collections.abc import (
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from typing import Any, NewType

from absl import flags

from biaffine_tf.config import Setting, settings_of
from biaffine_tf.errors import ConfigError

# Not absl's global flags, which belong to the program that imports us.
FLAGS = flags.FlagValues()

# Types of flags beside those of settings.
Path = NewType("Path", str)
Names = NewType("Names", list)  # separated by commas
# Paths and globs separated by commas; `split_patterns` splits them.
Patterns = NewType("Patterns", list)
Inputs = NewType("Inputs", list)  # one per flag, or separated by commas

_PLACEHOLDERS: dict[Any, str] = {
    int: "INTEGER",
    float: "NUMBER",
    str: "TEXT",
    Path: "PATH",
    Names: "FILES",
    Patterns: "FILES",
    Inputs: "FILES",
}


@dataclasses.dataclass(frozen=True)
class _Shown:
    """A flag as --help shows it."""

    title: str
    setting: Setting
    default: str


_SHOWN: dict[str, _Shown] = {}

flags.disclaim_key_flags()


class _Parser(flags.ArgumentParser):
    """Parses the flag of a setting and refuses values out of range."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting
        self.syntactic_help = setting.want

    def parse(self, argument: Any) -> Any:
        kind, spec = self._setting.type, self._setting.spec
        if isinstance(argument, str):
            argument = _parse(kind, argument)
        if kind is Inputs or (spec.zero_is_none and argument == 0):
            return argument
        return self._setting.convert(argument)


_PARSERS = {
    bool: flags.BooleanParser().parse,
    int: flags.IntegerParser().parse,
    float: flags.FloatParser().parse,
    Names: flags.ListParser().parse,
    Patterns: lambda text: [text],
    Path: os.path.expanduser,  # shells leave the ~ of --name=~/file
    Inputs: os.path.expanduser,
}


def _parse(kind: Any, text: str) -> Any:
    """Parses a text; returns another type if it does not fit."""
    try:
        return _PARSERS.get(kind, str)(text)
    except ValueError:
        pass
    try:  # 3.0 and 1e3 are integers
        number = float(text)
    except ValueError:
        return text
    return int(number) if number.is_integer() else number


def define(title: str, *sections: type, unset: str = "") -> None:
    """Defines the flags of settings.

    Args:
        title: Heading in --help.
        *sections: Dataclasses of settings.
        unset: Description of the default, for flags that are unset by default.
    """
    for section in sections:
        for one in settings_of(section).values():
            if one.flag:
                _define(title, one, unset)


def _define(title: str, one: Setting, unset: str) -> None:
    assert one.flag is not None
    words = unset or one.spec.unset
    default = None if words else one.default
    kind = flags.MultiFlag if one.type is Inputs else flags.Flag
    flag = kind(
        _Parser(one),
        flags.ArgumentSerializer(),
        one.flag,
        default,
        one.spec.help,
        **({} if one.type is Inputs else {"boolean": one.type is bool}),
    )
    flags.DEFINE_flag(flag, FLAGS)
    if one.spec.former:  # hidden alias
        flags.DEFINE_alias(one.spec.former, one.flag, FLAGS)
    _SHOWN.pop(one.flag, None)  # of another command in the same process
    _SHOWN[one.flag] = _Shown(title, one, words or _words(default))


def _words(default: Any) -> str:
    if default is None:
        return "none"
    if isinstance(default, bool):
        return str(default).lower()
    return repr(default) if default == "" else str(default)


@contextlib.contextmanager
def given(
    define_flags: Callable[[], None], settings: Mapping[str, Any]
) -> Iterator[None]:
    """Sets the flags of a command from Python within the block.

    Args:
        define_flags: Function that defines the flags.
        settings: Values by the names of flags, former names included; None
            leaves a flag unset.

    Raises:
        ConfigError: If a name is unknown, or a value out of range.
    """
    before = {name: FLAGS[name] for name in FLAGS}
    _clear()
    try:
        define_flags()
        FLAGS.mark_as_parsed()
        for name, value in settings.items():
            if name not in FLAGS:
                close = difflib.get_close_matches(name, FLAGS, n=1)
                raise ConfigError(
                    f"there is no setting {name!r}",
                    remedy=f"did you mean {close[0]}?" if close else "",
                )
            if value is not None:
                FLAGS[name].parse(_without_paths(value))
                FLAGS[name].using_default_value = False
        yield
    finally:
        _clear()
        for name, flag in before.items():
            FLAGS[name] = flag


def _without_paths(value: Any) -> Any:
    """Converts paths to strings."""
    if isinstance(value, list | tuple):
        return [_without_paths(one) for one in value]
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def _clear() -> None:
    for name in list(FLAGS):
        delattr(FLAGS, name)


def values(section: type, *, given: bool = False) -> dict[str, Any]:
    """Returns the values of the flags of settings, by field name.

    Args:
        section: Dataclass of settings.
        given: Whether to leave out flags that are not given.
    """
    return {
        name: FLAGS[one.flag].value
        for name, one in settings_of(section).items()
        if one.flag and (FLAGS[one.flag].present or not given)
    }


def given_arguments(besides: Collection[str] = ()) -> list[str]:
    """Returns the flags that were given as arguments of a command.

    Flags of --flagfile and those given by former names are among them, by their
    names of today.

    Args:
        besides: Names of flags to leave out.
    """
    return [
        as_argument(name, FLAGS[name].value)
        for name in _SHOWN
        if name in FLAGS
        and name not in besides
        and FLAGS[name].present
        and FLAGS[name].value is not None
    ]


def as_argument(name: str, value: Any) -> str:
    """Returns the argument of a command that gives a flag a value."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, list | tuple):
        value = ",".join(map(str, value))
    return f"--{name}={value}"


def describe_flags(required: Sequence[str]) -> Iterator[str]:
    """Yields the lines of --help that describe flags, section by section.

    Args:
        required: Names of the required flags.
    """
    width = min(shutil.get_terminal_size().columns, 80)
    title = ""
    for name, one in _SHOWN.items():
        if name not in FLAGS:
            continue
        if one.title != title:
            title = one.title
            yield f"\n{title}:"
        yield _wrapped(_usage(one.setting), width)
        is_required = name in required
        default = "required" if is_required else f"default: {one.default}"
        notes = [_range(one.setting), default]
        yield textwrap.fill(
            f"{one.setting.spec.help} ({'; '.join(filter(None, notes))})",
            width,
            initial_indent=" " * 6,
            subsequent_indent=" " * 6,
            break_on_hyphens=False,
        )


def _wrapped(usage: str, width: int) -> str:
    """Wraps a flag and its choices, which may be many."""
    wrapped = textwrap.fill(
        usage.replace("|", "| "),
        width,
        initial_indent="  ",
        subsequent_indent=" " * 10,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return wrapped.replace("| ", "|")


def _range(one: Setting) -> str:
    """Describes the allowed values if choices and type do not."""
    if one.spec.zero_is_none:
        return "at least 0"
    return "" if one.choices else one.want


def _usage(one: Setting) -> str:
    if one.type is bool:
        return f"--[no]{one.flag}"
    choices = "|".join(one.choices)
    return f"--{one.flag}={choices or _PLACEHOLDERS[one.type]}"

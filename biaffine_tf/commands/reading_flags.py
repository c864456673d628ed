"""The arguments about reading as absl flags.

--help lists a flag under the module that calls these functions.
"""

from __future__ import annotations

from typing import Any

from absl import flags

from biaffine_tf.commands.reading_arguments import (
    ReadingArgument,
    make_options,
    reading_arguments,
)
from biaffine_tf.formats import ReadOptions

flags.disclaim_key_flags()


def define_format_flags() -> None:
    """Defines flags about what a file looks like."""
    for argument in reading_arguments(shared=False):
        _define(argument)


def define_on_bad_data() -> None:
    """Defines --on_bad_data as commands of argparse have it."""
    shared = {one.name: one for one in reading_arguments(shared=True)}
    _define(shared["on_bad_data"])


def _define(argument: ReadingArgument) -> None:
    name, default, text = argument.name, argument.default, argument.help
    if isinstance(default, bool):
        flags.DEFINE_bool(name, default, text)
    elif argument.choices is not None:
        choices = list(map(str, argument.choices))
        default = None if default is None else str(default)
        flags.DEFINE_enum(name, default, choices, text)
    elif isinstance(default, int):
        flags.DEFINE_integer(name, default, text)
    else:
        flags.DEFINE_string(name, default, text)


def read_options(**others: Any) -> ReadOptions:
    """Makes options of the flags.

    Args:
        **others: Options that have no such flag.

    Raises:
        ConfigError: If they contradict each other.
    """
    given = {
        argument.name: flags.FLAGS[argument.name].value
        for argument in reading_arguments(shared=False)
    }
    return make_options(given | others)

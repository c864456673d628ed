"""Kinds of absl flags, and flags, that the commands share.

--help lists a flag under the module that calls these functions.
"""

from __future__ import annotations

import enum
import os

from absl import flags

from biaffine_tf.config import TokenizerKind
from biaffine_tf.seeds import MAX_SEED
from biaffine_tf.training.position import Period

FLAGS = flags.FLAGS

flags.disclaim_key_flags()


class _PathParser(flags.ArgumentParser):
    """Shells leave the ~ of --name=~/file to the program."""

    syntactic_help = "a path"

    def parse(self, argument: str) -> str:
        return os.path.expanduser(argument)


def define_path(name: str, description: str) -> None:
    """Defines a flag for a path, not given by default."""
    flags.DEFINE(_PathParser(), name, None, description)


class _PatternsParser(flags.ArgumentParser):
    """Paths and globs with commas between them; `split_patterns` parts them."""

    syntactic_help = "paths and globs with commas between them"

    def parse(self, argument: str | list[str]) -> list[str]:
        return argument if isinstance(argument, list) else [argument]


def define_patterns(name: str, description: str) -> None:
    """Defines a flag for paths and globs; given again, it is replaced."""
    flags.DEFINE(_PatternsParser(), name, None, description)


def define_paths(name: str, description: str) -> None:
    """Defines a flag for paths, which may be given several times."""
    flags.DEFINE_multi(
        _PathParser(), flags.ArgumentSerializer(), name, None, description
    )


def define_enum(name: str, default: enum.StrEnum, description: str) -> None:
    """Defines a flag for a choice, whose value is a string."""
    flags.DEFINE_enum(
        name,
        str(default),
        [str(choice) for choice in type(default)],
        description,
    )


def define_optional_enum(
    name: str, choices: type[enum.StrEnum], description: str
) -> None:
    """Defines a flag for a choice, not given by default."""
    flags.DEFINE_enum(
        name, None, [str(choice) for choice in choices], description
    )


def define_optional_bool(name: str, description: str) -> None:
    """Defines a flag for yes or no, not given by default."""
    flags.DEFINE_bool(name, None, description)


def define_seed(default: int) -> None:
    """Defines --seed."""
    flags.DEFINE_integer(
        "seed",
        default,
        "Seed of everything random, from 0 below 2^63.",
        lower_bound=0,
        upper_bound=MAX_SEED,
    )


def define_checkpoint_flags(*, steps: int | None) -> None:
    """Defines how often the state of a run is saved; see `save_period`.

    Args:
        steps: Default of --save_checkpoints_steps.
    """
    flags.DEFINE_integer(
        "save_checkpoints_steps",
        steps,
        "Save the state of the run every so many steps, to continue from.",
        lower_bound=1,
    )
    flags.DEFINE_float(
        "save_checkpoints_minutes",
        10.0,
        "Save the state of the run when so many minutes have passed, too; 0 "
        "never.",
        lower_bound=0.0,
    )


def save_period() -> Period:
    """Returns how often the state of a run is saved."""
    return Period(
        steps=FLAGS.save_checkpoints_steps,
        minutes=FLAGS.save_checkpoints_minutes or None,
    )


def define_tokenizer_flags() -> None:
    """Defines how text is cut, for commands that also know of an encoder."""
    define_optional_enum(
        "tokenizer",
        TokenizerKind,
        "Read text by characters or by word pieces. Default: as stored with "
        "the encoder, else characters for Chinese text and for vocabularies "
        "of single characters, word pieces for all other text.",
    )
    define_optional_bool(
        "do_lower_case",
        "Lowercase before tokenization. Default: as stored with the encoder, "
        "else if the vocabulary has no capitals.",
    )

"""Argument types that the commands based on argparse share."""

from __future__ import annotations

import argparse
from collections.abc import Callable

from biaffine_tf.errors import ConfigError
from biaffine_tf.seeds import MAX_SEED


def natural(what: str) -> Callable[[str], int]:
    """Makes the type of an argument that is a count, at least 0."""

    def parse(value: str) -> int:
        if not value.isdecimal():
            raise argparse.ArgumentTypeError(
                f"{value!r} is not a number of {what}; give 0 or more"
            )
        return int(value)

    return parse


def seed(value: str) -> int:
    """Parses a seed."""
    if not value.isdecimal() or int(value) > MAX_SEED:
        raise argparse.ArgumentTypeError(
            f"{value!r} is not a seed; give a whole number from 0 below 2^63"
        )
    return int(value)


def check_to_and_output(options: argparse.Namespace) -> None:
    """Raises a ConfigError if only one of --to and --output is given."""
    if bool(options.to) != bool(options.output):
        raise ConfigError(
            "--to and --output belong together",
            remedy="give both to convert, none to look",
        )

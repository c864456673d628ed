"""Starts a command by its name: `python -m biaffine_tf.commands train`."""

from __future__ import annotations

import importlib
import sys
from typing import NoReturn

from biaffine_tf import console
from biaffine_tf.commands.names import COMMANDS
from biaffine_tf.errors import ConfigError


def run() -> NoReturn:
    """Runs the command that the first argument names."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    if name not in COMMANDS:
        console.run(lambda: _refuse(name))
    sys.argv = [f"biaffine-{name}", *sys.argv[2:]]
    module = importlib.import_module(f"biaffine_tf.commands.{COMMANDS[name]}")
    module.run()
    raise AssertionError("commands exit")


def _refuse(name: str) -> NoReturn:
    raise ConfigError(
        f"there is no command {name!r}",
        remedy=f"give one of {', '.join(COMMANDS)}",
    )


if __name__ == "__main__":
    run()

"""Runs a recipe, a graph of commands: `python -m biaffine_tf.recipe`."""

from __future__ import annotations

import argparse
import functools

from biaffine_tf import console
from biaffine_tf.commands.names import COMMANDS
from biaffine_tf.errors import ConfigError
from biaffine_tf.recipe.description import Recipe, read_recipe
from biaffine_tf.recipe.running import Work


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=console.program("python -m biaffine_tf.recipe"),
        description="Runs the stages of a recipe, each a command of this "
        "package. After a kill, the same command goes on; finished stages are "
        "run again only if their inputs have changed.",
    )
    console.add_version(parser)
    parser.add_argument(
        "recipe", metavar="FILE", help="TOML file of the stages"
    )
    parser.add_argument(
        "--work_dir",
        metavar="DIR",
        required=True,
        help="folder of the outputs, the logs and the state",
    )
    parser.add_argument(
        "--set",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="setting to use instead of the file's; can be repeated",
    )
    parser.add_argument(
        "--list",
        action="store_true",
        help="print the stages and their commands, and run nothing",
    )
    return parser


def _run(options: argparse.Namespace) -> None:
    changes = dict(map(_change, options.set))
    recipe = read_recipe(options.recipe, changes)
    _check_commands(options.recipe, recipe)
    work = Work(recipe, options.work_dir)
    if not options.list:
        work.run()
        return
    for line in work.table():
        print(f"# {line}")
    for name, command in work.commands():
        print(f"\n# {name}\n{command}")


def _change(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise ConfigError(
            f"--set {text}: there is no =", remedy="give --set NAME=VALUE"
        )
    return name, value


def _check_commands(path: str, recipe: Recipe) -> None:
    for stage in recipe.stages.values():
        if not stage.command or stage.command[0] not in COMMANDS:
            raise ConfigError(
                f"{path}: the stage {stage.name!r} has the command "
                f"{' '.join(stage.command)!r}, which is none of ours",
                remedy=f"give one of {', '.join(COMMANDS)}",
            )


main = console.command(_parser, _run)
run = functools.partial(console.run, main)

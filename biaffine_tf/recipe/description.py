"""Recipes as TOML files: settings, and stages that are commands.

[settings]
data = "DATA/ner/address"

[[stage]]
name = "folds"
command = "ensemble train"
flags = {train_data = "{data}/train.txt", folds = 5, output_dir = "{output}"}

[[stage]]
name = "student"
command = "train"
flags = {teacher_dir = "{folds.output}", output_dir = "{output}"}
"""

from __future__ import annotations

import dataclasses
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import find_problem

_NAME = re.compile(r"[A-Za-z0-9][\w-]*")
_REFERENCE = re.compile(r"\{([\w.-]+)\}")
_RESERVED = ("logs", "output", "recipe")
_SHAPE = {
    "settings?": {str: object},
    "stage": [
        {
            "name": str,
            "command": str,
            "flags?": {str: object},
            "args?": [str],
            "needs?": [str],
            "inputs?": [str],
            "output?": str,
        }
    ],
}
_REMEDY = "correct the file; docs/recipes.md describes it"
OUTPUT = "output"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stage:
    """A command of a recipe.

    Attributes:
        name: Name of the stage.
        command: The command behind `biaffine-`, with its action if it has one.
        arguments: Its arguments, with references.
        needs: Stages that must be up to date before it.
        inputs: Files beside those that arguments name, with references.
        output: Name of its output in the work folder; None if it has none.
    """

    name: str
    command: tuple[str, ...]
    arguments: tuple[str, ...]
    needs: tuple[str, ...]
    inputs: tuple[str, ...] = ()
    output: str | None = None

    def words(self, resolve: Callable[[str], str]) -> list[str]:
        """Returns command and arguments, without references.

        Args:
            resolve: Returns what a reference stands for.
        """
        return [
            *self.command,
            *(expand(one, resolve) for one in self.arguments),
        ]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Recipe:
    """A graph of stages.

    Attributes:
        stages: Stages by name, in the order of the file.
        settings: Values by name.
    """

    stages: Mapping[str, Stage]
    settings: Mapping[str, str]


def read_recipe(path: str, changes: Mapping[str, str]) -> Recipe:
    """Reads a recipe.

    Args:
        path: TOML file.
        changes: Settings to use instead of those of the file.

    Raises:
        ConfigError: If the file cannot be read or is no recipe, or a setting is
            unknown.
    """
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read ({error.strerror})",
            remedy="give the path of a recipe",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: not TOML ({error})", remedy=_REMEDY
        ) from error
    problem = find_problem(values, _SHAPE) or next(_unknown_keys(values), None)
    if problem is not None:
        raise ConfigError(f"{path}: {problem}", remedy=_REMEDY)
    settings = {k: str(v) for k, v in values.get("settings", {}).items()}
    for name in changes:
        if name not in settings:
            raise ConfigError(
                f"--set {name}: {path} has no such setting",
                remedy=f"give one of {', '.join(settings) or 'none'}",
            )
    settings |= changes
    stages = {one["name"]: _stage(path, one) for one in values["stage"]}
    if len(stages) < len(values["stage"]):
        raise ConfigError(
            f"{path}: two stages have the same name", remedy=_REMEDY
        )
    for stage in stages.values():
        for reference in _references(stage):
            _check_reference(path, stage, reference, settings, stages)
    return Recipe(stages=stages, settings=settings)


def expand(text: str, resolve: Callable[[str], str]) -> str:
    """Replaces the references in a text."""
    return _REFERENCE.sub(lambda found: resolve(found[1]), text)


def stage_of(reference: str) -> str | None:
    """Returns the stage whose output a reference is; None if it is another."""
    name, dot, what = reference.rpartition(".")
    return name if dot and what == OUTPUT else None


def as_argument(name: str, value: Any) -> str:
    """Returns the argument of a flag with a value of TOML."""
    if isinstance(value, bool):
        return f"--{name}" if value else f"--no{name}"
    if isinstance(value, list):
        value = ",".join(map(str, value))
    return f"--{name}={value}"


def _stage(path: str, values: Mapping[str, Any]) -> Stage:
    name = values["name"]
    if not _NAME.fullmatch(name) or name in _RESERVED:
        raise ConfigError(
            f"{path}: {name!r} cannot be the name of a stage",
            remedy="give letters, digits, - and _",
        )
    arguments = (
        *values.get("args", ()),
        *(as_argument(*one) for one in values.get("flags", {}).items()),
    )
    inputs = tuple(values.get("inputs", ()))
    references = [
        found
        for text in (*arguments, *inputs)
        for found in _REFERENCE.findall(text)
    ]
    needed = [one for reference in references if (one := stage_of(reference))]
    output = values.get("output", name)
    if "/" in output or output.startswith("."):
        raise ConfigError(
            f"{path}: the output {output!r} of {name!r} is no plain name",
            remedy="it is the name of a file or folder in --work_dir",
        )
    return Stage(
        name=name,
        command=tuple(values["command"].split()),
        arguments=arguments,
        needs=tuple(dict.fromkeys([*values.get("needs", ()), *needed])),
        inputs=inputs,
        output=output if OUTPUT in references else None,
    )


def _references(stage: Stage) -> Iterator[str]:
    for text in (*stage.arguments, *stage.inputs):
        yield from _REFERENCE.findall(text)


def _check_reference(
    path: str,
    stage: Stage,
    reference: str,
    settings: Mapping[str, str],
    stages: Mapping[str, Stage],
) -> None:
    if reference == OUTPUT or reference in settings:
        return
    name = stage_of(reference)
    if name is not None and name in stages and stages[name].output is not None:
        return
    raise ConfigError(
        f"{path}: the stage {stage.name!r} refers to {{{reference}}}, which is "
        "no setting and no output of a stage",
        remedy="give a name of [settings], {output}, or {STAGE.output}",
    )


def _unknown_keys(values: Mapping[str, Any]) -> Iterator[str]:
    for key in values.keys() - {"settings", "stage"}:
        yield f"{key!r} is neither settings nor a stage"
    known = {key.rstrip("?") for key in _SHAPE["stage"][0]}  # type: ignore[index]
    for one in values["stage"]:
        for key in sorted(one.keys() - known):
            yield f"the stage {one['name']!r} has the unknown key {key!r}"
    if not values["stage"]:
        yield "it has no stage"

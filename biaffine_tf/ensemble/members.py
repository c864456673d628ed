"""Members of an ensemble: trained for it, fold by fold, or given."""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import find_problem

_NAME = re.compile(r"[\w.-]+")
_SHAPE = {"member": [{"name": str, "weight?": float, "flags?": {str: object}}]}
_EXAMPLE = '[[member]] name = "wide" flags = {learning_rate = 1e-4}'


@dataclasses.dataclass(frozen=True, kw_only=True)
class Kind:
    """Settings that some members share.

    Attributes:
        name: Name of the kind; empty if there is only one.
        weight: Weight of each of its members.
        flags: Flags of training beside those of all members.
    """

    name: str = ""
    weight: float = 1.0
    flags: Mapping[str, Any] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Training:
    """The training of a member on all folds but one.

    Attributes:
        name: Name of the member and its folder.
        kind: Its settings.
        fold: Number of the fold that it is not trained on, from 1.
        seed: Seed of its folds and its training.
    """

    name: str
    kind: Kind
    fold: int
    seed: int


def trainings(
    kinds: Sequence[Kind], *, folds: int, repeats: int, seed: int
) -> list[Training]:
    """Lists the trainings of an ensemble.

    Args:
        kinds: Kinds of members.
        folds: Number of folds.
        repeats: Number of divisions into folds, each by a seed of its own.
        seed: Seed of the first division.
    """
    return [
        Training(
            name="-".join(
                [
                    *([kind.name] if kind.name else []),
                    *([f"repeat-{repeat + 1}"] if repeats > 1 else []),
                    f"fold-{fold}",
                ]
            ),
            kind=kind,
            fold=fold,
            seed=seed + repeat,
        )
        for kind in kinds
        for repeat in range(repeats)
        for fold in range(1, folds + 1)
    ]


def read_kinds(path: str) -> list[Kind]:
    """Reads the kinds of members of a TOML file.

    Raises:
        ConfigError: If it cannot be read, or is not such a file.
    """
    try:
        with open(path, "rb") as file:
            values = tomllib.load(file)
    except OSError as error:
        raise ConfigError(
            f"--members={path}: cannot be read ({error.strerror})",
            remedy="give a TOML file or model directories",
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"--members={path}: not TOML ({error})", remedy="correct the file"
        ) from error
    problem = find_problem(values, _SHAPE) or next(_problems(values), None)
    if problem is not None:
        raise ConfigError(
            f"--members={path}: {problem}",
            remedy=f"list members like {_EXAMPLE}",
        )
    return [Kind(**one) for one in values["member"]]


def _problems(values: Mapping[str, Any]) -> Iterator[str]:
    names = [one["name"] for one in values["member"]]
    if not names:
        yield "it lists no member"
    for name in names:
        if not _NAME.fullmatch(name) or name.startswith("."):
            yield f"{name!r} is no name of a folder"
        if names.count(name) > 1:
            yield f"two members are named {name!r}"
    for one in values["member"]:
        unknown = sorted(one.keys() - {"name", "weight", "flags"})
        if unknown:
            yield f"a member has no {unknown[0]!r}"
        if one.get("weight", 1.0) <= 0:
            yield f"weight must be positive, got {one['weight']}"


def is_list_of_kinds(members: Sequence[str]) -> bool:
    """Whether --members names a TOML file, not model directories."""
    if any(one.endswith(".toml") for one in members):
        if len(members) > 1:
            raise ConfigError(
                f"--members={','.join(members)}: a TOML file and others",
                remedy="give one TOML file, or model directories",
            )
        return not os.path.isdir(members[0])
    return False

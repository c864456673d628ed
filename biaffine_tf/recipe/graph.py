"""The order of stages, and which must be run; no files and no processes."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from biaffine_tf.errors import ConfigError

# Inputs of a stage by names for messages: the words of its command, digests of
# files, and digests of the outputs of other stages.
Inputs = Mapping[str, Any]
COMMAND = "its command"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Record:
    """Record of a stage that was started.

    Attributes:
        inputs: Inputs of its last start.
        is_clear: Whether outputs of earlier inputs have been removed.
        is_done: Whether it has ended.
        output: Digest of its output, if it has ended.
        seconds: Time that it took, without starts that were killed.
    """

    inputs: Inputs
    is_clear: bool = False
    is_done: bool = False
    output: str | None = None
    seconds: float = 0.0


@dataclasses.dataclass(frozen=True, kw_only=True)
class Due:
    """Why a stage must be run.

    Attributes:
        reasons: Reasons, at least one.
        continues: Whether its last start had the same inputs and was killed.
    """

    reasons: tuple[str, ...]
    continues: bool = False


def in_order(needs: Mapping[str, Sequence[str]]) -> list[str]:
    """Orders stages so that each comes after those it needs.

    Stages that do not depend on each other stay in the order given.

    Args:
        needs: Names of the stages that each stage needs.

    Raises:
        ConfigError: If a stage is unknown, or stages need each other.
    """
    for name, needed in needs.items():
        for one in needed:
            if one not in needs:
                raise ConfigError(
                    f"the stage {name!r} needs {one!r}, which is no stage",
                    remedy=f"give one of {', '.join(needs)}",
                )
    ordered: list[str] = []
    while len(ordered) < len(needs):
        ready = next(
            (
                name
                for name, needed in needs.items()
                if name not in ordered and set(needed) <= set(ordered)
            ),
            None,
        )
        if ready is None:
            left = [name for name in needs if name not in ordered]
            raise ConfigError(
                f"the stages {', '.join(left)} need each other in a circle",
                remedy="remove one of the references",
            )
        ordered.append(ready)
    return ordered


def find_due(
    record: Record | None, inputs: Inputs, output: str | None
) -> Due | None:
    """Decides whether a stage must be run, and why.

    Args:
        record: Record of the stage; None if it was never started.
        inputs: Its inputs now.
        output: Digest of its output now; None if it is missing.

    Returns:
        The reasons; None if it is up to date.
    """
    if record is None:
        return Due(reasons=("never run",))
    changes = tuple(_changes(record.inputs, inputs))
    if changes:
        return Due(reasons=changes)
    if not record.is_done:
        return Due(
            reasons=("its last start did not end",), continues=record.is_clear
        )
    if output != record.output:
        what = "is missing" if output is None else "has changed"
        return Due(reasons=(f"its output {what}",))
    return None


def run_due(
    ordered: Sequence[str],
    records: Mapping[str, Record],
    *,
    inputs_of: Callable[[str, Mapping[str, Record]], Inputs],
    output_of: Callable[[str], str | None],
    execute: Callable[[str, Due, Inputs], Record],
) -> Iterator[tuple[str, Due | None]]:
    """Brings stages up to date, one by one.

    Args:
        ordered: Stages in order.
        records: Records of the stages so far.
        inputs_of: Returns the inputs of a stage, whose needs are up to date,
            given the records.
        output_of: Returns the digest of a stage's output, None if missing.
        execute: Runs a stage and returns its record.

    Yields:
        Each stage when it is up to date, with the reason to run it; None if
        it was not run.
    """
    known = dict(records)
    for name in ordered:
        inputs = inputs_of(name, known)
        due = find_due(known.get(name), inputs, output_of(name))
        if due is not None:
            known[name] = execute(name, due, inputs)
        yield name, due


def dependents(
    needs: Mapping[str, Sequence[str]], names: Sequence[str]
) -> set[str]:
    """Returns the stages that need others, directly or not.

    Args:
        needs: Names of the stages that each stage needs.
        names: The others.
    """
    found: set[str] = set()
    for name in in_order(needs):
        if set(needs[name]) & (found | set(names)):
            found.add(name)
    return found


def _changes(before: Inputs, now: Inputs) -> Iterator[str]:
    for name in dict.fromkeys([*before, *now]):
        old, new = before.get(name), now.get(name)
        if old == new:
            continue
        if name == COMMAND and isinstance(old, list) and isinstance(new, list):
            yield f"{name} has changed ({_difference(old, new)})"
        elif old is None:
            yield f"{name} is new"
        elif new is None:
            yield f"{name} is gone"
        else:
            yield f"{name} has changed"


def _difference(old: Sequence[str], new: Sequence[str]) -> str:
    gone = [word for word in old if word not in new]
    added = [word for word in new if word not in old]
    return (
        ", ".join(
            [
                *(f"without {word}" for word in gone),
                *(f"with {word}" for word in added),
            ]
        )
        or "other order"
    )

"""Runs the stages of a recipe in a work folder, and keeps its state there."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from biaffine_tf.errors import ConfigError
from biaffine_tf.files import remove, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.locks import locked, wait_until_free
from biaffine_tf.processes import our_command, run_command
from biaffine_tf.recipe.contents import Contents
from biaffine_tf.recipe.description import (
    OUTPUT,
    Recipe,
    Stage,
    expand,
    stage_of,
)
from biaffine_tf.recipe.files_of import named_files
from biaffine_tf.recipe.graph import (
    COMMAND,
    Due,
    Inputs,
    Record,
    dependents,
    find_due,
    in_order,
    run_due,
)

STATE = "recipe.json"
LOGS = "logs"
_VERSION = 1
_SHAPE = {
    "format_version": int,
    "stages": {
        str: {
            "inputs": {str: object},
            "is_clear": bool,
            "is_done": bool,
            "output": (str, None),
            "seconds": float,
        }
    },
    "files": {str: [object]},
}


class Work:
    """A recipe in a work folder.

    Args:
        recipe: The recipe.
        folder: Work folder, in which the outputs of all stages lie.
        program: Returns the words that start a command.
    """

    def __init__(
        self,
        recipe: Recipe,
        folder: str,
        *,
        program: Callable[[str], list[str]] = our_command,
    ) -> None:
        self._recipe = recipe
        self._folder = os.path.abspath(folder)
        self._program = program
        self._needs = {
            name: stage.needs for name, stage in recipe.stages.items()
        }
        self._ordered = in_order(self._needs)
        self._records, cache = _read_state(self._state_path)
        self._contents = Contents(cache)

    def table(self) -> Iterator[str]:
        """Yields a line for each stage: its state, its time, and why."""
        width = max(map(len, self._ordered))
        due = self._find_due()
        after = dependents(self._needs, list(due))
        for name in self._ordered:
            record = self._records.get(name)
            reason = ""
            if name in due:
                state = "continues" if due[name].continues else "to do"
                reason = "; ".join(due[name].reasons)
            elif name in after:
                state, reason = "to check", "a stage before it is to do"
            else:
                state = "done"
            spent = "" if record is None else _time(record.seconds)
            line = f"{name:{width}}  {state:9}  {spent:>8}  {reason}"
            yield line.rstrip()

    def commands(self) -> Iterator[tuple[str, str]]:
        """Yields the stages in order with their commands, as typed."""
        for name in self._ordered:
            words = self._words(self._recipe.stages[name])
            yield (
                name,
                shlex.join(["python", "-m", "biaffine_tf.commands", *words]),
            )

    def run(self) -> None:
        """Brings all stages up to date.

        Raises:
            ConfigError: If another process works in the folder, or a stage
                fails.
        """
        with locked(self._folder):
            # Another process may have gone on since.
            self._records, self._contents.cache = _read_state(self._state_path)
            for line in self.table():
                print(line)
            for name, due in run_due(
                self._ordered,
                self._records,
                inputs_of=self._inputs,
                output_of=self._output_digest,
                execute=self._execute,
            ):
                if due is None:
                    continue
                print(
                    f"{name}: done in {_time(self._records[name].seconds)}",
                    flush=True,
                )
            self._save()
        print(f"{self._folder}: all {len(self._ordered)} stages are done")

    @property
    def _state_path(self) -> str:
        return os.path.join(self._folder, STATE)

    def _find_due(self) -> dict[str, Due]:
        """Returns the stages that must be run, whatever becomes of others."""
        due = {}
        for name in self._ordered:
            found = find_due(
                self._records.get(name),
                self._inputs(name, self._records),
                self._output_digest(name),
            )
            if found is not None:
                due[name] = found
        return due

    def _inputs(self, name: str, records: Mapping[str, Record]) -> Inputs:
        """Returns the command of a stage and the digests of its inputs."""
        stage = self._recipe.stages[name]
        words = stage.words(self._resolve_settings)
        files = named_files(
            [
                *words[len(stage.command) :],
                *(expand(one, self._resolve_settings) for one in stage.inputs),
            ]
        )
        inputs: dict[str, Any] = {COMMAND: words}
        for path in files:
            inputs[path] = self._contents.digest(path)
        for one in stage.needs:
            record = records.get(one)
            inputs[f"the output of {one}"] = record and record.output
        return inputs

    def _output_digest(self, name: str) -> str | None:
        output = self._output_path(self._recipe.stages[name])
        return "" if output is None else self._contents.digest(output)

    def _output_path(self, stage: Stage) -> str | None:
        if stage.output is None:
            return None
        return os.path.join(self._folder, stage.output)

    def _resolve_settings(self, reference: str) -> str:
        """Resolves settings alone: a work folder may be moved."""
        return self._recipe.settings.get(reference, f"{{{reference}}}")

    def _words(self, stage: Stage) -> list[str]:
        return stage.words(functools.partial(self._resolve, stage))

    def _resolve(self, stage: Stage, reference: str) -> str:
        if reference in self._recipe.settings:
            return self._recipe.settings[reference]
        name = stage_of(reference)
        owner = (
            stage if reference == OUTPUT else self._recipe.stages[name or ""]
        )
        return self._output_path(owner) or ""

    def _execute(self, name: str, due: Due, inputs: Inputs) -> Record:
        """Runs a stage and records it; a kill at any point is survived."""
        stage = self._recipe.stages[name]
        print(f"{name}: {'; '.join(due.reasons)}", flush=True)
        output = self._output_path(stage)
        if output is not None:
            wait_until_free(output)
        before = self._records.get(name)
        record = Record(inputs=inputs)
        if due.continues and before is not None:
            record = before
        else:
            self._keep(name, record)
            if output is not None:
                remove(output)
            record = dataclasses.replace(record, is_clear=True)
            self._keep(name, record)
        begun = time.monotonic()
        try:
            self._run_command(stage)
        finally:
            seconds = record.seconds + time.monotonic() - begun
            record = dataclasses.replace(record, seconds=round(seconds, 1))
            with contextlib.suppress(OSError):
                self._keep(name, record)
        digest = self._output_digest(name)
        if digest is None:
            raise ConfigError(
                f"the stage {name!r} has ended without writing {output}",
                remedy="give {output} to the flag of its command that says "
                "where to write",
            )
        record = dataclasses.replace(record, is_done=True, output=digest)
        self._keep(name, record)
        return record

    def _run_command(self, stage: Stage) -> None:
        command, *arguments = self._words(stage)
        folder = os.path.join(self._folder, LOGS)
        os.makedirs(folder, exist_ok=True)
        log = os.path.join(folder, f"{stage.name}.log")
        print(f"{stage.name}: {log}", flush=True)
        code = run_command([*self._program(command), *arguments], log=log)
        if code:
            raise ConfigError(
                f"the stage {stage.name!r} has ended with exit code {code}: "
                f"{_last_line(log)}",
                remedy=f"see {log}; the same command goes on with it",
            )

    def _keep(self, name: str, record: Record) -> None:
        self._records[name] = record
        self._save()

    def _save(self) -> None:
        write_json(
            self._state_path,
            {
                "format_version": _VERSION,
                "stages": {
                    name: dataclasses.asdict(record)
                    for name, record in self._records.items()
                },
                "files": self._contents.cache,
            },
        )


def _read_state(
    path: str,
) -> tuple[dict[str, Record], dict[str, tuple[int, int, str]]]:
    """Reads records and digests; none if nothing was run yet."""
    remedy = "delete it to run all stages again"
    try:
        values = read_json(path, _SHAPE, what="of a recipe", remedy=remedy)
    except FileNotFoundError:
        return {}, {}
    if values["format_version"] != _VERSION:
        raise ConfigError(
            f"{path}: written by another version of biaffine_tf", remedy=remedy
        )
    records = {name: Record(**one) for name, one in values["stages"].items()}
    return records, {k: tuple(v) for k, v in values["files"].items()}


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} m"
    return f"{minutes} m {rest:02} s" if minutes else f"{rest} s"


def _last_line(path: str) -> str:
    """Returns the last line of a log that is not blank."""
    with open(path, encoding="utf-8", errors="replace") as file:
        lines: Sequence[str] = [line.strip() for line in file if line.strip()]
    return lines[-1].split("\r")[-1] if lines else "it has printed nothing"

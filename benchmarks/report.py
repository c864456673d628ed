"""Results of a benchmark: a table, a plot, JSON and an exit code."""

from __future__ import annotations

import argparse
import os
import pathlib
import platform
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any, NamedTuple, Self

from rich.console import Console
from rich.table import Table

import biaffine_tf
from benchmarks.harness import THREADS, rounded
from benchmarks.options import RESULTS, Options
from biaffine_tf.files import write_json

_PACKAGES = (
    "tensorflow",
    "tf_keras",
    "tf-models-official",
    "numpy",
    "tokenizers",
    "torch",
    "transformers",
    "span_marker",
)


_MATTERING = {
    *("avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16"),
    *("amx_int8", "amx_bf16"),
}


class Goal(NamedTuple):
    """A wanted value, and the measured one.

    Attributes:
        goal: What the figure is.
        want: What it is to be.
        got: What it is.
        met: Whether that will do.
    """

    goal: str
    want: str
    got: float
    met: bool

    @classmethod
    def at_least(cls, goal: str, want: float, got: float) -> Self:
        """A figure that is to be this or more."""
        return cls(goal, f">= {want:g}", rounded(got), got >= want)

    @classmethod
    def at_most(cls, goal: str, want: float, got: float) -> Self:
        """A figure that is to be this or less."""
        return cls(goal, f"<= {want:g}", rounded(got), got <= want)

    @classmethod
    def within(cls, goal: str, low: float, high: float, got: float) -> Self:
        """A figure that is to lie between two others, or be one of them."""
        met = low <= got <= high
        return cls(goal, f"{low:g} .. {high:g}", rounded(got), met)


class Report:
    """Everything that a benchmark found.

    Args:
        name: The benchmark.
        options: How it was run.

    Attributes:
        rows: What was measured; the keys are the columns.
        goals: What was to be, and is or is not.
        details: What else is worth knowing, by name; JSON values.
    """

    def __init__(self, name: str, options: Options) -> None:
        self.name = name
        self.rows: list[dict[str, Any]] = []
        self.goals: list[Goal] = []
        self.details: dict[str, Any] = {}
        self._options = options
        # At once: the load before anything is measured.
        self._machine = machine()

    def to_json(self) -> dict[str, Any]:
        """All of it as JSON values."""
        words = [f"python benchmarks/{self.name}.py", *self._options.words]
        return {
            "name": self.name,
            "command": " ".join(words),
            "quick": self._options.quick,
            "rounds": self._options.rounds,
            "seed": self._options.seed,
            "threads": THREADS,
            "goals": [goal._asdict() for goal in self.goals],
            "rows": self.rows,
            "details": self.details,
            "machine": self._machine,
            "versions": versions(),
        }

    def finish(self, draw: Callable[[pathlib.Path], None]) -> int:
        """Prints the tables, writes the JSON and the plot beside it.

        Args:
            draw: Draws the plot into the file that it is given.

        Returns:
            The exit code: 0 if every goal is met, else 1.
        """
        print_table(self.name, self.rows)
        print_table("goals", [goal._asdict() for goal in self.goals])
        if self._options.json is not None:
            self._options.json.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._options.json, self.to_json())
            draw(self._options.json.with_suffix(".png"))
        return 0 if all(goal.met for goal in self.goals) else 1


def parser(name: str, description: str | None) -> argparse.ArgumentParser:
    """A command line with --json, by default `results/NAME.json`."""
    made = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    target = RESULTS / f"{name}.json"
    made.add_argument("--json", type=pathlib.Path, default=target)
    return made


def publish(
    json: pathlib.Path | None,
    command: str,
    goals: Sequence[Goal],
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    **details: Any,
) -> int:
    """Prints tables and goals, and writes them as JSON.

    Args:
        json: The file; None for none.
        command: Behind "python benchmarks/".
        goals: What was to be, and is or is not.
        tables: Rows by their key in the JSON, which is their title.
        **details: What else is in the JSON.

    Returns:
        The exit code: 0 if every goal is met, else 1.
    """
    met = [goal._asdict() for goal in goals]
    for title, rows in {**tables, "goals": met}.items():
        print_table(title, rows)
    if json is not None:
        found = {"command": f"python benchmarks/{command}", "goals": met}
        found |= {**tables, **details}
        found |= {"machine": machine(), "versions": versions()}
        write_json(json, found)
    return int(not all(goal.met for goal in goals))


def print_table(title: str, rows: Sequence[Mapping[str, Any]]) -> None:
    """Prints rows of equal columns; lists are left to the JSON."""
    if not rows:
        return
    columns = list(
        dict.fromkeys(
            key
            for row in rows
            for key, value in row.items()
            if not isinstance(value, list)
        )
    )
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    # A file is not as narrow as rich takes it for.
    Console(width=None if sys.stdout.isatty() else 120).print(table)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "NO"
        case float():
            return f"{value:,.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
    return str(value)


def machine() -> dict[str, Any]:
    """Facts of the machine that speeds depend on."""
    pages, size = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    found = {
        "cpu": _cpu_model(),
        "instructions": _instructions(),
        "cores": os.cpu_count(),
        "memory_gib": rounded(pages * size / 2**30),
        "system": platform.system(),
        "load_before": [rounded(load) for load in os.getloadavg()],
    }
    gpus = _gpus()
    return {**found, "gpus": gpus} if gpus else found


def _cpu_model() -> str:
    return _cpu_info("model name") or platform.machine()


def _instructions() -> list[str]:
    """Instruction sets that matter to matrix products, as Linux names them."""
    return sorted(_MATTERING.intersection(_cpu_info("flags").split()))


def _cpu_info(field: str) -> str:
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            for line in file:
                if line.startswith(field):
                    return line.partition(":")[2].strip()
    except OSError:
        pass
    return ""


def _gpus() -> list[str]:
    """NVIDIA's cards by their names; none where its tool is not."""
    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return []
    return done.stdout.splitlines()


def versions() -> dict[str, str]:
    """Versions of what is measured and what it stands on."""
    found = {
        "python": platform.python_version(),
        "biaffine_tf": biaffine_tf.__version__,
    }
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found

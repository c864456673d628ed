"""The worker's end of `harness.Worker`.

python -m benchmarks.workers.serving MODULE:FACTORY

Lines of JSON: first the settings that the subject is built with, answered by
what it says of itself; then requests, each answered by what the subject
returns. The process ends with its input.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from typing import IO, Any, Protocol

from benchmarks.workers.measuring import busy_elsewhere


class Subject(Protocol):
    """Protocol of subjects.

    Attributes:
        about: What is worth knowing once it is built; JSON values.
    """

    about: dict[str, Any]

    def __call__(self, **request: Any) -> dict[str, Any]:
        """Does what is asked; `seconds` and `units` where it is timed."""


def serve(
    factory: Callable[..., Subject], requests: IO[str], answers: IO[str]
) -> None:
    """Builds the subject and answers until the requests end.

    Args:
        factory: Called with the settings, the first line of the requests.
        requests: Lines of JSON objects.
        answers: For each request a line, `{"answer": ...}` or `{"error": ...}`.
    """
    subject: Subject | None = None
    for line in requests:
        try:
            if subject is None:
                subject = factory(**json.loads(line))
                answer: dict[str, Any] = {"answer": subject.about}
            else:
                answer = {"answer": _ask(subject, json.loads(line))}
        except Exception:
            answer = {"error": traceback.format_exc()}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
        if subject is None:
            return


def _ask(subject: Subject, request: dict[str, Any]) -> dict[str, Any]:
    """The answer, and how much other processes had to do meanwhile."""
    before = busy_elsewhere()
    answer = subject(**request)
    return {**answer, "elsewhere_seconds": busy_elsewhere() - before}


def main() -> None:
    """Serves the subject that the command line names."""
    # Libraries print; their lines must not get between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    module, _, name = sys.argv[1].partition(":")
    try:
        factory = getattr(importlib.import_module(module), name)
    except Exception:
        answers.write(json.dumps({"error": traceback.format_exc()}) + "\n")
        answers.close()
        return
    serve(factory, sys.stdin, answers)


if __name__ == "__main__":
    main()

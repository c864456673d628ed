"""Whatever `biaffine_tf.load` takes, on one or more threads."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence
from typing import Any

import biaffine_tf
from benchmarks.workers.measuring import memory, seconds_of


class Loaded:
    """A model or an export that answers texts.

    Args:
        directory: What is loaded.
        texts: What is asked.
        threads: How many, and cores.
        options: For `biaffine_tf.load`.
    """

    def __init__(
        self,
        *,
        directory: str,
        texts: Sequence[str],
        threads: int,
        options: dict[str, Any] | None = None,
    ) -> None:
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
        options = options or {}
        if list(pathlib.Path(directory).glob("*.onnx")):
            options["threads"] = threads
        else:
            import tensorflow as tf

            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        self._texts = texts
        self._predictor = biaffine_tf.load(directory, **options)
        self.about = {"first_pass_seconds": self()["seconds"]}

    def __call__(self, *, answers: bool = False) -> dict[str, Any]:
        """Predicts; units are sentences. On demand with what was found."""
        found: list[Any] = []
        seconds = seconds_of(lambda: found.extend(self._predictor(self._texts)))
        answer: dict[str, Any] = {"seconds": seconds, "units": len(found)}
        if answers:
            answer["found"] = [
                [(one.start, one.end, one.label) for one in entities]
                for entities in found
            ]
        return answer


class Reloads:
    """Loads what a directory holds, asks it once and closes it, on demand.

    Args:
        directory: What is loaded.
        texts: What is asked.
    """

    def __init__(self, *, directory: str, texts: Sequence[str]) -> None:
        self._directory = directory
        self._texts = texts
        self.about: dict[str, Any] = {}

    def __call__(self) -> dict[str, Any]:
        """One cycle, and the bytes that the process holds after it."""

        def cycle() -> None:
            with biaffine_tf.load(self._directory) as predictor:
                predictor(self._texts)

        return {
            "seconds": seconds_of(cycle),
            "units": 1,
            "bytes": memory(),
        }

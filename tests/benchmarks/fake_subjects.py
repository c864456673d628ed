"""Subjects that measure nothing, for processes that the harness starts."""

import os


class Counting:
    """Counts its requests; prints, as libraries do."""

    def __init__(self, *, start: int = 0) -> None:
        print("building")
        self._count = start
        self.about = {"start": start, "threads": os.environ["OMP_NUM_THREADS"]}

    def __call__(self, *, units: float = 1.0, fail: bool = False):
        print("counting")
        if fail:
            raise ValueError("asked to fail")
        self._count += 1
        return {
            "seconds": 2.0,
            "units": units,
            "count": self._count,
            "process": os.getpid(),
        }


class Dying(Counting):
    def __call__(self):
        os.write(2, b"last words\n")
        os._exit(3)


def unbuildable():
    raise RuntimeError("no such luck")

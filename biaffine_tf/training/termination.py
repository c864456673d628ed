"""SIGTERM ends a run after its state has been saved."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

EXIT_CODE = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """Raised to leave the program with the exit code of SIGTERM."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


class Termination:
    """Context in which SIGTERM is a request to save and leave.

    Outside the main thread, which alone may handle signals, nothing changes.

    Attributes:
        requested: Whether SIGTERM has come.
    """

    def __init__(self) -> None:
        self.requested = False
        self._raises = False
        self._before: Any = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGTERM, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        if self._before is not None:
            signal.signal(signal.SIGTERM, self._before)

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """Raises `Terminated` when SIGTERM comes, instead of noting it."""
        if self.requested:
            raise Terminated
        self._raises = True
        try:
            yield
        finally:
            self._raises = False

    def _handle(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        self.requested = True
        if self._raises:
            raise Terminated

"""Handling of SIGTERM: saves the run, then exits."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any, Self

EXIT_CODE = 128 + signal.SIGTERM


class Terminated(SystemExit):
    """Exit with the exit code of SIGTERM."""

    def __init__(self) -> None:
        super().__init__(EXIT_CODE)


class Termination:
    """Context in which SIGTERM requests to save and exit.

    Does nothing outside the main thread, which alone can handle signals.

    Attributes:
        requested: Whether SIGTERM has been received.
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
        """Raises `Terminated` once, as soon as SIGTERM is received."""
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
            self._raises = False
            raise Terminated

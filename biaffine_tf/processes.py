"""Commands in processes of their own, which end with this one."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import IO, Any

TERMINATED = 128 + signal.SIGTERM  # exit code of what SIGTERM has ended
_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)


def our_command(name: str) -> list[str]:
    """Returns the words that start a command of this package.

    Args:
        name: Name of the command behind `biaffine-`, such as "train".
    """
    return [sys.executable, "-m", "biaffine_tf.commands", name]


def run_command(
    words: Sequence[str],
    *,
    log: str | None = None,
    watch: Callable[[], bool] | None = None,
    seconds: float = 1.0,
) -> int:
    """Runs a command to its end.

    If this process is told to end, by SIGTERM or Ctrl-C, the command gets
    SIGTERM, and this process ends after it. If this process is killed, Linux
    sends the command SIGTERM.

    Args:
        words: Program and arguments.
        log: File to append the output to; None for that of this process.
        watch: Function to call from time to time; if it returns true, the
            command gets SIGTERM.
        seconds: Seconds between these calls.

    Returns:
        The exit code; that of a signal is negative, as in `subprocess`.

    Raises:
        SystemExit: With the code of SIGTERM, if this process received one.
    """
    with contextlib.ExitStack() as stack:
        output: IO[Any] | None = None
        if log is not None:
            output = stack.enter_context(open(log, "ab"))
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=None if output is None else subprocess.STDOUT,
            preexec_fn=_death_with(os.getpid()),
        )
        with _forwarding(process) as received:
            try:
                code = _wait(process, watch, seconds)
            except BaseException:
                process.terminate()
                process.wait()
                raise
        if received:
            raise SystemExit(TERMINATED)
        return code


def _wait(
    process: subprocess.Popen[Any],
    watch: Callable[[], bool] | None,
    seconds: float,
) -> int:
    while True:
        try:
            return process.wait(None if watch is None else seconds)
        except subprocess.TimeoutExpired:
            if watch is not None and watch():
                process.terminate()
                return process.wait()


@contextlib.contextmanager
def _forwarding(process: subprocess.Popen[Any]) -> Iterator[list[int]]:
    """Forwards SIGTERM to a process; yields the signals received so far."""
    received: list[int] = []

    def forward(number: int, _: object) -> None:
        received.append(number)
        process.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield received  # signals reach the main thread alone
        return
    before = signal.signal(signal.SIGTERM, forward)
    try:
        yield received
    finally:
        signal.signal(signal.SIGTERM, before)


def _death_with(parent: int) -> Callable[[], None] | None:
    """Makes a function that lets a new process end with its parent."""
    if not sys.platform.startswith("linux"):
        return None
    return functools.partial(_end_with_parent, ctypes.CDLL(None), parent)


def _end_with_parent(library: Any, parent: int) -> None:
    library.prctl(_DEATH_SIGNAL, signal.SIGTERM)
    if os.getppid() != parent:  # it has ended in the meantime
        os._exit(TERMINATED)

"""How every command begins and ends: its version, Ctrl-C, closed pipes.

Exit codes are 0; 2 for a user's mistake, which is one line; 3 where a bulk job
gave files up; 130 after Ctrl-C; and 141 where nobody reads the output any more
(`| head`): what a shell shows for programs that the two signals have ended.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NoReturn, TextIO

from biaffine_tf.errors import EXIT_CODE, BiaffineError
from biaffine_tf.machine_errors import explain
from biaffine_tf.starting import INTERRUPTED, quit_at_once

if TYPE_CHECKING:
    import argparse

PIPE_CLOSED = 141

# Set by Ctrl-C: what is being imported then may raise anything.
_is_interrupted = False


def run(
    main: Callable[[], int | None],
    *,
    out_of_memory: str = "close other programs or take a larger machine",
) -> NoReturn:
    """Runs a command to the end of its process.

    Args:
        main: The command; returns its exit code. A `BiaffineError`, and an
            error of the machine, is one line.
        out_of_memory: The remedy where memory was not enough.
    """
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed: `>&-`
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal that lacks a character shows its code instead.
        sys.stdout.reconfigure(errors="backslashreplace")
    _handle(_raise)
    try:
        code = _exit_code(main)
        sys.stdout.flush()
    except BaseException as error:
        _handle(quit_at_once)
        code = _end(error, out_of_memory)
        if code is None:
            _release(sys.stdout)
            raise
    _release(sys.stdout)
    _release(sys.stderr)
    sys.exit(code or 0)


def report_mistakes(work: Callable[[], int | None]) -> int:
    """Does the work of a command, and says in one line what is wrong.

    Args:
        work: Returns the exit code, None for 0; may raise a `BiaffineError`.

    Returns:
        The exit code; 2 after a user's mistake.
    """
    try:
        return work() or 0
    except BiaffineError as error:
        _say(f"error: {error}")
        return EXIT_CODE


def program(otherwise: str) -> str:
    """Name of the console command that was typed.

    Args:
        otherwise: What was typed where it was not a console command.
    """
    typed = os.path.basename(sys.argv[0])
    return typed if typed.startswith("biaffine-") else otherwise


def version() -> str:
    """What --version prints."""
    from biaffine_tf import __version__

    return f"biaffine_tf {__version__}"


def add_version(parser: argparse.ArgumentParser) -> None:
    """Adds --version to a command's arguments."""
    parser.add_argument(
        "--version",
        action="version",
        version=version(),
        help="print the version and exit",
    )


@contextlib.contextmanager
def interrupts_held() -> Iterator[None]:
    """Starts child processes that Ctrl-C does not reach.

    The terminal sends it to all of them; this process is the one that ends
    the others. It comes here when the block ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handle(handler: Callable[..., None]) -> None:
    """Sets what Ctrl-C does, unless the process is to ignore it."""
    ours = (signal.default_int_handler, quit_at_once, _raise)
    if signal.getsignal(signal.SIGINT) in ours:
        signal.signal(signal.SIGINT, handler)


def _raise(*_: object) -> None:
    global _is_interrupted
    _is_interrupted = True
    raise KeyboardInterrupt


def _exit_code(main: Callable[[], int | None]) -> int | None:
    """Runs a command, whether it returns its exit code or exits with it."""
    try:
        return main()
    except SystemExit as end:
        if BrokenPipeError in map(type, _chain(end)):  # of rich
            raise
        if isinstance(end.code, str):
            _say(end.code)
            return 1
        return end.code


def _end(error: BaseException, out_of_memory: str) -> int | None:
    """Says why a command ends early.

    Returns:
        The exit code; None where the traceback is to be shown.
    """
    causes = [type(one) for one in _chain(error)]
    if _is_interrupted or KeyboardInterrupt in causes:
        _say("\ninterrupted")
        return INTERRUPTED
    if BrokenPipeError in causes:
        return PIPE_CLOSED
    known: BiaffineError | None = None
    if isinstance(error, BiaffineError):
        known = error
    elif isinstance(error, Exception):
        known = explain(error, out_of_memory)
    if known is None:
        _end_bars()
        return None
    _say(f"error: {known}")
    return EXIT_CODE


def _say(line: str) -> None:
    _end_bars()
    with contextlib.suppress(OSError):  # nobody may be there to read it
        print(line, file=sys.stderr)


def _end_bars() -> None:
    """Ends the lines on which progress bars stand."""
    bars = sys.modules.get("tqdm")
    with contextlib.suppress(OSError):
        for bar in list(getattr(getattr(bars, "tqdm", None), "_instances", ())):
            bar.close()


def _release(stream: TextIO) -> None:
    """Keeps Python from failing to flush a closed pipe when it ends."""
    with contextlib.suppress(ValueError):  # it is closed, or no file
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it was raised in answer to."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__

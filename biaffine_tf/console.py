"""Start and end of every command: version, Ctrl-C, closed pipes.

Exit codes: 0; 2 for a user's mistake, reported in one line; 3 if a bulk job
gave files up; 130 after Ctrl-C; 141 if the output pipe was closed (`| head`).
The last two are those that a shell reports for the signals SIGINT and SIGPIPE.
"""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, NoReturn, TextIO

from biaffine_tf.errors import EXIT_CODE, BiaffineError
from biaffine_tf.machine_errors import explain
from biaffine_tf.starting import INTERRUPTED, quit_at_once

if TYPE_CHECKING:
    import argparse

PIPE_CLOSED = 141

# Set by Ctrl-C: an interrupted import may raise any error.
_is_interrupted = False


def run(
    main: Callable[[], int | None],
    *,
    out_of_memory: str = "close other programs or take a larger machine",
) -> NoReturn:
    """Runs a command and exits the process with its exit code.

    Args:
        main: The command; returns its exit code. A `BiaffineError`, and an
            error of the machine, is reported in one line.
        out_of_memory: Remedy to print when memory runs out.
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


def command(
    parser: Callable[[], argparse.ArgumentParser],
    work: Callable[[argparse.Namespace], int | None],
) -> Callable[..., int]:
    """Makes the function that runs a command.

    Args:
        parser: Makes the parser of its arguments.
        work: Does what the arguments ask for; returns the exit code, None for
            0, and may raise a `BiaffineError`, which is one line.

    Returns:
        A function of the arguments, None for those of the process, that
        returns the exit code; 2 after a user's mistake.
    """

    def main(arguments: Sequence[str] | None = None) -> int:
        options = parser().parse_args(arguments)
        try:
            return work(options) or 0
        except BiaffineError as error:
            _say(f"error: {error}")
            return EXIT_CODE

    return main


def program(otherwise: str) -> str:
    """Returns the name of the console command that was typed.

    Args:
        otherwise: Name to return if it was not a console command.
    """
    typed = os.path.basename(sys.argv[0])
    return typed if typed.startswith("biaffine-") else otherwise


def version() -> str:
    """Returns the line that --version prints."""
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
    """Shields child processes that are started in the block from Ctrl-C.

    The terminal sends SIGINT to all of them; this process ends the others. It
    receives a SIGINT of the meantime when the block ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _handle(handler: Callable[..., None]) -> None:
    """Sets the handler of Ctrl-C, unless the process ignores it."""
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
        if BrokenPipeError in map(type, _chain(end)):  # raised by rich
            raise
        if isinstance(end.code, str):
            _say(end.code)
            return 1
        return end.code


def _end(error: BaseException, out_of_memory: str) -> int | None:
    """Reports why a command ends early.

    Returns:
        The exit code; None to show the traceback.
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
    """Closes progress bars, which ends their lines."""
    bars = sys.modules.get("tqdm")
    with contextlib.suppress(OSError):
        for bar in list(getattr(getattr(bars, "tqdm", None), "_instances", ())):
            bar.close()


def _release(stream: TextIO) -> None:
    """Prevents an error when Python flushes a closed pipe at exit."""
    with contextlib.suppress(ValueError):  # closed, or not a file
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yields an error, its cause, the cause of that, and so on."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__

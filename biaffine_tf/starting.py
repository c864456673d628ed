"""Makes Ctrl-C end commands quietly during imports; imported before all else.

Imports next to nothing itself.
"""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130  # exit code


def quit_when_interrupted() -> None:
    """Makes Ctrl-C end the process at once, until a command takes over.

    A process that was started with Ctrl-C ignored continues to ignore it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, quit_at_once)


def quit_at_once(*_: object) -> None:
    """Handles Ctrl-C while there is nothing to clean up."""
    try:
        os.write(2, b"\ninterrupted\n")
    finally:
        os._exit(INTERRUPTED)


quit_when_interrupted()

"""Imported first by commands: Ctrl-C ends them quietly while the rest loads.

It imports next to nothing itself.
"""

from __future__ import annotations

import os
import signal

INTERRUPTED = 130  # exit code


def quit_when_interrupted() -> None:
    """Makes Ctrl-C end the process at once, as long as there is nothing to do.

    A process that was started to ignore Ctrl-C goes on ignoring it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, quit_at_once)


def quit_at_once(*_: object) -> None:
    """Handler of Ctrl-C where there is nothing to end or to tidy up."""
    try:
        os.write(2, b"\ninterrupted\n")
    finally:
        os._exit(INTERRUPTED)


quit_when_interrupted()

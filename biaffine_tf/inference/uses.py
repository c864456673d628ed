"""Calls in progress on something that can be closed."""

from __future__ import annotations

import collections
import os
import threading


class Uses:
    """Threads that use something, each as often as it has entered.

    Attributes:
        changed: To be held while uses are looked at and something follows from
            what is seen; a thread may hold it several times.
        process: Id of the process: threads of another did not come along when
            this one was forked.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.process = os.getpid()
        self._threads: collections.Counter[int] = collections.Counter()

    def __bool__(self) -> bool:
        return bool(self._threads)

    @property
    def is_mine(self) -> bool:
        """Whether this thread is one of them."""
        return threading.get_ident() in self._threads

    def enter(self) -> None:
        """Adds a use by this thread."""
        with self.changed:
            self._threads[threading.get_ident()] += 1

    def leave(self) -> None:
        """Takes one away."""
        thread = threading.get_ident()
        with self.changed:
            self._threads[thread] -= 1
            if not self._threads[thread]:
                del self._threads[thread]
            self.changed.notify_all()

    def wait_for_none(self) -> None:
        """Returns when nobody uses it; the caller holds `changed`."""
        self.changed.wait_for(lambda: not self._threads)

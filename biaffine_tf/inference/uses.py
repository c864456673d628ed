"""Count of the calls in progress on a closable object."""

from __future__ import annotations

import collections
import os
import threading


class Uses:
    """Threads that use an object, each as often as it has entered.

    Attributes:
        changed: Condition to hold while uses are read and acted upon;
            reentrant.
        process: Process id, since a fork does not inherit threads.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.process = os.getpid()
        self._threads: collections.Counter[int] = collections.Counter()

    def __bool__(self) -> bool:
        return bool(self._threads)

    @property
    def is_mine(self) -> bool:
        """Whether this thread is among them."""
        return threading.get_ident() in self._threads

    def enter(self) -> None:
        """Adds a use by this thread."""
        with self.changed:
            self._threads[threading.get_ident()] += 1

    def leave(self) -> None:
        """Removes a use by this thread."""
        thread = threading.get_ident()
        with self.changed:
            self._threads[thread] -= 1
            if not self._threads[thread]:
                del self._threads[thread]
            self.changed.notify_all()

    def wait_for_none(self) -> None:
        """Waits until there is no use; the caller holds `changed`."""
        self.changed.wait_for(lambda: not self._threads)

"""An ONNX model that shares the cores among the batches in progress."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from biaffine_tf import machine
from biaffine_tf.inference.onnx_session import open_session

if TYPE_CHECKING:
    import numpy as np
    import onnxruntime


class _State(threading.Condition):
    """Use of the cores in a process, a condition to hold while it is read.

    Attributes:
        process: Process id, since a fork inherits no calls in progress.
        calls: Number of calls that run or wait.
        taken: Number of cores that are taken.
        shares: Number of `sharing` blocks in progress.
    """

    def __init__(self) -> None:
        super().__init__()
        self.process = os.getpid()
        self.calls = self.taken = self.shares = 0


class OnnxSessions:
    """Runs a model, on all cores or on one.

    A batch alone gets all cores. Of several at a time, each gets one: threads
    that never wait for each other within an operation do a quarter more. This
    takes a session of its own, which is loaded when it is first needed, and
    the memory of the weights again.

    Args:
        path: Path of the model.
        threads: Maximum number of cores to use; None for all.

    Raises:
        ConfigError: As for `open_session`.

    Attributes:
        cores: Maximum number of cores to use.
    """

    def __init__(self, path: str, threads: int | None) -> None:
        self._whole = open_session(path, threads)
        self.cores = threads or machine.usable_cores()
        self._path, self._identity = path, _identity(path)
        self._single = self._whole if self.cores == 1 else None
        self._state = _State()

    @property
    def metadata(self) -> Mapping[str, str]:
        """Metadata of the model."""
        return self._whole.get_modelmeta().custom_metadata_map

    def run(self, inputs: Mapping[str, Any]) -> list[np.ndarray]:
        """Returns all outputs of a batch; waits while all cores are taken."""
        with self._core_or_all() as session:
            return session.run(None, inputs)

    @contextlib.contextmanager
    def sharing(self) -> Iterator[None]:
        """Within the block, calls get one core each."""
        state = self._current()
        with state:
            state.shares += 1
        try:
            yield
        finally:
            with state:
                state.shares -= 1

    @contextlib.contextmanager
    def _core_or_all(self) -> Iterator[onnxruntime.InferenceSession]:
        state = self._current()
        with state:
            state.calls += 1
            session = self._whole
            cores = self.cores
            if state.shares or state.calls > 1:
                session = self._opened()
                cores = 1 if session is self._single else self.cores
            state.wait_for(lambda: state.taken + cores <= self.cores)
            state.taken += cores
        try:
            yield session
        finally:
            with state:
                state.calls -= 1
                state.taken -= cores
                state.notify_all()

    def _opened(self) -> onnxruntime.InferenceSession:
        """Returns the session on one core, or that on all if it is gone."""
        if self._single is None:
            # A file that was replaced may hold another model.
            if _identity(self._path) != self._identity:
                return self._whole
            self._single = open_session(self._path, 1)
        return self._single

    def _current(self) -> _State:
        if self._state.process != os.getpid():
            self._state = _State()
        return self._state


def _identity(path: str) -> tuple[int, ...]:
    """Returns what changes when a file is replaced; empty if it is gone."""
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns

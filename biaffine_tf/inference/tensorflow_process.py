"""Binding of TensorFlow to the process that first uses it.

A fork does not inherit TensorFlow's threads: calls in the child would wait for
them forever.
"""

from __future__ import annotations

import gc
import os

from biaffine_tf.errors import ConfigError

_owner: int | None = None


def acquire_process() -> None:
    """Binds TensorFlow to this process.

    Call it before any use of TensorFlow.

    Raises:
        ConfigError: If it was bound to a process that this one was forked from.
    """
    global _owner
    if _owner is None:
        _owner = os.getpid()
    if is_foreign():
        raise ConfigError(
            f"process {os.getpid()} was forked after process {_owner} had "
            "loaded a model, and TensorFlow does not work in it",
            remedy="load the model after the fork (gunicorn: without "
            "--preload, or in post_fork; multiprocessing: 'spawn'), or load "
            "an ONNX export of it",
        )


def is_foreign() -> bool:
    """Whether TensorFlow is bound to a parent of this process."""
    return _owner is not None and _owner != os.getpid()


def free_graphs() -> None:
    """Frees the memory of models that are no longer referred to.

    Graphs are reference cycles, which Python collects more rarely the more
    objects there are. Does nothing in a fork.
    """
    if not is_foreign():
        gc.collect()

"""TensorFlow and the process that it works in.

Its threads do not come along through a fork: calls in the child would wait for
them for ever.
"""

from __future__ import annotations

import gc
import os

from biaffine_tf.errors import ConfigError

_owner: int | None = None


def claim_process() -> None:
    """Notes that TensorFlow works in this process.

    Call it before TensorFlow is asked for anything.

    Raises:
        ConfigError: If a process that this one was forked from has claimed it.
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
    """Whether this process is a fork of one that TensorFlow works in."""
    return _owner is not None and _owner != os.getpid()


def free_graphs() -> None:
    """Frees the memory of models that nothing refers to any more.

    Graphs refer to themselves, and Python looks for such garbage the more
    rarely the more there is besides. In a fork they are left alone.
    """
    if not is_foreign():
        gc.collect()

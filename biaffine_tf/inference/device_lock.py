"""Lock for TensorFlow on a GPU, which must serve one thread at a time.

When several threads call TensorFlow 2.20 on a GPU at once, it mixes up their
tensors: calls fail at random, with "required broadcastable shapes" or the like
(https://github.com/tensorflow/tensorflow/issues/123980). On CPUs it does not.
"""

from __future__ import annotations

import contextlib
import functools
import threading

import tensorflow as tf

_LOCK = threading.Lock()


def device_lock() -> contextlib.AbstractContextManager[object]:
    """Returns the lock to hold while TensorFlow is called and its output read.

    Returns:
        The process-wide lock if there is a GPU, else a null context.
    """
    return _LOCK if _has_gpu() else contextlib.nullcontext()


@functools.cache
def _has_gpu() -> bool:
    return bool(tf.config.get_visible_devices("GPU"))

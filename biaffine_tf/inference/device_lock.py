"""A lock for TensorFlow on a GPU, which answers one thread at a time there.

Called by several threads at once, TensorFlow 2.20 mixes up their tensors on a
GPU: calls fail at random, with "required broadcastable shapes" or the like
(https://github.com/tensorflow/tensorflow/issues/123980). On CPUs it does not.
"""

from __future__ import annotations

import contextlib
import functools
import threading

import tensorflow as tf

_LOCK = threading.Lock()


def device_lock() -> contextlib.AbstractContextManager[object]:
    """To be held while TensorFlow is called and its answer read.

    Returns:
        The one lock of the process where there is a GPU, else no lock.
    """
    return _LOCK if _has_gpu() else contextlib.nullcontext()


@functools.cache
def _has_gpu() -> bool:
    return bool(tf.config.get_visible_devices("GPU"))

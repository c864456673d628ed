"""Who may call TensorFlow: on a GPU, one thread at a time.

Called by several threads at once, TensorFlow 2.20 mixes up their tensors there:
calls fail at random, with "required broadcastable shapes" or the like
(https://github.com/tensorflow/tensorflow/issues/123980). On CPUs it does not.
"""

from __future__ import annotations

import contextlib
import functools
import threading

import tensorflow as tf

_TURN = threading.Lock()


def turn() -> contextlib.AbstractContextManager[object]:
    """To be held while TensorFlow is called and its answer read.

    Returns:
        A lock of the whole process where there is a GPU, else nothing.
    """
    return _TURN if _has_gpu() else contextlib.nullcontext()


@functools.cache
def _has_gpu() -> bool:
    return bool(tf.config.get_visible_devices("GPU"))

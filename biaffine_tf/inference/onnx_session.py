"""Sessions of onnxruntime, also in processes that are forked."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import TYPE_CHECKING

from biaffine_tf.errors import ConfigError
from biaffine_tf.model_directory import onnx_model

if TYPE_CHECKING:
    import onnxruntime

_ONLY_FATAL = 4  # severity of what onnxruntime logs; errors are raised
_SESSIONS: weakref.WeakSet[onnxruntime.InferenceSession] = weakref.WeakSet()


def open_session(
    path: str, threads: int | None
) -> onnxruntime.InferenceSession:
    """Loads a model.

    Raises:
        ConfigError: If it is missing or damaged, or onnxruntime is.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be positive or None, got {threads}")
    if not os.path.isfile(path):
        raise ConfigError(f"{path}: no such file", remedy=onnx_model.REMEDY)
    # Else 1.32 starts a thread for telemetry, and forks hang when they exit.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ConfigError(
            "onnxruntime is not installed", remedy="pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.log_severity_level = _ONLY_FATAL
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors share no class of their own
        raise ConfigError(
            f"{path}: not readable as a model ({error})",
            remedy=onnx_model.REMEDY,
        ) from error
    _SESSIONS.add(session)
    return session


def _keep_in_child() -> None:
    """Makes sessions that came along through a fork last until its end.

    They answer there, by the thread that calls. But their own threads did not
    come along, and whoever ends a session waits for these for ever.
    """
    for session in _SESSIONS:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


os.register_at_fork(after_in_child=_keep_in_child)

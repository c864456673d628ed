"""Sessions of onnxruntime that survive forks."""

from __future__ import annotations

import ctypes
import os
import weakref
from typing import TYPE_CHECKING

from biaffine_tf import machine
from biaffine_tf.errors import ConfigError
from biaffine_tf.model_directory import onnx_model

if TYPE_CHECKING:
    import onnxruntime

_ONLY_FATAL = 4  # log severity of onnxruntime; errors are raised
_SESSIONS: weakref.WeakSet[onnxruntime.InferenceSession] = weakref.WeakSet()


def open_session(
    path: str, threads: int | None
) -> onnxruntime.InferenceSession:
    """Loads an ONNX model.

    Raises:
        ConfigError: If the model is missing or damaged, or onnxruntime is not
            installed.
    """
    if threads is not None and threads < 1:
        raise ConfigError(f"threads must be positive or None, got {threads}")
    if not os.path.isfile(path):
        raise ConfigError(f"{path}: no such file", remedy=onnx_model.REMEDY)
    # Version 1.32 would start a thread for telemetry, and forks hang at exit.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise ConfigError(
            "onnxruntime is not installed", remedy="pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    # Its own default knows no limits of control groups.
    options.intra_op_num_threads = threads or machine.usable_cores()
    options.log_severity_level = _ONLY_FATAL
    try:
        session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # its errors have no common class
        raise ConfigError(
            f"{path}: not readable as a model ({error})",
            remedy=onnx_model.REMEDY,
        ) from error
    _SESSIONS.add(session)
    return session


def _keep_in_child() -> None:
    """Keeps inherited sessions until the end of a forked process.

    They work there in the calling thread. But their own threads are not
    inherited, and the end of a session would wait for these forever.
    """
    for session in _SESSIONS:
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


os.register_at_fork(after_in_child=_keep_in_child)

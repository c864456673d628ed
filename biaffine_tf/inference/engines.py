"""Choice of the program that predicts with a model directory."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from biaffine_tf import heads, machine, model_directory
from biaffine_tf.config import PREDICTION_PRECISION, Engine
from biaffine_tf.errors import ConfigError
from biaffine_tf.model_directory import onnx_form

_PROGRAMS = {Engine.ONNX: "ONNX Runtime", Engine.TENSORFLOW: "TensorFlow"}


class EngineChoice(NamedTuple):
    """Engine of a predictor.

    Attributes:
        engine: ONNX Runtime or TensorFlow.
        reason: Why `auto` did not choose ONNX Runtime; empty if it did, or if
            the engine was given.
    """

    engine: Engine
    reason: str = ""

    def __str__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"{self.engine}{reason}"


def choose(
    directory: str | os.PathLike[str], options: Mapping[str, Any]
) -> EngineChoice:
    """Chooses the engine of a model directory.

    Args:
        directory: Model directory.
        options: Given options of loading it, converted.

    Raises:
        ConfigError: If the engine that is asked for cannot do it.
    """
    wanted = options.get("engine") or Engine.AUTO
    if wanted is Engine.TENSORFLOW:
        return EngineChoice(wanted)
    reason = _against_onnx(directory, options, wanted)
    if not reason:
        return EngineChoice(Engine.ONNX)
    if wanted is Engine.AUTO:
        return EngineChoice(Engine.TENSORFLOW, reason)
    raise ConfigError(
        f"{os.fspath(directory)}: engine=onnx is asked for, but {reason}",
        remedy=f"give engine=tensorflow; {onnx_form.REMEDY}",
    )


def choose_for_member(
    directory: str | os.PathLike[str], options: Mapping[str, Any]
) -> EngineChoice:
    """Chooses the engine of a member of an ensemble: TensorFlow if it must.

    Args:
        directory: Model directory of the member.
        options: Given options of loading the ensemble, converted.
    """
    wanted = options.get("engine") or Engine.AUTO
    if wanted is Engine.TENSORFLOW:
        return EngineChoice(wanted)
    head = model_directory.read_config(os.fspath(directory)).model.head
    if heads.distils(head.name) and not head.multi_label:
        reason = "members propose every label of a span, its ONNX form one"
    else:
        reason = _against_onnx(directory, options, wanted)
    engine = Engine.TENSORFLOW if reason else Engine.ONNX
    return EngineChoice(engine, reason)


def check_fixed(
    directory: str | os.PathLike[str], engine: Engine, wanted: Engine | None
) -> EngineChoice:
    """Checks the engine that is asked for of an export, which has one.

    Args:
        directory: Folder of the export.
        engine: Engine of its kind.
        wanted: Engine that is asked for, if any.

    Raises:
        ConfigError: If it is another.
    """
    if wanted in (None, Engine.AUTO, engine):
        return EngineChoice(engine)
    raise ConfigError(
        f"{os.fspath(directory)}: an export that {_PROGRAMS[engine]} runs, but "
        f"engine={wanted} is asked for",
        remedy="leave it out, or give the model directory",
    )


def check_threads(
    directory: str | os.PathLike[str],
    choices: Sequence[EngineChoice],
    threads: int | None,
) -> None:
    """Checks that there is a use for a number of threads.

    Args:
        directory: Model directory or ensemble.
        choices: Engine of the model, or of each member.
        threads: Given number of threads, or None.

    Raises:
        ConfigError: If TensorFlow predicts, which takes none.
    """
    if threads is None or any(one.engine is Engine.ONNX for one in choices):
        return
    raise ConfigError(
        f"{os.fspath(directory)}: the number of threads is for ONNX Runtime, "
        f"but the engine is {choices[0]}",
        remedy="leave it out",
    )


def _against_onnx(
    directory: str | os.PathLike[str],
    options: Mapping[str, Any],
    wanted: Engine,
) -> str:
    """Returns why ONNX Runtime cannot or should not predict, or nothing."""
    reason = _unknown_to_onnx(options)
    if not reason and wanted is Engine.AUTO:
        config = model_directory.read_config(os.fspath(directory))
        scored = config.training.evaluation_precision
        if scored is not PREDICTION_PRECISION:
            reason = f"its dev scores are of {scored}"
    reason = reason or onnx_form.find_obstacle(directory) or ""
    if not reason and not _is_installed("onnxruntime"):
        reason = "onnxruntime is not installed"
    if not reason and wanted is Engine.AUTO and _is_installed("tensorflow"):
        reason = "there is a GPU" if machine.has_gpu() else ""
    return reason


def _unknown_to_onnx(options: Mapping[str, Any]) -> str:
    """Returns a setting that ONNX Runtime does not know, or nothing."""
    if options.get("xla"):
        return "XLA is asked for"
    precision = options.get("precision") or PREDICTION_PRECISION
    if precision is not PREDICTION_PRECISION:
        return f"precision={precision} is asked for"
    return ""


def _is_installed(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ValueError:  # a module that was blocked, or made by hand
        return False

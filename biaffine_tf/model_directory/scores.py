"""Reads `scores.json` and `history.json` of a run; no TensorFlow."""

from __future__ import annotations

import os
from typing import Any

from biaffine_tf.errors import ConfigError
from biaffine_tf.json_files import find_problem, read_json
from biaffine_tf.model_directory.names import (
    CHECKPOINTS,
    HISTORY,
    PREDICTIONS,
    SCORES,
)
from biaffine_tf.model_directory.weights import check_weights

_DELETE = "delete it and start the command again"
_METRICS = {"precision": float, "recall": float, "f1": float}
_COUNTS = {"gold": int, "predicted": int, "correct": int}
_LOW_HIGH = {"low": float, "high": float}
_INTERVAL = dict.fromkeys(_METRICS, _LOW_HIGH)
_AVERAGES = ("micro", "macro", "cluener")
_INTERVALS = {
    **dict.fromkeys(_AVERAGES, _INTERVAL),
    "labels": {str: _INTERVAL},
}
_SCORED = {
    **dict.fromkeys(_AVERAGES, _METRICS),
    "labels": {str: _METRICS | _COUNTS},
    "sentences": int,
}
_SCORES = {
    "complete": bool,
    "epoch?": int,
    "average?": str,
    "epochs?": int,
    "seconds?": float,
    "seconds_per_epoch?": float,
    "training_counts?": {str: int},
    "eval_counts?": {str: int},
    "environment?": {str: object},
    "intervals?": _INTERVALS,
    "test?": {**_SCORED, "intervals": _INTERVALS, "of": {"model": str}},
}
_HISTORY = {"epochs": [{"epoch": int, "loss": float, "seconds?": float}]}


def read_scores(directory: str) -> dict[str, Any] | None:
    """Reads `scores.json`; None before the end of the first epoch.

    Raises:
        ConfigError: If the file is damaged.
    """
    path, what = os.path.join(directory, SCORES), "the scores of a run"
    try:
        scores = read_json(path, _SCORES, what=what, remedy=_DELETE)
    except FileNotFoundError:
        return None
    problem = find_problem(scores, _SCORED) if "micro" in scores else None
    if problem is not None:
        raise ConfigError(f"{path}: not {what} ({problem})", remedy=_DELETE)
    return scores


def read_history(directory: str) -> list[dict[str, Any]]:
    """Reads the epochs of a run; empty before the end of the first epoch.

    Raises:
        ConfigError: If the file is damaged.
    """
    try:
        return read_epochs(os.path.join(directory, HISTORY), remedy=_DELETE)
    except FileNotFoundError:
        return []


def read_epochs(path: str, *, remedy: str) -> list[dict[str, Any]]:
    """Reads the epochs of a `history.json`.

    Args:
        path: Path of the file.
        remedy: Remedy for a damaged file.

    Raises:
        FileNotFoundError: If the file is missing.
        ConfigError: If the file is damaged.
    """
    history = read_json(
        path, _HISTORY, what="the history of a run", remedy=remedy
    )
    return history["epochs"]


def check_kept(directory: str, *, has_dev_set: bool) -> None:
    """Checks that the best epoch of a continued run is complete.

    Args:
        directory: Output directory of the run.
        has_dev_set: Whether the run has dev scores and predictions.

    Raises:
        ConfigError: If weights, scores or predictions are missing.
    """
    remedy = f"delete {os.path.join(directory, CHECKPOINTS)} to begin anew"
    try:
        scores = read_scores(directory)
        check_weights(directory)
    except ConfigError as error:
        raise ConfigError(error.problem, remedy=remedy) from error
    needed = {"epoch", "micro"} if has_dev_set else {"epoch"}
    missing = [] if needed <= (scores or {}).keys() else [SCORES]
    predictions = os.path.join(directory, PREDICTIONS)
    if has_dev_set and not os.path.exists(predictions):
        missing.append(PREDICTIONS)
    if missing:
        raise ConfigError(
            f"{directory}: {' and '.join(missing)} of the best epoch missing",
            remedy=remedy,
        )

"""Trains from Python: `biaffine_tf.train`."""

from __future__ import annotations

import dataclasses
import functools
import os
import threading
from typing import Any

from biaffine_tf import model_directory
from biaffine_tf.commands import flags, train
from biaffine_tf.commands.flag_types import given
from biaffine_tf.commands.running import TENSORFLOW_ENVIRONMENT
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.base import BasePredictor

_ONE_AT_A_TIME = threading.Lock()


@dataclasses.dataclass(frozen=True)
class TrainingResult:
    """A finished training run.

    Attributes:
        model_dir: Path of the model directory.
        scores: Content of its `scores.json`: dev scores of the selected epoch,
            if there is a dev set, and how they were obtained.
    """

    model_dir: str
    scores: dict[str, Any]

    @functools.cached_property
    def predictor(self) -> BasePredictor:
        """Predictor of the model with its default settings."""
        from biaffine_tf.inference import loading

        return loading.load(self.model_dir, {}, verify=True)


def run_training(settings: dict[str, Any]) -> TrainingResult:
    """Trains as `run_classifier.py` does; see `biaffine_tf.train`."""
    for name in ("plan", "check_only"):
        if settings.get(name):
            raise ConfigError(
                f"{name} does not train", remedy=f"biaffine-train --{name}"
            )
    model_dir = os.fspath(settings["output_dir"])
    for name, value in TENSORFLOW_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    with _ONE_AT_A_TIME, given(flags.define_training_flags, settings):
        train.main()
    scores = model_directory.read_scores(model_dir)
    assert scores is not None
    return TrainingResult(model_dir, scores)

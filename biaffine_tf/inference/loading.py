"""From a directory to the predictor of what it holds."""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Mapping
from typing import Any

from biaffine_tf import model_directory
from biaffine_tf.config import (
    PREDICTION_PRECISION,
    DecodingConfig,
    PredictionConfig,
    require,
    settings_of,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.model_directory.fingerprints import SAVED_MODEL
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL
from biaffine_tf.tokenization import Windowing


class Kind(enum.StrEnum):
    """What a directory may hold to predict with."""

    MODEL = "a model directory"
    SAVED_MODEL = "a SavedModel"
    ONNX = "an ONNX model"


_OUTSIDE_A_GRAPH: dict[str, Any] = {
    "calibrated": True,
    "thresholds": True,
    "long_text": None,
    "window_overlap": None,
    "batch_size": 64,
}
# What `from_directory` takes but for decoding settings, and what stands for
# what is not given.
OPTIONS: dict[Kind, dict[str, Any]] = {
    Kind.MODEL: {
        **_OUTSIDE_A_GRAPH,
        "precision": PREDICTION_PRECISION,
        "xla": False,
    },
    Kind.SAVED_MODEL: {"batch_size": 512},
    Kind.ONNX: {**_OUTSIDE_A_GRAPH, "threads": None},
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """What predictions come from, before it is loaded.

    Attributes:
        kind: What it is.
        options: Of its predictor but for decoding settings, as they come to
            be by what is given, what is not, and the directory.
        decoding: How candidates become entities.
        windowing: What becomes of long texts; None where a graph sees to that.
        notes: What a user should know of all this.
    """

    kind: Kind
    options: dict[str, Any]
    decoding: DecodingConfig
    windowing: Windowing | None
    notes: tuple[str, ...] = ()


def _find_kind(directory: str | os.PathLike[str]) -> Kind:
    """What a directory holds, by its files; a model if it has none of them."""
    model_directory.check_is_folder(directory)
    for name, kind in (
        (ONNX_MODEL, Kind.ONNX),
        (SAVED_MODEL, Kind.SAVED_MODEL),
    ):
        if os.path.exists(os.path.join(directory, name)):
            return kind
    return Kind.MODEL


def inspect(directory: str, options: Mapping[str, Any]) -> Source:
    """Finds out what can be wrong without loading TensorFlow.

    Args:
        directory: Written by `run_classifier.py` or an export.
        options: Of `from_directory` of its predictor.

    Raises:
        ConfigError: If the directory is incomplete, or an option is unknown to
            its predictor or out of range.
    """
    kind = _find_kind(directory)
    given = _check(kind, options)
    model_directory.check_digests(directory, weights=False)
    loading = {k: given.get(k, default) for k, default in OPTIONS[kind].items()}
    settings = {k: v for k, v in given.items() if k not in loading}
    if kind is Kind.SAVED_MODEL:
        manifest = model_directory.Manifest.read(directory)
        manifest.check_decoding(settings)
        return Source(
            kind=kind,
            options=loading,
            decoding=manifest.decoding,
            windowing=None,
        )
    config = model_directory.read_description(directory).config
    windowing = Windowing.of(
        config.model,
        long_text=loading["long_text"],
        window_overlap=loading["window_overlap"],
    )
    decoding = config.decoding.replace_given(**settings)
    if kind is Kind.MODEL:
        model_directory.check_weights(directory)
    model_directory.read_confidence(directory)
    loading["long_text"] = windowing.long_text
    loading["window_overlap"] = windowing.overlap
    return Source(
        kind=kind,
        options=loading,
        decoding=decoding,
        windowing=windowing,
        notes=_notes(directory, kind, loading),
    )


def _notes(
    directory: str | os.PathLike[str], kind: Kind, options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Says that a model predicts in another precision than it was scored in."""
    if kind is not Kind.MODEL:
        return ()
    training = model_directory.read_config(os.fspath(directory)).training
    scored = training.evaluation_precision
    precision = options.get("precision", PREDICTION_PRECISION)
    if precision is scored:
        return ()
    return (
        f"{os.fspath(directory)}: predicts in {precision}, while its dev "
        f"scores, calibration and thresholds are of {scored}: some entities "
        f"may differ; precision={scored} predicts as it was scored",
    )


def load(
    directory: str | os.PathLike[str],
    options: Mapping[str, Any],
    verify: bool = True,
) -> BasePredictor:
    """Loads what a directory holds, and only what that needs.

    Arguments and errors are those of `inspect`.

    Args:
        directory: As there.
        options: As there.
        verify: Whether to check the digest of the weights, too.
    """
    kind = _find_kind(directory)
    given = _check(kind, options)
    require(isinstance(verify, bool), "verify", verify, "true or false")
    with model_directory.intact(directory, weights=verify):
        made = _predictor(kind).from_directory(directory, **given)
    made.origin = load, (os.path.abspath(directory), dict(options), verify)
    made.notes = _notes(directory, kind, given)
    return made


def _predictor(kind: Kind) -> Any:
    """The class, imported by the first that needs it."""
    predictor: Any
    if kind is Kind.ONNX:
        from biaffine_tf.inference.onnx import OnnxPredictor as predictor
    elif kind is Kind.SAVED_MODEL:
        from biaffine_tf.inference.saved_model import (
            SavedModelPredictor as predictor,
        )
    else:
        from biaffine_tf.inference.predictor import Predictor as predictor
    return predictor


def _check(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    """Options as they were given, the names of enums as their members.

    Raises:
        ConfigError: If a predictor does not know one, or not its value.
    """
    settings = settings_of(DecodingConfig).keys()
    known = [*OPTIONS[kind], *settings]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise ConfigError(
            f"{kind} is loaded without {unknown[0]!r}",
            remedy=f"give some of {', '.join(sorted(known))}",
        )
    # Before TensorFlow is loaded; with those of the directory later.
    DecodingConfig().replace_given(
        **{k: v for k, v in options.items() if k in settings}
    )
    checks = settings_of(PredictionConfig)
    return {
        name: value
        if name in settings
        else checks[name].convert(value, shown=name)
        for name, value in options.items()
    }

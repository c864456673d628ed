"""Loads the predictor of a directory."""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from biaffine_tf import model_directory
from biaffine_tf.config import (
    PREDICTION_PRECISION,
    DecodingConfig,
    Engine,
    PredictionConfig,
    require,
    settings_of,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.inference import engines
from biaffine_tf.inference.base import BasePredictor
from biaffine_tf.inference.engines import EngineChoice
from biaffine_tf.model_directory import onnx_form
from biaffine_tf.model_directory.digests import meanwhile
from biaffine_tf.model_directory.fingerprints import SAVED_MODEL
from biaffine_tf.model_directory.onnx_model import ONNX_MODEL
from biaffine_tf.tokenization import Windowing


class Kind(enum.StrEnum):
    """Kind of a directory to predict with."""

    MODEL = "a model directory"
    ENSEMBLE = "an ensemble"
    SAVED_MODEL = "a SavedModel"
    ONNX = "an ONNX model"


_LOG = logging.getLogger("biaffine_tf")

_OUTSIDE_A_GRAPH: dict[str, Any] = {
    "calibrated": True,
    "thresholds": True,
    "long_text": None,
    "window_overlap": None,
    "batch_size": 64,
}
_OF_A_MODEL: dict[str, Any] = {
    **_OUTSIDE_A_GRAPH,
    "precision": PREDICTION_PRECISION,
    "xla": False,
}
# Arguments of `from_directory` other than decoding settings, with their
# defaults.
OPTIONS: dict[Kind, dict[str, Any]] = {
    Kind.MODEL: _OF_A_MODEL,
    Kind.ENSEMBLE: {**_OF_A_MODEL, "engine": Engine.AUTO, "threads": None},
    Kind.SAVED_MODEL: {"batch_size": 512},
    Kind.ONNX: {**_OUTSIDE_A_GRAPH, "threads": None},
}
# Further options, from which the predictor is chosen.
_CHOOSING = {
    Kind.MODEL: ("engine", "threads"),
    Kind.ENSEMBLE: (),
    Kind.SAVED_MODEL: ("engine",),
    Kind.ONNX: ("engine",),
}
# Engines of directories that leave no choice.
_FIXED = {Kind.SAVED_MODEL: Engine.TENSORFLOW, Kind.ONNX: Engine.ONNX}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Source:
    """A directory to predict with, before it is loaded.

    Attributes:
        kind: Kind of the directory.
        options: Arguments of its predictor other than decoding settings, with
            defaults from the directory.
        engines: Program that computes the predictions; of an ensemble, that of
            each member.
        decoding: Settings of decoding.
        windowing: Treatment of long texts; None if a graph does it.
        notes: Remarks for users.
    """

    kind: Kind
    options: dict[str, Any]
    engines: tuple[EngineChoice, ...]
    decoding: DecodingConfig
    windowing: Windowing | None
    notes: tuple[str, ...] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """All settings that predictions depend on, as a bulk job keeps them."""
        chosen = {}
        if self.kind not in _FIXED:
            names = [str(one.engine) for one in self.engines]
            names = names if len(set(names)) > 1 else names[:1]
            chosen["engine"] = ",".join(names)
        return {**self.options, **dataclasses.asdict(self.decoding), **chosen}


def _find_kind(directory: str | os.PathLike[str]) -> Kind:
    """Detects the kind of a directory from its files; default: a model."""
    model_directory.check_is_folder(directory)
    for name, kind in (
        (model_directory.ENSEMBLE, Kind.ENSEMBLE),
        (ONNX_MODEL, Kind.ONNX),
        (SAVED_MODEL, Kind.SAVED_MODEL),
    ):
        if os.path.exists(os.path.join(directory, name)):
            return kind
    return Kind.MODEL


def inspect(directory: str, options: Mapping[str, Any]) -> Source:
    """Checks a directory and options without loading TensorFlow.

    Args:
        directory: Written by `run_classifier.py` or an export.
        options: Arguments of `from_directory` of its predictor.

    Raises:
        ConfigError: If the directory is incomplete, or an option is unknown or
            out of range.
    """
    kind = _find_kind(directory)
    given = _check(kind, options)
    model_directory.check_digests(directory, weights=False)
    loading = {k: given.get(k, default) for k, default in OPTIONS[kind].items()}
    settings = _decoding(kind, given)
    if kind is Kind.SAVED_MODEL:
        manifest = model_directory.Manifest.read(directory)
        manifest.check_decoding(settings)
        return Source(
            kind=kind,
            options=loading,
            engines=_engines(directory, kind, given),
            decoding=manifest.decoding,
            windowing=None,
        )
    if kind is Kind.ENSEMBLE:
        return _inspect_ensemble(directory, options, loading, settings)
    config = model_directory.read_description(directory).config
    windowing = Windowing.of(
        config.model,
        long_text=loading["long_text"],
        window_overlap=loading["window_overlap"],
    )
    decoding = config.decoding.replace_given(**settings)
    chosen = _engines(directory, kind, given)
    if chosen[0].engine is Engine.TENSORFLOW:
        model_directory.check_weights(directory)
    model_directory.read_confidence(directory)
    loading["long_text"] = windowing.long_text
    loading["window_overlap"] = windowing.overlap
    return Source(
        kind=kind,
        options=loading,
        engines=chosen,
        decoding=decoding,
        windowing=windowing,
        notes=_notes(directory, kind, loading),
    )


def _inspect_ensemble(
    directory: str,
    options: Mapping[str, Any],
    loading: Mapping[str, Any],
    settings: Mapping[str, Any],
) -> Source:
    """Checks the members of an ensemble; see `inspect`."""
    from biaffine_tf.inference import ensemble as ensembles

    ensemble = ensembles.open_ensemble(directory)
    chosen = _engines(directory, Kind.ENSEMBLE, loading)
    own = {k: v for k, v in options.items() if k in OPTIONS[Kind.MODEL]}
    sources = [
        inspect(one, {**own, "engine": choice.engine})
        for one, choice in zip(ensemble.directories, chosen, strict=True)
    ]
    _check_members(ensemble, weights=False)
    decoding = ensembles.decoding_of(ensemble).replace_given(**settings)
    ensembles.check_decoding(decoding)
    return Source(
        kind=Kind.ENSEMBLE,
        options=dict(loading),
        engines=chosen,
        decoding=decoding,
        windowing=sources[0].windowing,
        notes=tuple(note for one in sources for note in one.notes),
    )


def _check_members(
    ensemble: model_directory.Ensemble, *, weights: bool
) -> None:
    """Checks that the members of an ensemble are intact."""
    model_directory.check_members(
        ensemble,
        [
            model_directory.model_fingerprints(one, weights=weights)
            for one in ensemble.directories
        ],
    )


def _notes(
    directory: str | os.PathLike[str], kind: Kind, options: Mapping[str, Any]
) -> tuple[str, ...]:
    """Notes if the precision differs from that of the dev scores."""
    if kind is not Kind.MODEL:
        return ()
    training = model_directory.read_config(os.fspath(directory)).training
    scored = training.evaluation_precision
    precision = options.get("precision", PREDICTION_PRECISION)
    if precision is scored:
        return ()
    return (
        f"{os.fspath(directory)}: predicts in {precision}, but its dev "
        f"scores, calibration and thresholds are of {scored}: some entities "
        f"may differ; precision={scored} predicts as it was scored",
    )


def load(
    directory: str | os.PathLike[str],
    options: Mapping[str, Any],
    verify: bool = True,
) -> BasePredictor:
    """Loads the predictor of a directory.

    Arguments and errors are those of `inspect`.

    Args:
        directory: See `inspect`.
        options: See `inspect`.
        verify: Whether to check the digest of the weights as well.
    """
    kind = _find_kind(directory)
    given = _check(kind, options)
    require(isinstance(verify, bool), "verify", verify, "true or false")
    if kind is Kind.ENSEMBLE:
        loading = {**OPTIONS[kind], **given}
        _inspect_ensemble(
            os.fspath(directory), options, loading, _decoding(kind, given)
        )
    chosen = _engines(directory, kind, given)
    own = {k: v for k, v in given.items() if k not in _CHOOSING[kind]}
    if kind is Kind.MODEL and chosen[0].engine is Engine.ONNX:
        own = {k: v for k, v in own.items() if k not in ("precision", "xla")}
        own["threads"] = given.get("threads")
    with _intact(directory, kind, chosen, verify):
        made = _predictor(kind, chosen).from_directory(directory, **own)
    made.origin = load, (os.path.abspath(directory), dict(options), verify)
    made.notes = _notes(directory, kind, given)
    made.engines = chosen
    _LOG.info("%r", made)
    return made


@contextlib.contextmanager
def _intact(
    directory: str | os.PathLike[str],
    kind: Kind,
    chosen: Sequence[EngineChoice],
    verify: bool,
) -> Iterator[None]:
    """Checks the files of a directory while the block loads them."""
    if not verify or kind in _FIXED:
        with model_directory.intact(directory, weights=verify):
            yield
        return
    members = [directory]
    if kind is Kind.ENSEMBLE:
        ensemble = model_directory.read_ensemble(os.fspath(directory))
        members = list(ensemble.directories)
        _check_members(ensemble, weights=True)

    def check_forms() -> None:
        for one, choice in zip(members, chosen, strict=True):
            if choice.engine is Engine.ONNX:
                onnx_form.check_form(one)

    with model_directory.intact(directory), meanwhile(check_forms):
        yield


def _engines(
    directory: str | os.PathLike[str], kind: Kind, given: Mapping[str, Any]
) -> tuple[EngineChoice, ...]:
    """Chooses the engine of a directory, or of each member of an ensemble."""
    if kind in _FIXED:
        return (
            engines.check_fixed(directory, _FIXED[kind], given.get("engine")),
        )
    chosen: tuple[EngineChoice, ...]
    if kind is Kind.MODEL:
        chosen = (engines.choose(directory, given),)
    else:
        ensemble = model_directory.read_ensemble(os.fspath(directory))
        chosen = tuple(
            engines.choose_for_member(one, given)
            for one in ensemble.directories
        )
    engines.check_threads(directory, chosen, given.get("threads"))
    return chosen


def _decoding(kind: Kind, given: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the given settings of decoding."""
    others = {*OPTIONS[kind], *_CHOOSING[kind]}
    return {k: v for k, v in given.items() if k not in others}


def _predictor(kind: Kind, chosen: Sequence[EngineChoice]) -> Any:
    predictor: Any
    is_onnx = chosen[0].engine is Engine.ONNX
    if kind is Kind.ONNX or (kind is Kind.MODEL and is_onnx):
        from biaffine_tf.inference.onnx import OnnxPredictor as predictor
    elif kind is Kind.SAVED_MODEL:
        from biaffine_tf.inference.saved_model import (
            SavedModelPredictor as predictor,
        )
    elif kind is Kind.ENSEMBLE:
        from biaffine_tf.inference.ensemble import (
            EnsemblePredictor as predictor,
        )
    else:
        from biaffine_tf.inference.predictor import Predictor as predictor
    return predictor


def _check(kind: Kind, options: Mapping[str, Any]) -> dict[str, Any]:
    """Checks the given options and converts names of enums to members.

    Raises:
        ConfigError: If an option or its value is unknown.
    """
    settings = settings_of(DecodingConfig).keys()
    known = [*OPTIONS[kind], *_CHOOSING[kind], *settings]
    unknown = sorted(options.keys() - set(known))
    if unknown:
        raise ConfigError(
            f"{kind} is loaded without {unknown[0]!r}",
            remedy=f"give some of {', '.join(sorted(known))}",
        )
    # Before TensorFlow is loaded; checked with the directory's own later.
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

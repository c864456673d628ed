"""Ensemble directories: several models that answer as one.

ensemble.json        members, weights, rule, calibration, fingerprints
fold-1/ ...          model directories of members that were trained for it
out_of_fold.jsonl    predictions of the training sentences, each by members that
                     were not trained on it
scores.json          scores of the members and of both rules
opinions/            candidates of the members, for continuing a killed vote

A model directory is an ensemble of one for whoever asks `read_ensemble`.
"""

from __future__ import annotations

import dataclasses
import enum
import os
from collections.abc import Mapping, Sequence

from biaffine_tf.calibration.confidence import Confidence
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.model_directory.names import WEIGHTS

ENSEMBLE = "ensemble.json"
OUT_OF_FOLD = "out_of_fold.jsonl"
_VERSION = 1
_REMEDY = "make the ensemble again: python -m biaffine_tf.ensemble train"
_SHAPE = {
    "format_version": int,
    "members": [{"path": str, "weight": float, "fingerprints": {str: str}}],
    "rule": str,
    "vote_threshold": float,
    "average_threshold": float,
    "labels": [str],
    "confidence": {str: object},
}


class Rule(enum.StrEnum):
    """How the members of an ensemble decide.

    - `votes`: weighted votes on entities; see `decoding.voting.vote`.
    - `average`: averaged calibrated log-odds before one exact decoding.
    """

    VOTES = "votes"
    AVERAGE = "average"


@dataclasses.dataclass(frozen=True, kw_only=True)
class EnsembleMember:
    """A member of an ensemble.

    Attributes:
        directory: Path of its model directory.
        weight: Weight of its opinion, positive.
        fingerprints: Fingerprints of its files by name.
    """

    directory: str
    weight: float = 1.0
    fingerprints: Mapping[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Ensemble:
    """Description of an ensemble.

    Attributes:
        members: Its members; at least one.
        labels: Labels of all members.
        rule: How they decide.
        vote_threshold: Share of the weights that votes must exceed.
        average_threshold: Averaged score that an entity must exceed, before
            the calibration of the ensemble, in (0, 1).
        confidence: Calibration of the averaged log-odds.
    """

    members: tuple[EnsembleMember, ...]
    labels: tuple[str, ...]
    rule: Rule = Rule.AVERAGE
    vote_threshold: float = 0.5
    average_threshold: float = 0.5
    confidence: Confidence = dataclasses.field(default_factory=Confidence)

    @property
    def directories(self) -> tuple[str, ...]:
        """Model directories of the members."""
        return tuple(one.directory for one in self.members)

    @property
    def weights(self) -> tuple[float, ...]:
        """Weights of the members."""
        return tuple(one.weight for one in self.members)


def is_ensemble(directory: str | os.PathLike[str]) -> bool:
    """Whether a directory holds an ensemble."""
    return os.path.isfile(os.path.join(directory, ENSEMBLE))


def member_directories(directory: str) -> tuple[str, ...]:
    """Returns the models of an ensemble; of a model directory, itself."""
    if not is_ensemble(directory):
        return (directory,)
    return read_ensemble(directory).directories


def write_ensemble(directory: str, ensemble: Ensemble) -> None:
    """Writes the description of an ensemble, atomically.

    Paths of members within the directory are stored relative to it.

    Args:
        directory: Ensemble directory.
        ensemble: Description; fingerprints of its members included.
    """
    write_json(
        os.path.join(directory, ENSEMBLE),
        {
            "format_version": _VERSION,
            "rule": str(ensemble.rule),
            "vote_threshold": ensemble.vote_threshold,
            "average_threshold": ensemble.average_threshold,
            "labels": list(ensemble.labels),
            "confidence": ensemble.confidence.to_json(),
            "members": [
                {
                    "path": _stored_path(one.directory, directory),
                    "weight": one.weight,
                    "fingerprints": dict(one.fingerprints),
                }
                for one in ensemble.members
            ],
        },
    )


def read_ensemble(directory: str) -> Ensemble:
    """Reads the description of an ensemble.

    Raises:
        ConfigError: If it is damaged or of another version.
    """
    path = os.path.join(directory, ENSEMBLE)
    try:
        values = read_json(path, _SHAPE, what="an ensemble", remedy=_REMEDY)
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file", remedy=_REMEDY) from error
    if values["format_version"] != _VERSION or values["rule"] not in set(Rule):
        raise ConfigError(
            f"{path}: written by another version of biaffine_tf", remedy=_REMEDY
        )
    if not values["members"]:
        raise ConfigError(f"{path}: it has no members", remedy=_REMEDY)
    return Ensemble(
        members=tuple(
            EnsembleMember(
                directory=os.path.join(directory, one["path"]),
                weight=one["weight"],
                fingerprints=one["fingerprints"],
            )
            for one in values["members"]
        ),
        labels=tuple(values["labels"]),
        rule=Rule(values["rule"]),
        vote_threshold=values["vote_threshold"],
        average_threshold=values["average_threshold"],
        confidence=Confidence.from_json(values["confidence"]),
    )


def check_members(
    ensemble: Ensemble,
    current: Sequence[Mapping[str, str]],
) -> None:
    """Checks that members are those that the ensemble was made of.

    Args:
        ensemble: Description of the ensemble.
        current: Fingerprints of the members' files as they are now; files that
            are missing here are not compared.

    Raises:
        ConfigError: If a file of a member has changed.
    """
    for member, now in zip(ensemble.members, current, strict=True):
        for name in (*member.fingerprints, *now):
            if name not in now and name == WEIGHTS:
                continue  # not read
            if now.get(name) != member.fingerprints.get(name):
                raise ConfigError(
                    f"{os.path.join(member.directory, name)}: has changed "
                    "since the ensemble was made",
                    remedy="restore it, or make the ensemble again by its "
                    "command",
                )


def _stored_path(path: str, directory: str) -> str:
    """Returns a path relative to the directory if it lies within it."""
    path, parent = os.path.abspath(path), os.path.abspath(directory)
    if os.path.commonpath([path, parent]) == parent:
        return os.path.relpath(path, parent)
    return path

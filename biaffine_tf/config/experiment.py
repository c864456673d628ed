"""Settings of an experiment, of this version or older."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

from biaffine_tf import __version__
from biaffine_tf.config.decoding import Decoder, DecodingConfig
from biaffine_tf.config.model import ModelConfig
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.training import HeadStart, Precision, TrainingConfig
from biaffine_tf.errors import ConfigError

# Raised by a change that makes old settings mean something else, or new ones
# be misread by an older program; `_UPGRADES` then says what the old ones meant.
CONFIG_VERSION = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentConfig(Settings):
    """One experiment: what a model directory's `config.json` holds.

    Attributes:
        data: Fingerprints of the training and evaluation files, which make
            "the same experiment" a statement about content, not paths.
        version: Of the settings; `from_dict` brings older ones up to date.
        written_by: Which biaffine_tf wrote them, for people; empty if that is
            not known.
    """

    model: ModelConfig
    training: TrainingConfig = TrainingConfig()
    decoding: DecodingConfig = DecodingConfig()
    data: dict[str, str] = dataclasses.field(default_factory=dict)
    version: int = CONFIG_VERSION
    written_by: str = dataclasses.field(default=__version__, compare=False)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Builds the config from `to_dict`'s output, of this version or older.

        Raises:
            ConfigError: If it is of a newer version, or a setting is unknown,
                missing or out of range.
        """
        if isinstance(values, dict):
            values = _up_to_date(values)
        return super().from_dict(values)

    def differences(self, other: ExperimentConfig) -> list[str]:
        """Names of the settings in which two experiments differ."""
        both = (self.to_dict(), other.to_dict())
        for one in both:
            del one["written_by"]
        return setting_differences(*both)


def _up_to_date(values: dict[str, Any]) -> dict[str, Any]:
    """Settings of any version up to this one's, as this one's."""
    version = values.get("version", 1)
    if type(version) is not int or version < 1:
        raise ConfigError(
            f"version must be an integer from 1 to {CONFIG_VERSION}, got "
            f"{version!r}",
        )
    if version > CONFIG_VERSION:
        raise ConfigError(
            f"written by biaffine_tf {values.get('written_by', '(newer)')} "
            f"(settings of version {version}), this is {__version__} (up to "
            f"version {CONFIG_VERSION})",
            remedy="upgrade biaffine_tf",
        )
    for older in range(version, CONFIG_VERSION):
        values = _UPGRADES[older](values)
    return {**values, "version": CONFIG_VERSION}


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """There was no choice of decoders at first: it was the greedy one."""
    values = {"written_by": "", **values}
    if isinstance(decoding := values.get("decoding", {}), dict):
        values["decoding"] = {"decoder": Decoder.GREEDY, **decoding}
    return values


def _from_version_2(values: dict[str, Any]) -> dict[str, Any]:
    """All classes were equally likely at the start."""
    if isinstance(training := values.get("training", {}), dict):
        values["training"] = {"head_start": HeadStart.ZERO, **training}
    return values


def _from_version_3(values: dict[str, Any]) -> dict[str, Any]:
    """Models were scored in the precision that they were trained in."""
    if isinstance(training := values.get("training", {}), dict):
        precision = training.get("precision", Precision.FLOAT32)
        values["training"] = {"evaluation_precision": precision, **training}
    return values


# What settings of a version are in the next one.
_UPGRADES = {1: _from_version_1, 2: _from_version_2, 3: _from_version_3}


def setting_differences(
    left: dict[str, Any], right: dict[str, Any]
) -> list[str]:
    """Dotted names of the values in which two nested dictionaries differ."""
    mine, theirs = _flatten(left), _flatten(right)
    return sorted(
        key
        for key in mine.keys() | theirs.keys()
        if mine.get(key) != theirs.get(key)
    )


def _flatten(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, dict):
            flat.update(_flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat

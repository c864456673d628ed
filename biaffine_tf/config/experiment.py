"""Settings of an experiment, with upgrades from older versions."""

from __future__ import annotations

import dataclasses
from typing import Any, Self

from biaffine_tf import __version__
from biaffine_tf.config.decoding import Decoder, DecodingConfig
from biaffine_tf.config.model import ModelConfig
from biaffine_tf.config.sections import Settings
from biaffine_tf.config.training import HeadStart, Precision, TrainingConfig
from biaffine_tf.errors import ConfigError

# Increased when the meaning of stored settings changes, or an older program
# would misread new ones; `_UPGRADES` converts older settings.
CONFIG_VERSION = 4


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExperimentConfig(Settings):
    """All settings of an experiment, stored as `config.json`.

    Attributes:
        data: Fingerprints of the training and evaluation files: experiments
            are the same if contents are, whatever the paths.
        version: Version of the settings; `from_dict` upgrades older ones.
        written_by: Version of biaffine_tf that wrote them, for information;
            empty if unknown.
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
        """Returns the names of the settings in which two experiments differ."""
        both = (self.to_dict(), other.to_dict())
        for one in both:
            del one["written_by"]
        return setting_differences(*both)


def _up_to_date(values: dict[str, Any]) -> dict[str, Any]:
    """Upgrades settings of any version to the current one."""
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
    """Adds the decoder, which was always greedy."""
    values = {"written_by": "", **values}
    if isinstance(decoding := values.get("decoding", {}), dict):
        values["decoding"] = {"decoder": Decoder.GREEDY, **decoding}
    return values


def _from_version_2(values: dict[str, Any]) -> dict[str, Any]:
    """Adds the initialization of the head, which was always zero."""
    if isinstance(training := values.get("training", {}), dict):
        values["training"] = {"head_start": HeadStart.ZERO, **training}
    return values


def _from_version_3(values: dict[str, Any]) -> dict[str, Any]:
    """Adds the precision of evaluation, which was that of training."""
    if isinstance(training := values.get("training", {}), dict):
        precision = training.get("precision", Precision.FLOAT32)
        values["training"] = {"evaluation_precision": precision, **training}
    return values


# Functions from a version to the next one.
_UPGRADES = {1: _from_version_1, 2: _from_version_2, 3: _from_version_3}


def setting_differences(
    left: dict[str, Any], right: dict[str, Any]
) -> list[str]:
    """Returns the dotted names of values that differ in nested dictionaries."""
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

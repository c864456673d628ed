"""Manifest of an export: `export.json`; no TensorFlow."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from typing import Any

from biaffine_tf import __version__
from biaffine_tf.config import (
    DecodingConfig,
    ExportFormat,
    ExportPrecision,
    LongText,
)
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable, write_json
from biaffine_tf.json_files import find_problem, read_json, rename_keys

MANIFEST = "export.json"
_VERSION = 1
_SHAPE = {
    "version": int,
    "biaffine_tf": str,
    "format": str,
    "precision": str,
    "xla": bool,
    "labels": [str],
    "decoding": {str: object},
    "long_text": str,
    "max_tokens": int,
    "source": {str: str},
    "parity": {str: float},
    "cost?": ({str: float}, None),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """Settings of an export, and its comparison with the model.

    Attributes:
        format: Format of the export.
        precision: Precision of weights and products.
        xla: Whether XLA compiles it.
        labels: Labels in the order of their ids.
        decoding: Settings of decoding.
        long_text: Treatment of long texts.
        max_tokens: Maximum number of tokens per window, [CLS] and [SEP]
            excluded.
        source: Fingerprints of the model directory's files.
        parity: Result of the comparison with the model.
        cost: Micro F1 of the model and the export on the dev set; None
            without labelled data.
    """

    format: ExportFormat
    precision: ExportPrecision
    xla: bool
    labels: tuple[str, ...]
    decoding: DecodingConfig
    long_text: LongText
    max_tokens: int
    source: dict[str, str]
    parity: dict[str, float]
    cost: dict[str, float] | None = None

    def write(self, directory: str) -> None:
        """Writes `export.json`."""
        values = {
            "version": _VERSION,
            "biaffine_tf": __version__,
            **dataclasses.asdict(self),
            "decoding": self.decoding.to_dict(),
        }
        write_json(os.path.join(directory, MANIFEST), values)

    @classmethod
    def read(cls, directory: str) -> Manifest:
        """Reads `export.json`.

        Raises:
            ConfigError: If the directory is no export, or that of a newer
                version.
        """
        path = os.path.join(directory, MANIFEST)
        remedy = "export the model again (--export_dir)"
        try:
            values = read_json(path, what="of an export", remedy=remedy)
        except FileNotFoundError as error:
            raise ConfigError(
                f"{directory}: not an export of ours ({MANIFEST}: "
                f"{error.strerror})",
                remedy=remedy,
            ) from error
        try:
            return cls._from_values(values)
        except (TypeError, ValueError, ConfigError) as error:
            made_by = (
                values.get("biaffine_tf") if isinstance(values, dict) else None
            )
            raise ConfigError(
                f"{path}: not readable ({error}); it was written by version "
                f"{made_by}, this is {__version__}",
                remedy=remedy,
            ) from error

    def check_decoding(self, settings: Mapping[str, Any]) -> None:
        """Checks that settings equal those of the graph.

        Args:
            settings: Fields of `DecodingConfig`; None for those not given.

        Raises:
            ConfigError: If a setting differs.
        """
        if self.decoding.replace_given(**settings) != self.decoding:
            given = ", ".join(
                f"{name}={value}"
                for name, value in sorted(settings.items())
                if value is not None
            )
            raise ConfigError(
                f"{given}: the model was exported with other settings",
                remedy="export it with these, or load the model directory",
            )

    @classmethod
    def _from_values(cls, values: dict[str, Any]) -> Manifest:
        if isinstance(values, dict):
            values = rename_keys(values, {"max_pieces": "max_tokens"})
        if (problem := find_problem(values, _SHAPE)) is not None:
            raise ValueError(problem)
        values = dict(values)
        if values.pop("version") != _VERSION:
            raise ValueError("another version of the format")
        values.pop("biaffine_tf")
        return cls(
            **values
            | {
                "format": ExportFormat(values["format"]),
                "precision": ExportPrecision(values["precision"]),
                "long_text": LongText(values["long_text"]),
                "labels": tuple(values["labels"]),
                "decoding": DecodingConfig.from_dict(values["decoding"]),
            }
        )


def check_export_dir(directory: str) -> None:
    """Checks that an export can be written to a directory.

    Raises:
        ConfigError: If it cannot.
    """
    if os.path.lexists(directory) and (
        not os.path.isdir(directory) or os.listdir(directory)
    ):
        raise ConfigError(
            f"{directory}: exists and is not an empty folder",
            remedy="delete it, or give another --export_dir",
        )
    check_writable(directory)

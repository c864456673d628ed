"""Output directory of a pretraining run, an encoder directory with extras.

config.json, model.safetensors, vocab.txt, tokenizer_config.json
                   the encoder with its output layer, at the last checkpoint
generator/         ELECTRA: the same of the generator
pretraining.json   settings of the run, and whether it is complete
history.json       metrics of held-out text
logs/              TensorBoard
checkpoints/       for continuing a killed run; removed at the end
"""

from __future__ import annotations

import dataclasses
import os
from typing import TYPE_CHECKING, Any

from biaffine_tf.config import PretrainingConfig, setting_differences
from biaffine_tf.encoders import checkpoints
from biaffine_tf.files import remove, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.locks import LOCK
from biaffine_tf.model_directory import (
    CHECKPOINTS,
    HISTORY,
    LOGS,
    RunDirectory,
)
from biaffine_tf.tokenization import Tokenizer

if TYPE_CHECKING:
    from biaffine_tf.pretraining.encoder_part import (
        EncoderPart,
        PretrainingObjective,
    )

GENERATOR = "generator"
_SETTINGS = "pretraining.json"


class PretrainingDirectory(RunDirectory):
    """Output directory of a pretraining run.

    Args:
        path: Path of the directory.
        config: Settings of the run.
    """

    def __init__(self, path: str, config: PretrainingConfig) -> None:
        super().__init__(path)
        self._config = config

    def strangers(self) -> list[str]:
        """Lists all files if there are no settings of a run."""
        if self._stored() is not None or not os.path.isdir(self.path):
            return []
        return sorted(set(os.listdir(self.path)) - {LOCK})

    def differences(self) -> list[str]:
        """Lists the settings in which an existing run differs from this one."""
        stored = self._stored()
        if stored is None:
            return []
        # Earlier versions did not know all settings.
        defaults = {
            field.name: field.default
            for field in dataclasses.fields(PretrainingConfig)
            if field.default is not dataclasses.MISSING
        }
        return setting_differences(
            {**defaults, **stored["settings"]}, self._config.to_dict()
        )

    def is_complete(self) -> bool:
        """Whether a run is there and complete."""
        stored = self._stored()
        return stored is not None and stored["complete"]

    def remove_run(self) -> None:
        """Removes the files that a run would continue from."""
        for name in (CHECKPOINTS, HISTORY, LOGS, GENERATOR):
            remove(os.path.join(self.path, name))

    def begin(self) -> None:
        """Marks the directory as this run's; removes another run."""
        os.makedirs(self.path, exist_ok=True)
        self.reset()
        self._write(complete=False)

    def finish(self) -> None:
        """Marks the run as complete and removes its checkpoints."""
        self._write(complete=True)
        remove(os.path.join(self.path, CHECKPOINTS))

    def _write(self, *, complete: bool) -> None:
        write_json(
            os.path.join(self.path, _SETTINGS),
            {"complete": complete, "settings": self._config.to_dict()},
        )

    def _stored(self) -> dict[str, Any] | None:
        try:
            return read_json(
                os.path.join(self.path, _SETTINGS),
                {"settings": {str: object}, "complete": bool},
                what="the settings of a run",
                remedy="give another --output_dir",
            )
        except FileNotFoundError:
            return None


def write_encoders(
    directory: str, objective: PretrainingObjective, tokenizer: Tokenizer
) -> None:
    """Writes the current encoder, and ELECTRA's generator.

    Args:
        directory: Output directory.
        objective: Objective of the run.
        tokenizer: Tokenizer of the records.
    """
    _write_encoder(directory, objective.encoder_part, tokenizer)
    if objective.generator_part is not None:
        folder = os.path.join(directory, GENERATOR)
        _write_encoder(folder, objective.generator_part, tokenizer)


def _write_encoder(
    directory: str, part: EncoderPart, tokenizer: Tokenizer
) -> None:
    checkpoints.write_huggingface(
        directory,
        part.config,
        checkpoints.tensors_of(part.variables_by_name()),
        tokenizer.vocabulary,
        tokenizer=checkpoints.TokenizerSettings.of(tokenizer),
    )

"""The output directory of a pretraining run: an encoder directory, and more.

config.json, model.safetensors, vocab.txt, tokenizer_config.json
                   the encoder with its output layer, as of the last checkpoint
generator/         ELECTRA: the same of the generator
pretraining.json   the settings of the run, and whether it is complete
history.json       figures on held-out text
logs/              TensorBoard
checkpoints/       to go on after a kill; removed at the end
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from biaffine_tf.config import PretrainingConfig, setting_differences
from biaffine_tf.encoders import checkpoints
from biaffine_tf.errors import ConfigError
from biaffine_tf.files import check_writable, remove, write_json
from biaffine_tf.json_files import read_json
from biaffine_tf.locks import LOCK
from biaffine_tf.model_directory import CHECKPOINTS, HISTORY, LOGS
from biaffine_tf.tokenization import Tokenizer

if TYPE_CHECKING:
    from biaffine_tf.pretraining.objectives import (
        EncoderPart,
        PretrainingObjective,
    )

GENERATOR = "generator"
_SETTINGS = "pretraining.json"


def claim(
    directory: str, config: PretrainingConfig, *, overwrite: bool
) -> bool:
    """Decides whether a directory is this run's to write.

    Changes nothing; see `begin`.

    Args:
        directory: May be new, or hold an earlier start of this run.
        config: The run.
        overwrite: Accept a directory that holds another run.

    Returns:
        True if there is something to do, False if it has been done.

    Raises:
        ConfigError: If the directory cannot be written to, or holds another
            run or something else.
    """
    check_writable(directory)
    stored = _stored(directory)
    if stored is None:
        if os.path.isdir(directory) and set(os.listdir(directory)) - {LOCK}:
            raise ConfigError(
                f"{directory}: holds files that are no pretraining run's",
                remedy="give another --output_dir",
            )
        return True
    differences = setting_differences(stored["settings"], config.to_dict())
    if not differences:
        return not stored["complete"]
    if not overwrite:
        raise ConfigError(
            f"{directory}: holds another run, which differs in "
            f"{', '.join(differences)}",
            remedy="give another --output_dir, or --overwrite to replace it",
        )
    return True


def begin(directory: str, config: PretrainingConfig) -> None:
    """Makes a directory that was claimed this run's, removing another's."""
    os.makedirs(directory, exist_ok=True)
    stored = _stored(directory)
    if stored is not None and setting_differences(
        stored["settings"], config.to_dict()
    ):
        for name in (CHECKPOINTS, HISTORY, LOGS, GENERATOR):
            remove(os.path.join(directory, name))
    _write(directory, config, complete=False)


def finish(directory: str, config: PretrainingConfig) -> None:
    """Marks the run as complete and removes what it no longer needs."""
    _write(directory, config, complete=True)
    remove(os.path.join(directory, CHECKPOINTS))


def write_encoders(
    directory: str, objective: PretrainingObjective, tokenizer: Tokenizer
) -> None:
    """Writes the encoder, and ELECTRA's generator, as they are now.

    Args:
        directory: The output directory.
        objective: Of the run, with its weights.
        tokenizer: That the records were made with.
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


def _write(
    directory: str, config: PretrainingConfig, *, complete: bool
) -> None:
    write_json(
        os.path.join(directory, _SETTINGS),
        {"complete": complete, "settings": config.to_dict()},
    )


def _stored(directory: str) -> dict[str, Any] | None:
    path = os.path.join(directory, _SETTINGS)
    try:
        return read_json(
            path,
            {"settings": {str: object}, "complete": bool},
            what="the settings of a run",
            remedy="give another --output_dir",
        )
    except FileNotFoundError:
        return None
